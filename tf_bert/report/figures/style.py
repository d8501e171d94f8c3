"""How all pictures look, and how they are written: PNG and SVG.

Everything is told apart by line style and marker, and by a lightness that
rises with the height of a block: in grey print too.
"""

import contextlib
import io
import itertools
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib import colormaps, ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend

BLACK = "black"
BLUE, ORANGE = "#0b4f8a", "#d9731a"  # Dark and light in grey.
_BAND = 0.18  # Opacity of a band around a line.

# As wide as a phone can show with letters large enough to read.
_WIDTH = 4.4
# Of a legend, in letters.
_LINE_LENGTH = 64
_SETTINGS = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "figure.dpi": 150,
    "font.size": 9,
    "grid.color": "0.92",
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    # Letters are text in a font of the reader's, to be searched and read aloud.
    "svg.fonttype": "none",
    # Ids of the SVG that are the same each time.
    "svg.hashsalt": "tf_bert",
}
_LINES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.2, 1, 1.2)))
_LAYER_MARKERS = ("o", "^", "s", "v", "D")
_RECIPE_MARKERS = (*_LAYER_MARKERS, "P")
_OTHERS = {
    "embeddings": {"color": BLACK, "linestyle": "-", "marker": "x"},
    "pooler": {"color": BLACK, "linestyle": (0, (5, 1.5)), "marker": "P"},
    "classifier": {"color": BLACK, "linestyle": (0, (1, 1.2)), "marker": "*"},
}


@contextlib.contextmanager
def settings() -> Iterator[None]:
    """Draws with these settings alone, whatever a user's own say."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def new_figure(*, height: float) -> Figure:
    """Returns a figure that knows no window; its height is in inches."""
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def mark_steps(axes: Axes, last_step: int) -> None:
    """Labels the axis of the steps, which are whole numbers."""
    axes.set_xlabel("step (optimizer updates)")
    axes.set_xlim(0, 1.02 * last_step)
    axes.xaxis.set_major_locator(
        ticker.MaxNLocator(7, integer=True, steps=[1, 2, 2.5, 5, 10])
    )


def recipe_styles(labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Returns the keywords of `Axes.plot` by which recipes are told apart.

    From dark to light, with line styles and markers in turn: in grey too.
    """
    shade = colormaps["viridis"]
    return {
        label: {
            "color": shade(0.68 * index / max(1, len(labels) - 1)),
            "linestyle": _LINES[index % len(_LINES)],
            "marker": _RECIPE_MARKERS[index % len(_RECIPE_MARKERS)],
        }
        for index, label in enumerate(labels)
    }


def block_styles(blocks: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Returns the keywords of `Axes.plot` by which blocks are told apart.

    Layers go from dark (lowest) to light, with styles and markers in turn; no
    two of up to 20 neighbours share both. All else is black.

    Args:
        blocks: lowest first.
    """
    layers = [block for block in blocks if block not in _OTHERS]
    shades = colormaps["viridis"]
    turns = zip(itertools.cycle(_LINES), itertools.cycle(_LAYER_MARKERS))
    styles = dict(_OTHERS)
    for index, (layer, (line, marker)) in enumerate(
        zip(layers, turns, strict=False)
    ):
        styles[layer] = {
            "color": shades(0.88 * index / max(1, len(layers) - 1)),
            "linestyle": line,
            "marker": marker,
        }
    return {block: styles[block] for block in blocks}


def block_legend(figure: Figure, axes: Axes) -> None:
    """Names the blocks beside the picture, the highest on top, as in BERT."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles[::-1],
        [label.replace("_", " ") for label in labels[::-1]],
        loc="outside right center",
        fontsize=8 if len(labels) < 20 else 7,
        labelspacing=0.4 if len(labels) < 20 else 0.25,
    )


def legend_below(figure: Figure, *, title: str | None = None) -> None:
    """Names all lines below the picture."""
    _as_plain_text(figure.legend(title=title, loc="outside lower center"))


def legend_above(figure: Figure, axes: Axes) -> None:
    """Names the lines above the picture, where they hide no point.

    The figure grows by its height. Without lines there is no legend.
    """
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    longest = max(map(len, labels))
    columns = max(1, min(3, _LINE_LENGTH // (longest + 8)))
    num_rows = -(-len(labels) // columns)
    figure.set_figheight(figure.get_figheight() + 0.17 * num_rows)
    _as_plain_text(
        figure.legend(
            handles,
            labels,
            loc="outside upper left",
            ncols=columns,
        )
    )


def _as_plain_text(legend: Legend) -> None:
    """A dollar sign in a label begins no formula."""
    for text in legend.get_texts():
        text.set_parse_math(False)


def wrapped(label: str, width: int = 24) -> str:
    """Breaks a label between the flags that it names.

    Example:
        >>> wrapped("bias_correction=false, reinit_layers=2")
        'bias_correction=false,\\nreinit_layers=2'
    """
    lines = textwrap.wrap(
        label, width, break_long_words=False, break_on_hyphens=False
    )
    # A dollar sign would begin a formula.
    return "\n".join(lines).replace("$", r"\$")


def draw_band(
    axes: Axes,
    label: str,
    x: Sequence[int],
    quartiles: Sequence[tuple[float, float, float]],
    look: Mapping[str, Any],
) -> None:
    """Draws a line and a band around it: low, middle and high at each x."""
    low, middle, high = np.reshape(quartiles, (-1, 3)).T
    axes.plot(x, middle, label=label, **look)
    axes.fill_between(
        x, low, high, color=look["color"], alpha=_BAND, linewidth=0
    )


def sparse_markers(num_points: int, place: int, num_lines: int) -> Any:
    """Returns where a line has markers: about six, not over its neighbours'.

    Args:
        num_points: of the line.
        place: of the line among all `num_lines`, from 0.
    """
    distance = max(1, num_points // 6)
    return (place * distance // max(1, num_lines), distance)


def to_png(figure: Figure) -> bytes:
    """Returns a picture as a PNG file, the same for the same figure."""
    return _to_bytes(figure, "png", {"Software": None})


def to_svg(figure: Figure) -> bytes:
    """Returns a picture as an SVG file, the same for the same figure."""
    return _to_bytes(figure, "svg", {"Date": None, "Creator": None})


def _to_bytes(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=kind, metadata=metadata)
    return file.getvalue()
