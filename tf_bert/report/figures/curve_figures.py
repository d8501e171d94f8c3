"""The figures of what trainings went through: curves, with bands over trials.

A band reaches from the lower to the upper quartile of the trials at each
step; its line is their median. Of one training it is a line alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf_bert.report.figures import style

_QUARTILES = (25, 50, 75)

# Step -> lower quartile, median, upper quartile.
Band = dict[int, tuple[float, float, float]]


class Panel(NamedTuple):
    """One value by step, a band for each label; its axis may begin at 0."""

    title: str
    bands: Mapping[str, Band]
    from_zero: bool = False


def band(histories: Sequence[Sequence[Mapping[str, Any]]], *keys: str) -> Band:
    """Returns the quartiles of a value over trials, at each evaluation.

    Args:
        *keys: of an evaluation, outermost first.

    Example:
        >>> trials = [[{"step": 8, "loss": 1.0}], [{"step": 8, "loss": 3.0}]]
        >>> band(trials, "loss")
        {8: (1.5, 2.0, 2.5)}
    """
    values: dict[int, list[float]] = {}
    for history in histories:
        for entry in history:
            value: Any = entry
            for key in keys:
                value = value.get(key) if value is not None else None
            if value is not None:
                values.setdefault(entry["step"], []).append(value)
    return {
        step: tuple(np.percentile(values[step], _QUARTILES).tolist())
        for step in sorted(values)
    }


def curves(panels: Sequence[Panel]) -> Figure:
    """Draws panels one above the other, over the same steps."""
    figure = style.new_figure(height=0.5 + 1.6 * len(panels))
    rows = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(rows, panels, strict=True):
        _draw_bands(axes, panel.bands)
        axes.set_ylabel(panel.title, parse_math=False)
        axes.ticklabel_format(axis="y", scilimits=(-3, 4), useMathText=True)
        if panel.from_zero:
            axes.set_ylim(bottom=0)
    steps = [x for panel in panels for of in panel.bands.values() for x in of]
    style.mark_steps(rows[-1], max(steps))
    if len(panels[0].bands) > 1:
        style.legend_above(figure, rows[0])
    return figure


def bias_ratios(ratios: Mapping[str, Band], expected: np.ndarray) -> Figure:
    """Draws the measured ratio of each recipe beside the two known ones.

    Args:
        ratios: label -> band of the norm of the update, as a multiple of that
            of Adam with bias correction.
        expected: `[K]`, what leaving the correction out gives at step 1 .. K.
    """
    figure = style.new_figure(height=2.6)
    axes = figure.subplots()
    # Wide and light below, narrow and dark above: both show where they agree.
    axes.plot(
        np.arange(1, len(expected) + 1),
        expected,
        color="0.75",
        linewidth=5,
        solid_capstyle="butt",
        label="without bias correction, by its formula",
    )
    axes.axhline(
        1, color="0.35", linewidth=0.9, linestyle=":", label="with it: 1"
    )
    _draw_bands(axes, ratios)
    axes.set_ylabel("norm of the update, as a\nmultiple of corrected Adam's")
    axes.set_ylim(bottom=0)
    style.mark_steps(axes, len(expected))
    style.legend_above(figure, axes)
    return figure


def blocks_by_step(
    values: Mapping[str, Mapping[str, Band]], *, title: str, is_log: bool
) -> Figure:
    """Draws a value of each block by step, median over the trials.

    Args:
        values: label -> block, lowest first -> band; one panel for a label.
        is_log: whether the axis is logarithmic; else it begins at 0.
    """
    figure = style.new_figure(height=0.6 + 2.1 * len(values))
    panels = figure.subplots(
        len(values), sharex=True, sharey=True, squeeze=False
    )[:, 0]
    for axes, (label, blocks) in zip(panels, values.items(), strict=True):
        looks = style.block_styles(list(blocks))
        for place, (block, of_block) in enumerate(blocks.items()):
            # A step with a rate of 0 moves nothing, which has no logarithm.
            steps = [x for x in of_block if of_block[x][1] or not is_log]
            axes.plot(
                steps,
                [of_block[step][1] for step in steps],
                label=block,
                linewidth=1.4 if len(blocks) < 12 else 0.9,
                markevery=style.sparse_markers(len(steps), place, len(blocks)),
                **looks[block],
            )
        if is_log:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.set_ylabel(title)
        if len(values) > 1:
            axes.set_title(style.wrapped(label, 60))
    every = [x for blocks in values.values() for x in blocks.values()]
    style.mark_steps(panels[-1], max(max(of_block) for of_block in every))
    style.block_legend(figure, panels[0])
    return figure


def distances(
    by_recipe: Mapping[str, Mapping[str, tuple[float, float, float]]],
) -> Figure:
    """Draws how far each block ends from where it began, lowest left.

    Args:
        by_recipe: label -> block, lowest first -> quartiles over the trials.
    """
    figure = style.new_figure(height=3.0)
    axes = figure.subplots()
    looks = style.recipe_styles(list(by_recipe))
    blocks = list(dict.fromkeys(b for x in by_recipe.values() for b in x))
    for label, values in by_recipe.items():
        x = [blocks.index(block) for block in values]
        style.draw_band(axes, label, x, list(values.values()), looks[label])
    axes.set_xticks(
        range(len(blocks)),
        [block.replace("_", " ") for block in blocks],
        rotation=45,
        ha="right",
        rotation_mode="anchor",
        fontsize="small" if len(blocks) < 20 else "x-small",
    )
    axes.set_ylim(bottom=0)
    axes.set_ylabel("distance of a block from step 0\n(L2 norm)")
    if len(by_recipe) > 1:
        style.legend_above(figure, axes)
    return figure


def _draw_bands(axes: Axes, bands: Mapping[str, Band]) -> None:
    looks = style.recipe_styles(list(bands))
    for place, (label, of_label) in enumerate(bands.items()):
        every = style.sparse_markers(len(of_label), place, len(bands))
        look = {**looks[label], "markevery": every}
        style.draw_band(
            axes, label, list(of_label), list(of_label.values()), look
        )
