"""A figure as part of a page: ids of its own, and colours for two themes.

In the dark theme every colour keeps its hue and turns its lightness round, so
that black lines on white become white lines on black and a scale from light
to dark stays a scale.
"""

import functools
import math
import re

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
_ID = re.compile(r'\bid="([^"]+)"')
_REFERENCE = re.compile(r'(url\(#|href="#)([^")]+)')
_PROLOGUE = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_SIZE = re.compile(r'(<svg [^>]*?) ?width="([\d.]+)pt" ?height="[\d.]+pt"')
# The page's own background is not quite black.
_DARKEST = 0.2


def inline(svg: str, *, name: str) -> str:
    """Returns an SVG file as an element of a page.

    It is as wide as the page lets it. ``<title>`` and ``<desc>`` are left to
    the page.

    Args:
        svg: of `style.to_svg`.
        name: of the figure, of letters, digits and hyphens; unlike all
            others on the page.
    """
    element = _METADATA.sub("", _PROLOGUE.sub("", svg))
    element = _ID.sub(rf'id="{name}-\1"', element)
    element = _REFERENCE.sub(rf"\1{name}-\2", element)
    element = _SIZE.sub(r"\1", element, count=1)
    element = element.replace(
        "<svg ",
        f'<svg role="img" aria-labelledby="{name}-title {name}-caption" ',
        1,
    )
    return _COLOUR.sub(lambda x: f"var({_variable(x[0])})", element).strip()


def colours(elements: str) -> str:
    """Returns the colours that elements use, as declarations in CSS.

    Args:
        elements: of `inline`, perhaps many.

    Returns:
        ``--c000000:light-dark(#000000,#f0f0f0);`` and so on, sorted.
    """
    names = sorted(set(re.findall(r"var\(--c([0-9a-f]{6})\)", elements)))
    return "\n".join(
        f"--c{name}:light-dark(#{name},{dark_colour('#' + name)});"
        for name in names
    )


def _variable(colour: str) -> str:
    return "--c" + colour[1:].lower()


@functools.lru_cache(maxsize=4096)
def dark_colour(colour: str) -> str:
    """Returns the colour that stands for another in the dark theme.

    Its hue is kept, and its lightness L in Oklab becomes 1 - 0.8 L^2: white
    becomes the dark background, black becomes white. The square leaves
    colours of middle lightness light enough to be seen.

    Args:
        colour: as ``#rrggbb``.

    Example:
        >>> dark_colour("#000000"), dark_colour("#ffffff")
        ('#ffffff', '#161616')

    References:
        Ottosson, 2020. https://bottosson.github.io/posts/oklab/
    """
    red, green, blue = (
        _linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5)
    )
    lightness, a, b = _to_oklab(red, green, blue)
    lightness = 1 - (1 - _DARKEST) * lightness**2
    # Less of the hue until the colour is one that a screen can show.
    for share in (1, 0.8, 0.6, 0.4, 0.2, 0):
        channels = _from_oklab(lightness, share * a, share * b)
        if all(-1e-3 <= x <= 1.001 for x in channels):
            break
    return "#" + "".join(f"{_to_byte(x):02x}" for x in channels)


def _to_oklab(
    red: float, green: float, blue: float
) -> tuple[float, float, float]:
    long = math.cbrt(
        0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue
    )
    medium = math.cbrt(
        0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue
    )
    short = math.cbrt(
        0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue
    )
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_oklab(
    lightness: float, a: float, b: float
) -> tuple[float, float, float]:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _linear(channel: float) -> float:
    """Undoes the curve of sRGB."""
    if channel <= 0.04045:
        return channel / 12.92
    return ((channel + 0.055) / 1.055) ** 2.4


def _to_byte(channel: float) -> int:
    channel = min(max(channel, 0.0), 1.0)
    if channel <= 0.0031308:
        return round(255 * 12.92 * channel)
    return round(255 * (1.055 * channel ** (1 / 2.4) - 0.055))
