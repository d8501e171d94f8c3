"""Tests of tf_bert/report/figures/svg.py: figures inside a page."""

from absl.testing import parameterized

from tf_bert.report.figures import svg

_FILE = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="10pt" height="5pt" \
viewBox="0 0 10 5" xmlns="http://www.w3.org/2000/svg" version="1.1">
 <metadata><rdf>x</rdf></metadata>
 <g id="a" clip-path="url(#clip)"><use xlink:href="#b"/></g>
 <clipPath id="clip"/><path id="b" style="fill: #FFffff; stroke: #000000"/>
</svg>
"""


class InlineTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.element = svg.inline(_FILE, name="scores")

    def test_it_is_one_element(self):
        self.assertStartsWith(self.element, "<svg role=")
        self.assertEndsWith(self.element, "</svg>")
        self.assertNotIn("metadata", self.element)

    def test_ids_and_their_references_get_the_name_of_the_figure(self):
        for part in (
            'id="scores-a"',
            "url(#scores-clip)",
            'id="scores-clip"',
            'xlink:href="#scores-b"',
            'id="scores-b"',
        ):
            self.assertIn(part, self.element)

    def test_the_page_decides_on_its_size_but_not_on_its_shape(self):
        self.assertNotIn("pt", self.element.replace("caption", ""))
        self.assertIn('viewBox="0 0 10 5"', self.element)

    def test_colours_are_variables_that_are_declared(self):
        self.assertIn(
            "fill: var(--cffffff); stroke: var(--c000000)", self.element
        )
        turned = "oklch(from #ffffff calc(1 - 0.8 * l * l) c h)"
        self.assertEndsWith(
            svg.colours(self.element),
            f"--cffffff:light-dark(#ffffff,{turned});",
        )
