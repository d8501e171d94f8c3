"""The figures about the course of trainings: bands over the trials.

A band reaches from the lower to the upper quartile of the trials at each
step; its line is their median.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf_bert.report.figures import style, trial_figures

_BAND = 0.18
_QUARTILES = (25, 50, 75)

# Step -> lower quartile, median, upper quartile.
Band = dict[int, tuple[float, float, float]]


def band(histories: Sequence[Sequence[Mapping[str, Any]]], *keys: str) -> Band:
    """Returns the quartiles of a value over trials, at each evaluation.

    Args:
        histories: of each trial, its evaluations.
        *keys: of an evaluation, outermost first.

    Returns:
        Quartiles at each step that a trial has a value at: of a trial that
        ended early there are none later.

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


def curves(
    losses: Mapping[str, Band],
    scores: Mapping[str, Band],
    *,
    metric_title: str,
) -> Figure:
    """Draws the training loss, and below it the metric on validation.

    Args:
        losses: label -> band of the loss on training batches.
        scores: the same of the metric; no bands where there is no validation.
        metric_title: of the metric.
    """
    scores = {label: x for label, x in scores.items() if x}
    figure = trial_figures.new_figure(height=4.2 if scores else 2.4)
    panels = figure.subplots(2 if scores else 1, sharex=True, squeeze=False)
    _draw_bands(panels[0, 0], losses)
    panels[0, 0].set_ylabel("training loss, mean\nsince the last evaluation")
    panels[0, 0].set_ylim(bottom=0)
    if scores:
        _draw_bands(panels[1, 0], scores)
        panels[1, 0].set_ylabel(f"validation {metric_title}", parse_math=False)
    style.mark_steps(panels[-1, 0], max(max(x) for x in losses.values() if x))
    trial_figures.legend_above(figure, panels[0, 0])
    return figure


def bias_ratios(ratios: Mapping[str, Band], expected: np.ndarray) -> Figure:
    """Draws the measured ratio of each recipe beside the two known ones.

    Args:
        ratios: label -> band of the norm of the update, as a multiple of that
            of Adam with bias correction.
        expected: `[K]`, what leaving the correction out gives at step 1 .. K.
    """
    figure = trial_figures.new_figure(height=2.6)
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
    trial_figures.legend_above(figure, axes)
    return figure


def update_norms(norms: Mapping[str, Mapping[str, Band]]) -> Figure:
    """Draws how far each step moves each block, median over the trials.

    Args:
        norms: label -> block, lowest first -> band.
    """
    figure = trial_figures.new_figure(height=0.6 + 1.9 * len(norms))
    panels = figure.subplots(
        len(norms), sharex=True, sharey=True, squeeze=False
    )
    for axes, (label, blocks) in zip(panels[:, 0], norms.items(), strict=True):
        looks = style.block_styles(list(blocks))
        for place, (block, of_block) in enumerate(blocks.items()):
            # A step with a rate of 0 moves nothing, which has no logarithm.
            steps = [step for step in of_block if of_block[step][1]]
            axes.plot(
                steps,
                [of_block[step][1] for step in steps],
                label=block,
                linewidth=1.4 if len(blocks) < 12 else 0.9,
                markevery=style.sparse_markers(len(steps), place, len(blocks)),
                **looks[block],
            )
        axes.set_yscale("log")
        axes.set_ylabel("update of a block\n(L2 norm)")
        axes.set_title(trial_figures.wrapped(label, 60))
    style.mark_steps(panels[-1, 0], _last_step(norms))
    style.block_legend(figure, panels[0, 0])
    return figure


def distances(
    by_recipe: Mapping[str, Mapping[str, tuple[float, float, float]]],
) -> Figure:
    """Draws how far each block ends from where it began, lowest left.

    Args:
        by_recipe: label -> block, lowest first -> quartiles over the trials.
    """
    figure = trial_figures.new_figure(height=3.0)
    axes = figure.subplots()
    looks = trial_figures.recipe_styles(list(by_recipe))
    blocks = list(dict.fromkeys(b for x in by_recipe.values() for b in x))
    for label, values in by_recipe.items():
        x = [blocks.index(block) for block in values]
        low, middle, high = np.array(list(values.values())).T
        axes.plot(x, middle, label=label, **looks[label])
        axes.fill_between(
            x, low, high, color=looks[label]["color"], alpha=_BAND, linewidth=0
        )
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
    trial_figures.legend_above(figure, axes)
    return figure


def _draw_bands(axes: Axes, bands: Mapping[str, Band]) -> None:
    looks = trial_figures.recipe_styles(list(bands))
    for place, (label, of_label) in enumerate(bands.items()):
        steps = list(of_label)
        low, middle, high = np.reshape(list(of_label.values()), (-1, 3)).T
        axes.plot(
            steps,
            middle,
            label=label,
            markevery=style.sparse_markers(len(steps), place, len(bands)),
            **looks[label],
        )
        axes.fill_between(
            steps,
            low,
            high,
            color=looks[label]["color"],
            alpha=_BAND,
            linewidth=0,
        )


def _last_step(norms: Mapping[str, Mapping[str, Band]]) -> int:
    return max(
        step
        for blocks in norms.values()
        for of_block in blocks.values()
        for step in of_block
    )
