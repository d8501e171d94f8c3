"""Pictures of scored rows: which classes are confused, and how surely.

All but large matrices are lines and areas, which a page can show in the
colours of another theme.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps, ticker
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, PowerNorm
from matplotlib.figure import Figure

from tf_bert.report import row_numbers
from tf_bert.report.figures import style
from tf_bert.report.row_numbers import RECALLS, ClassCurve
from tf_bert.scoring.scored_rows import ScoredRows

MAX_CURVES = 5  # More lines are not told apart.

_MAX_CLASSES_WITH_NUMBERS = 12
_MAX_NARROW_CLASSES = 6
_MAX_NAME_LENGTH = 24
_STEPS = "steps-pre"  # Between two thresholds precision is the lower's.
_LINE_STYLES = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1.2)),
    (0, (5, 1.2, 1, 1.2)),
    (0, (9, 1.2, 1, 1.2, 1, 1.2)),
)


def confusion_matrix(counts: np.ndarray, label_names: Sequence[str]) -> Figure:
    """Draws how often each class is taken for each other one.

    Colour is the share of the true class, on a scale by its square root: a
    few percent are seen. Up to 12 classes counts and shares are written;
    above, the scale stands over the matrix.

    Args:
        counts: of `row_numbers.confusion_counts`.
    """
    sizes = counts.sum(axis=1, keepdims=True)
    shares = np.divide(  # A class without rows has none: grey.
        counts, sizes, out=np.full(counts.shape, np.nan), where=sizes > 0
    )
    # One colour from light to dark: for any eye, and in grey print.
    colours = colormaps["Blues"].with_extremes(bad="0.85")
    norm = PowerNorm(0.5, vmin=0, vmax=1)
    figure = style.new_figure(height=min(7.2, 1.4 + 0.4 * len(counts)))
    if len(counts) > _MAX_NARROW_CLASSES:
        figure.set_figwidth(6.3)  # More need the width of a page.
    axes = figure.subplots()
    if len(counts) <= _MAX_CLASSES_WITH_NUMBERS:
        _draw_cells(axes, counts, shares, colours, norm)
    else:
        _draw_image(axes, shares, colours, norm)
    _name_classes(axes, label_names)
    return figure


def _draw_cells(
    axes: Axes,
    counts: np.ndarray,
    shares: np.ndarray,
    colours: Colormap,
    norm: PowerNorm,
) -> None:
    """Draws areas with numbers in them."""
    places = range(len(counts))
    axes.pcolormesh(
        places,
        places,
        shares,
        shading="nearest",
        cmap=colours,
        norm=norm,
        edgecolors="white",
        linewidth=1,
    )
    axes.invert_yaxis()
    for (label, prediction), count in np.ndenumerate(counts):
        share = shares[label, prediction]
        axes.text(
            prediction,
            label,
            f"{count}\n{100 * share:.0f} %" if count else "0",
            ha="center",
            va="center",
            fontsize=9 if len(counts) < 7 else 6.5,
            color="white" if norm(share) > 0.6 else "black",
        )


def _draw_image(
    axes: Axes, shares: np.ndarray, colours: Colormap, norm: PowerNorm
) -> None:
    """Draws one picture: thousands of areas would take a megabyte."""
    image = axes.imshow(
        shares, norm=norm, cmap=colours, interpolation="none", aspect="auto"
    )
    axes.figure.colorbar(
        image,
        location="top",
        aspect=40,
        label="share of the true class",
        ticks=[0, 0.05, 0.2, 0.5, 1],
        format=ticker.PercentFormatter(1, symbol=" %"),
    )


def _name_classes(axes: Axes, label_names: Sequence[str]) -> None:
    num_classes = len(label_names)
    names = [_shown_name(name) for name in label_names]
    size = 8 if num_classes <= 24 else max(4, 8 * 24 / num_classes)
    form = {"fontsize": size, "parse_math": False}
    axes.set_yticks(range(num_classes), names, **form)
    is_upright = num_classes * max(map(len, names)) > 48
    axes.set_xticks(
        range(num_classes), names, rotation=90 if is_upright else 0, **form
    )
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_ylabel("true class")
    axes.set_xlabel("predicted class")


def one_class(curve: ClassCurve) -> Figure:
    """Draws precision against recall of a class, each trial as a thin line."""
    figure, axes = _precision_against_recall()
    num_trials = len(curve.precision)
    name = f"average precision {curve.mean:.3f}"
    if num_trials > 1:
        name = f"mean of {num_trials} trials: {name}"
        for number, precision in enumerate(curve.precision):
            axes.plot(
                RECALLS,
                precision,
                drawstyle=_STEPS,
                color="0.75",
                linewidth=0.6,
                label=None if number else "each trial",
            )
    axes.plot(
        RECALLS,
        curve.precision.mean(axis=0),
        drawstyle=_STEPS,
        color=style.BLUE,
        label=name,
    )
    axes.axhline(
        curve.base_rate,
        color=style.BLACK,
        linestyle=":",
        linewidth=0.9,
        label=f"guessing: {100 * curve.base_rate:.1f} % of examples have it",
    )
    style.legend_below(figure)
    return figure


def hardest_classes(
    curves: Sequence[ClassCurve], label_names: Sequence[str]
) -> Figure:
    """Draws precision against recall of the first `MAX_CURVES` classes.

    And their macro average over all; a line is the mean over the trials.
    """
    figure, axes = _precision_against_recall()
    drawn = curves[:MAX_CURVES]
    shades = colormaps["viridis"](np.linspace(0, 0.85, len(drawn)))
    for curve, shade, line in zip(drawn, shades, _LINE_STYLES, strict=False):
        # A text that starts with "_" would be left out of the legend.
        axes.plot(
            RECALLS,
            curve.precision.mean(axis=0),
            drawstyle=_STEPS,
            color=shade,
            linestyle=line,
            label=f"{curve.mean:.3f}  "
            f"{_shown_name(label_names[curve.class_id])} "
            f"(examples: {curve.num_rows})",
        )
    axes.plot(
        RECALLS,
        np.mean([curve.precision.mean(axis=0) for curve in curves], axis=0),
        drawstyle=_STEPS,
        color=style.BLACK,
        linewidth=2.2,
        label=f"{row_numbers.macro_average(curves):.3f}  mean of all "
        f"{len(curves)} classes",
    )
    style.legend_below(figure, title="average precision")
    return figure


def _precision_against_recall() -> tuple[Figure, Axes]:
    figure = style.new_figure(height=3.6)
    axes = figure.subplots()
    axes.set_xlim(0, 1.01)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("recall: share of the class that is found")
    axes.set_ylabel("precision: share of what\nis found that is right")
    return figure, axes


def predicted_against_true(trials: Sequence[ScoredRows]) -> Figure:
    """Draws the predicted score of each row in each trial over its label.

    They are counted in hexagons.
    """
    labels = np.concatenate([rows.labels for rows in trials])
    predictions = np.concatenate([rows.predictions for rows in trials])
    every = np.concatenate([labels, predictions])
    ends = [every.min(), every.max()]
    figure = style.new_figure(height=4.0)
    axes = figure.subplots()
    axes.plot(ends, ends, color=style.ORANGE, linestyle="--", zorder=3)
    hexagons = axes.hexbin(
        labels,
        predictions,
        gridsize=32,
        mincnt=1,
        norm=LogNorm(vmin=0.3),  # So that a single row is not white.
        cmap="Blues",
        linewidths=0.2,
    )
    hexagons.norm.vmax = max(2, hexagons.get_array().max())
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_xlabel("true score")
    axes.set_ylabel("predicted score")
    return figure


def _shown_name(name: str) -> str:
    """Returns a class's name on one line, cut where it is long."""
    name = " ".join(name.split())
    if len(name) <= _MAX_NAME_LENGTH:
        return name
    return name[: _MAX_NAME_LENGTH - 1] + "…"
