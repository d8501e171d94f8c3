"""The sections about what was varied: the flags of a sweep, the seeds."""

from typing import Any

import numpy as np

from tf_bert.report import sentences
from tf_bert.report.figures import trial_figures
from tf_bert.report.page import Picture, Section, Table, table_of
from tf_bert.report.setting_sections import flag_value
from tf_bert.report.task_results import TaskResults
from tf_bert.report.trials_content import Recipe
from tf_bert.scoring.number_texts import number
from tf_bert.trials.statistics import trial_columns

_MAX_GRIDS = 4


def sweep_section(results: TaskResults) -> Section | None:
    """The scores against each numeric flag of the sweep."""
    if not results.has_recipes:
        return None
    name, title = "sweep", "Scores along the sweep"
    task = results.task
    pictures = [
        picture
        for field in task.varied
        if all(_is_number(recipe.config.get(field)) for recipe in task.recipes)
        and (picture := _sweep_picture(results, field))
    ]
    if not pictures:
        return Section(
            name, title, "Left out: no flag of the sweep is a number."
        )
    fields = [picture.title.rpartition(" ")[2] for picture in pictures]
    return Section(
        name,
        title,
        f"How the scores change with {sentences.listed(fields)}.",
        pictures=tuple(pictures),
    )


def _sweep_picture(results: TaskResults, field: str) -> Picture | None:
    others = [x for x in results.task.varied if x != field]
    lines: dict[str, dict[float, np.ndarray]] = {}
    for recipe in results.task.recipes:
        values = results.scores(recipe.label)
        if len(values):
            rest = ", ".join(
                f"{x}={flag_value(recipe.config.get(x))}" for x in others
            )
            lines.setdefault(rest, {})[recipe.config[field]] = values
    lines = {rest: x for rest, x in lines.items() if len(x) > 1}
    if not lines:
        return None
    mean, value = max(
        (scores.mean(), value)
        for by_value in lines.values()
        for value, scores in by_value.items()
    )
    table_name = f"sweep-{field.replace('_', '-')}"
    return Picture(
        table_name,
        f"{sentences.capital(results.score_title)} against {field}",
        trial_figures.sweep_plot(
            lines, field=field, metric_title=results.score_title
        ),
        f"Each dot is a trial; the lines join the means. {field}={value:g} "
        f"({sentences.flattered(results)}) has the highest mean: {mean:.3f}.",
        table_of(
            table_name,
            "The trials at each value",
            [
                (rest, value, scores)
                for rest, by_value in lines.items()
                for value, scores in sorted(by_value.items())
            ],
            {
                "other flags": lambda x: x[0] or "all",
                field: lambda x: f"{x[1]:g}",
                "trials": lambda x: len(x[2]),
                "mean": lambda x: number(x[2].mean()),
                "minimum": lambda x: number(x[2].min()),
                "maximum": lambda x: number(x[2].max()),
            },
        ),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def seed_grid_section(results: TaskResults) -> Section | None:
    """Head seeds by data seeds; None: the trials are not a grid."""
    heads, orders = (
        sorted({trial.seeds[i] for trial in results.task.trials})
        for i in (0, 1)
    )
    grids = {
        recipe.label: _grid(results, recipe, heads, orders)
        for recipe in results.shown(_MAX_GRIDS)
        # More trials than either has seeds: not one beside the other.
        if len(recipe.trials) > max(len(heads), len(orders))
    }
    if not grids:
        return None
    return Section(
        "seeds",
        "Head seeds and data seeds",
        "How much of the spread comes from the new weights of the head "
        "(rows), and how much from the order of the data (columns).",
        pictures=(
            Picture(
                "seeds",
                "The score of each pair of seeds",
                trial_figures.seed_grid(
                    grids, head_seeds=heads, data_seeds=orders
                ),
                "The stronger the colour, the higher the "
                f"{results.score_title}. {_grid_spread(grids)}",
                _grid_table(grids, heads, orders),
            ),
        ),
    )


def _grid(
    results: TaskResults, recipe: Recipe, heads: list[int], orders: list[int]
) -> np.ndarray:
    """float64 `[heads, orders]`: the scores that count; NaN without one."""
    grid = np.full((len(heads), len(orders)), np.nan)
    for trial in recipe.trials:
        score = trial_columns.counted_score(trial.counted(results.task.split))
        if score is not None:
            head, order, _ = trial.seeds
            grid[heads.index(head), orders.index(order)] = score
    return grid


def _grid_spread(grids: dict[str, np.ndarray]) -> str:
    texts = []
    for label, grid in grids.items():
        # A row or a column without any score has no mean.
        rows, columns = (
            [np.nanmean(x) for x in lines if np.isfinite(x).any()]
            for lines in (grid, grid.T)
        )
        texts.append(
            f"{label}: the means of the head seeds lie {np.ptp(rows):.3f} "
            f"apart, those of the data seeds {np.ptp(columns):.3f}."
        )
    return " ".join(texts)


def _grid_table(
    grids: dict[str, np.ndarray], heads: list[int], orders: list[int]
) -> Table:
    return table_of(
        "seeds",
        "The score of each pair of seeds",
        [
            (label, heads[i], orders[j], score)
            for label, grid in grids.items()
            for (i, j), score in np.ndenumerate(grid)
            if np.isfinite(score)
        ],
        {
            "recipe": lambda x: x[0],
            "head seed": lambda x: x[1],
            "data seed": lambda x: x[2],
            "score": lambda x: number(x[3]),
        },
    )
