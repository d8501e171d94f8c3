"""Bands over trials as tables, and those of what was recorded by step."""

from collections.abc import Mapping, Sequence

import numpy as np

from tf_bert.report import sentences
from tf_bert.report.figures import curve_figures
from tf_bert.report.figures.curve_figures import Band
from tf_bert.report.page import Table
from tf_bert.report.task_results import TaskResults
from tf_bert.scoring import number_texts

# So many rows of a table tell a curve.
MAX_TABLE_STEPS = 12
# More points of a curve nobody sees, but the page has to hold them.
_MAX_DRAWN_STEPS = 200

# Label of a recipe -> arrays of each trial, see `UpdateLog.arrays`.
Updates = Mapping[str, Sequence[Mapping[str, np.ndarray]]]


def recorded_updates(results: TaskResults) -> Updates:
    """The recipes that are shown and have recorded updates."""
    found = {
        recipe.label: [
            arrays
            for trial in recipe.trials
            if (arrays := trial.updates()) is not None
        ]
        for recipe in results.shown()
    }
    return {label: arrays for label, arrays in found.items() if arrays}


def band_of_steps(
    updates: Sequence[Mapping[str, np.ndarray]], key: str
) -> Band:
    """Returns the band of one of the arrays over the trials of a recipe."""
    steps = max((arrays["step"].tolist() for arrays in updates), key=len)
    drawn = set(spread(steps, _MAX_DRAWN_STEPS))
    histories = [
        [
            {"step": step, key: None if np.isnan(value) else value}
            for step, value in zip(
                arrays["step"].tolist(), arrays[key].tolist(), strict=True
            )
            if step in drawn
        ]
        for arrays in updates
    ]
    return curve_figures.band(histories, key)


def band_table(
    results: TaskResults,
    name: str,
    caption: str,
    columns: Mapping[str, Mapping[tuple[str, ...], Band]],
    *,
    with_quartiles: bool = False,
    max_steps: int | None = MAX_TABLE_STEPS,
) -> Table:
    """Returns bands as a table, a step on a line.

    Args:
        columns: title -> recipe, or recipe and block -> band.
        with_quartiles: whether they stand beside the medians.
        max_steps: of one recipe or block; None: all.
    """
    with_quartiles = with_quartiles and not results.task.is_one_training
    first = next(iter(columns.values()))
    num_keys = len(next(iter(first)))
    # One recipe needs no name.
    keys = slice(0 if results.has_recipes else 1, num_keys)
    header = [*("recipe", "block")[keys], "step"]
    for title in columns:
        header += [title, f"quartiles of {title}"][: 1 + with_quartiles]
    rows = []
    for key, band in first.items():
        for step in spread(list(band), max_steps or len(band)):
            row = [*key[keys], str(step)]
            for bands in columns.values():
                at_step = bands.get(key, {}).get(step)
                row += _cells(at_step)[: 1 + with_quartiles]
            rows.append(row)
    return Table(
        name,
        f"{caption}{sentences.in_the_median(results)}",
        header,
        rows,
        num_text_columns=max(1, num_keys - keys.start),
    )


def _cells(quartiles: tuple[float, float, float] | None) -> list[str]:
    if quartiles is None:
        return ["", ""]
    low, middle, high = map(_shown, quartiles)
    return [middle, f"{low} to {high}"]


def _shown(value: float) -> str:
    is_small = 0 < abs(value) < 0.01
    return f"{value:.3g}" if is_small else number_texts.number(value)


def spread(steps: list[int], number: int) -> list[int]:
    """Some of many steps, the first and the last among them."""
    places = np.linspace(0, len(steps) - 1, min(number, len(steps)))
    return [steps[place] for place in np.unique(places.round().astype(int))]
