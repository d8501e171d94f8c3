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
        self.assertEqual(
            svg.colours(self.element),
            "--c000000:light-dark(#000000,#ffffff);\n"
            "--cffffff:light-dark(#ffffff,#161616);",
        )


class DarkColourTest(parameterized.TestCase):
    def test_a_scale_of_greys_turns_round(self):
        greys = [f"#{2 * f'{x:02x}'}{x:02x}" for x in range(0, 256, 15)]
        dark = [int(svg.dark_colour(x)[1:3], 16) for x in greys]
        self.assertEqual(dark, sorted(dark, reverse=True))
        self.assertLen(set(dark), len(dark))

    @parameterized.parameters("#0b4f8a", "#d9731a", "#440154", "#7ad151")
    def test_colours_of_lines_are_seen_on_the_dark_page(self, colour):
        # WCAG 2.1, 1.4.11: 3 to 1 for graphics.
        ratio = _contrast(svg.dark_colour(colour), svg.dark_colour("#ffffff"))
        self.assertGreater(ratio, 3)

    def test_blue_stays_blue_and_orange_orange(self):
        red, _, blue = _channels(svg.dark_colour("#0b4f8a"))
        self.assertGreater(blue, red)
        red, _, blue = _channels(svg.dark_colour("#d9731a"))
        self.assertGreater(red, blue)


def _channels(colour):
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _contrast(one, other):
    def luminance(colour):
        linear = [
            x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4
            for x in _channels(colour)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
