"""The figures about the scores of trials: each recipe beside the others.

What a trial went through on the way is in `curve_figures.py`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf_bert.report.figures import style

_FAILED = {"marker": "x", "color": style.ORANGE}


def scores_by_recipe(
    scores: Mapping[str, np.ndarray],
    failed: Mapping[str, np.ndarray],
    *,
    metric_title: str,
    references: Mapping[str, float],
) -> Figure:
    """Draws a box for each recipe, and each of its trials as a dot.

    Boxes and whiskers are Tukey's, as in the paper's box plots.

    Args:
        scores: label -> scores `[N]` of its trials, N >= 1.
        failed: label -> bool `[N]`, which of them failed or diverged.
        references: name -> score of what they are compared with.
    """
    figure = style.new_figure(height=0.7 + 0.42 * len(scores))
    axes = figure.subplots()
    axes.boxplot(
        list(scores.values()),
        orientation="horizontal",
        positions=range(len(scores)),
        widths=0.5,
        showfliers=False,
        boxprops={"color": "0.35"},
        whiskerprops={"color": "0.35"},
        capprops={"color": "0.35"},
        medianprops={"color": style.BLACK, "linewidth": 1.8},
    )
    for place, label in enumerate(scores):
        _draw_dots(axes, scores[label], failed[label], place)
    lines = (":", "--", "-.")
    for (name, score), line in zip(references.items(), lines, strict=False):
        axes.axvline(
            score,
            color="0.35",
            linestyle=line,
            linewidth=1.1,
            label=f"{name}: {score:.3f}",
        )
    axes.set_yticks(range(len(scores)), [style.wrapped(x) for x in scores])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(metric_title, parse_math=False)
    style.legend_above(figure, axes)
    return figure


def _draw_dots(
    axes: Axes, scores: np.ndarray, failed: np.ndarray, place: int
) -> None:
    # Spread by the trial's number alone, so that the picture is the same each
    # time; the golden ratio keeps neighbours apart.
    offsets = (np.arange(len(scores)) * 0.618034) % 1 * 0.36 - 0.18
    kinds = (
        (~failed, "a trial", {"marker": "o", "color": style.BLUE}),
        (failed, "a trial that failed", _FAILED),
    )
    for chosen, name, look in kinds:
        if chosen.any():
            known = axes.get_legend_handles_labels()[1]
            axes.plot(
                scores[chosen],
                place + offsets[chosen],
                linestyle="none",
                alpha=0.85,
                zorder=3,
                label=name if name not in known else None,
                **look,
            )


def expected_scores(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], *, metric_title: str
) -> Figure:
    """Draws the score to expect of the best of n trials.

    Args:
        curves: label -> mean and spread, each `[N]`, of 1 .. N trials.
    """
    figure = style.new_figure(height=2.6)
    axes = figure.subplots()
    styles = style.recipe_styles(list(curves))
    for label, (mean, spread) in curves.items():
        numbers = np.arange(1, len(mean) + 1)
        band = np.stack([mean - spread, mean, mean + spread], axis=1)
        every = style.sparse_markers(len(mean), 0, 1)
        look = {**styles[label], "markevery": every}
        style.draw_band(axes, label, numbers, band, look)
    axes.set_xlabel("number of trials, of which validation chooses one")
    axes.set_ylabel(f"expected {metric_title}", parse_math=False)
    axes.xaxis.get_major_locator().set_params(integer=True)
    style.legend_above(figure, axes)
    return figure


def sweep_plot(
    lines: Mapping[str, Mapping[float, np.ndarray]],
    *,
    field: str,
    metric_title: str,
) -> Figure:
    """Draws the scores against a numeric flag of the sweep.

    Args:
        lines: what else differs ("" if nothing) -> value -> scores.
    """
    figure = style.new_figure(height=2.6)
    axes = figure.subplots()
    styles = style.recipe_styles(list(lines))
    every = sorted({value for line in lines.values() for value in line})
    # Side by side: the values of a sweep seldom lie evenly on a scale.
    places = {value: float(index) for index, value in enumerate(every)}
    for number, (label, by_value) in enumerate(lines.items()):
        values = sorted(by_value)
        shift = 0.12 * (number - (len(lines) - 1) / 2)
        x = [places[value] + shift for value in values]
        look = styles[label]
        for place, value in zip(x, values, strict=True):
            axes.plot(
                [place] * len(by_value[value]),
                by_value[value],
                marker="o",
                linestyle="none",
                color=look["color"],
                markersize=2.5,
                alpha=0.6,
            )
        means = [by_value[value].mean() for value in values]
        axes.plot(x, means, label=label or "mean", **look)
    axes.set_xticks(list(places.values()), [f"{x:g}" for x in places])
    axes.set_xlabel(field)
    axes.set_ylabel(metric_title, parse_math=False)
    style.legend_above(figure, axes)
    return figure


def seed_grid(
    grids: Mapping[str, np.ndarray],
    *,
    head_seeds: Sequence[int],
    data_seeds: Sequence[int],
) -> Figure:
    """Draws the score of each head seed with each data seed.

    Args:
        grids: label -> float `[head seeds, data seeds]`; NaN: no score.

    References:
        Zhang et al., 2021, Appendix B. https://arxiv.org/abs/2006.05987
    """
    figure = style.new_figure(
        height=len(grids) * (0.9 + 0.26 * len(head_seeds))
    )
    panels = figure.subplots(len(grids), squeeze=False)[:, 0]
    every = np.concatenate([grid.ravel() for grid in grids.values()])
    low, high = np.nanmin(every), np.nanmax(every)
    for axes, (label, grid) in zip(panels, grids.items(), strict=True):
        axes.pcolormesh(
            np.ma.masked_invalid(grid),
            cmap="Blues",
            # Equal scores everywhere have a scale too.
            vmin=low - 0.05 * (high - low) - 1e-9,
            vmax=high + 1e-9,
        )
        _write_cells(axes, grid, low, high)
        axes.set_xticks(np.arange(len(data_seeds)) + 0.5, data_seeds)
        axes.set_yticks(np.arange(len(head_seeds)) + 0.5, head_seeds)
        axes.set_ylabel("head seed")
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.set_title(style.wrapped(label, 60))
    panels[-1].set_xlabel("data seed")
    return figure


def _write_cells(axes: Axes, grid: np.ndarray, low: float, high: float) -> None:
    size = "small" if grid.shape[1] <= 10 else "xx-small"
    for (row, column), score in np.ndenumerate(grid):
        is_dark = score > low + 0.6 * (high - low)
        axes.text(
            column + 0.5,
            row + 0.5,
            "-" if np.isnan(score) else f"{score:.2f}".lstrip("0"),
            color="white" if is_dark else style.BLACK,
            fontsize=size,
            ha="center",
            va="center",
        )
