"""A figure as part of a page: ids of its own, and colours for two themes.

In the dark theme every colour keeps its hue and turns its lightness round, so
that black lines on white become white lines on black and a scale from light
to dark stays a scale.
"""

import re

# What is between two tags, such as the name of a class, is left as it is.
_TAG = re.compile(r"<[^>]*>")
_COLOUR = re.compile(r"#([0-9a-fA-F]{6})\b")
_ID = re.compile(r'\bid="([^"]+)"')
_REFERENCE = re.compile(r'(url\(#|href="#)([^")]+)')
_PROLOGUE = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_SIZE = re.compile(r'(<svg [^>]*?) ?width="([\d.]+)pt" ?height="[\d.]+pt"')


def inline(svg: str, *, name: str) -> str:
    """Returns an SVG file as an element of a page.

    It is as wide as the page lets it. ``<title>`` and ``<desc>`` are left to
    the page, which has no other figure of this name.
    """
    element = _METADATA.sub("", _PROLOGUE.sub("", svg))
    element = _SIZE.sub(r"\1", element, count=1)
    element = _TAG.sub(lambda tag: _of_page(tag[0], name), element)
    return element.replace(
        "<svg ",
        f'<svg role="img" aria-labelledby="{name}-title {name}-caption" ',
        1,
    ).strip()


def _of_page(tag: str, name: str) -> str:
    """Returns a tag with ids of the figure, and colours of the page."""
    tag = _ID.sub(rf'id="{name}-\1"', tag)
    tag = _REFERENCE.sub(rf"\1{name}-\2", tag)
    return _COLOUR.sub(lambda x: f"var(--c{x[1].lower()})", tag)


def colours(elements: str) -> str:
    """Returns the colours that elements use, as declarations in CSS.

    In the dark theme the lightness l of Oklab becomes 1 - 0.8 l^2: white
    becomes the dark background, black becomes white. The square leaves
    colours of middle lightness light enough to be seen.
    """
    names = sorted(set(re.findall(r"var\(--c([0-9a-f]{6})\)", elements)))
    return "\n".join(
        f"--c{name}:light-dark(#{name},"
        f"oklch(from #{name} calc(1 - 0.8 * l * l) c h));"
        for name in names
    )
