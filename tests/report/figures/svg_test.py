"""Tests of tf_bert/report/figures/svg.py."""

import re
import xml.etree.ElementTree as ET

import pytest

from tf_bert.report.figures import style, svg

NAMES = (
    "#a1b2c3",
    'id="x"',
    "url(#y",
    'href="#z"',
    "<a fill='#0b4f8a'>",
    "var(--ca1b2c3)",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_picture_stays_as_it_is(name):
    with style.settings():
        figure = style.new_figure(height=2)
        figure.subplots().plot([0, 1], color=style.BLUE, label=name)
        style.legend_below(figure, title=name)
        file = style.to_svg(figure).decode("utf-8")
    element = svg.inline(file, name="part-picture")
    elements = ET.fromstring(element).findall(".//{*}text")
    texts = ["".join(x.itertext()).strip() for x in elements]
    assert texts.count(name) == 2
    # What is the picture's own is changed.
    tags = "".join(re.findall("<[^>]*>", element))
    assert "var(--c0b4f8a)" in tags
    assert "#0b4f8a" not in tags
    ids = re.findall(r'\bid="([^"]*)"', tags)
    assert ids
    for found in (*ids, *re.findall(r'(?:url\(#|href="#)([^")]*)', tags)):
        assert found.startswith("part-picture-")
