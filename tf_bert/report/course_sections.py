"""The sections about the course of trainings: curves, updates, distances."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_bert import config as config_lib
from tf_bert.report import report_tables, sentences
from tf_bert.report.figures import course_figures
from tf_bert.report.figures.course_figures import Band
from tf_bert.report.figures.recorded_run import block_height
from tf_bert.report.page import Picture, Section
from tf_bert.report.task_results import TaskResults
from tf_bert.report.trials_content import Recipe
from tf_bert.scoring import number_texts
from tf_bert.training.update_log import UPDATE, bias_ratio

_NOT_RECORDED = (
    "Left out: it is recorded with --record_updates alone. Give the command of "
    "the trials again with that flag and another --output_dir."
)
# So many rows of a table tell a curve.
_MAX_TABLE_STEPS = 12
_MAX_PANELS = 2
# More points of a curve nobody sees, but the page has to hold them.
_MAX_DRAWN_STEPS = 200


def curves_section(results: TaskResults) -> Section:
    """Training loss and validation metric, with a band over the trials."""
    name, title = "curves", "Training and validation curves"
    task = results.task
    shown = results.shown()
    losses, scores = {}, {}
    for recipe in shown:
        histories = [trial.history() for trial in recipe.trials]
        losses[recipe.label] = course_figures.band(histories, "train_loss")
        scores[recipe.label] = course_figures.band(
            histories, "validation", task.metric
        )
    losses = {label: x for label, x in losses.items() if x}
    if not losses:
        return Section(
            name, title, ("Left out: no trial has stored an evaluation.",)
        )
    picture = Picture(
        "curves",
        "Training loss and validation score by step",
        course_figures.curves(
            losses,
            scores,
            metric_title=results.metric_title,
        ),
        "Above, the loss on training batches; below, the "
        f"{results.metric_title} on validation. Lines are medians over the "
        "trials, bands reach from the lower to the upper quartile. A wide band "
        f"is a recipe that depends on its seed.{_which(results, shown)}",
        _curves_table(losses, scores, results.metric_title),
    )
    return Section(
        name,
        title,
        (_fit_sentence(losses, scores, results),),
        pictures=(picture,),
    )


def _fit_sentence(
    losses: Mapping[str, Band],
    scores: Mapping[str, Band],
    results: TaskResults,
) -> str:
    parts = []
    for label in results.compared:
        if label not in losses:
            continue
        text = f"{label}: training loss {_last(losses[label])[1]:.3f}"
        if scores.get(label):
            low, middle, high = _last(scores[label])
            text += (
                f", validation {results.metric_title} {middle:.3f} "
                f"(quartiles {low:.3f} to {high:.3f})"
            )
        parts.append(text)
    return f"At the last step, in the median. {'; '.join(parts)}."


def _last(band: Band) -> tuple[float, float, float]:
    return band[max(band)]


def _curves_table(
    losses: Mapping[str, Band], scores: Mapping[str, Band], title: str
) -> report_tables.Table:
    rows = []
    for label, band in losses.items():
        for step, loss in band.items():
            score = scores.get(label, {}).get(step)
            rows.append(
                (
                    label,
                    str(step),
                    number_texts.number(loss[1]),
                    number_texts.interval(loss[::2]),
                    number_texts.number(score[1]) if score else "",
                    number_texts.interval(score[::2]) if score else "",
                )
            )
    return report_tables.table(
        "curves",
        "Median and quartiles over the trials",
        (
            "recipe",
            "step",
            "training loss",
            "quartiles of the loss",
            f"validation {title}",
            "quartiles of the score",
        ),
        rows,
    )


def updates_section(results: TaskResults) -> Section:
    """How far steps move the weights, beside Adam with bias correction."""
    name, title = "updates", "Size of the updates"
    shown = results.shown()
    updates = {
        recipe.label: found for recipe in shown if (found := _updates(recipe))
    }
    if not updates:
        return Section(name, title, (_NOT_RECORDED,))
    ratios = {
        label: _band_of_steps(found, "bias_ratio")
        for label, found in updates.items()
    }
    ratios = {label: x for label, x in ratios.items() if x}
    first = "; ".join(
        f"{label}: {next(iter(ratios[label].values()))[1]:.2f}"
        for label in results.compared
        if label in ratios
    )
    pictures = [_ratio_picture(results, shown, ratios)] if ratios else []
    pictures.append(_norms_picture(results, updates))
    return Section(
        name,
        title,
        (
            "Leaving out Adam's bias correction makes the first steps several "
            "times too large (Zhang et al., 2021, Section 4). The norm of the "
            "first update that moves anything, as a multiple of corrected "
            f"Adam's, in the median over the trials. {first}.",
        ),
        pictures=tuple(pictures),
    )


def _updates(recipe: Recipe) -> list[dict[str, np.ndarray]]:
    found = (trial.updates() for trial in recipe.trials)
    return [arrays for arrays in found if arrays is not None]


def _band_of_steps(
    updates: Sequence[Mapping[str, np.ndarray]], key: str
) -> Band:
    steps = max((arrays["step"].tolist() for arrays in updates), key=len)
    drawn = set(_spread(steps, _MAX_DRAWN_STEPS))
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
    return course_figures.band(histories, key)


def _ratio_picture(
    results: TaskResults, shown: Sequence[Recipe], ratios: Mapping[str, Band]
) -> Picture:
    last = max(max(band) for band in ratios.values())
    fields = config_lib.complete(shown[0].config)
    expected = bias_ratio(
        np.arange(1, last + 1), fields["adam_beta_1"], fields["adam_beta_2"]
    )
    rows = [
        (label, str(step), number_texts.number(band[step][1]))
        for label, band in ratios.items()
        for step in _spread(list(band))
    ]
    return Picture(
        "bias-ratio",
        "The update as a multiple of bias-corrected Adam's",
        course_figures.bias_ratios(ratios, expected),
        "1 is Adam with bias correction; the wide grey line is what its "
        "formula gives without. Lines are medians over the trials, bands "
        f"quartiles.{_which(results, shown)}",
        report_tables.table(
            "bias-ratio",
            "Median over the trials, at some of the steps",
            ("recipe", "step", "multiple"),
            rows,
        ),
    )


def _norms_picture(
    results: TaskResults,
    updates: Mapping[str, Sequence[Mapping[str, np.ndarray]]],
) -> Picture:
    shown = [x.label for x in results.shown(_MAX_PANELS) if x.label in updates]
    norms = {
        label: {
            block: _band_of_steps(updates[label], f"{UPDATE}/{block}")
            for block in _blocks(updates[label][0])
        }
        for label in shown or list(updates)[:1]
    }
    rows = [
        (label, block.replace("_", " "), str(step), f"{band[step][1]:.3g}")
        for label, blocks in norms.items()
        for block, band in blocks.items()
        for step in _spread(list(band), 4)
    ]
    return Picture(
        "update-norms",
        "How far a step moves each block",
        course_figures.update_norms(norms),
        "L2 norm of the update of each block at each step, median over the "
        f"trials, for {sentences.listed(list(norms))}. Layers go from dark "
        "(lowest) to light.",
        report_tables.table(
            "update-norms",
            "Median over the trials, at some of the steps",
            ("recipe", "block", "step", "norm"),
            rows,
            num_text_columns=2,
        ),
    )


def _blocks(arrays: Mapping[str, Any]) -> list[str]:
    prefix = f"{UPDATE}/"
    names = [x.removeprefix(prefix) for x in arrays if x.startswith(prefix)]
    return sorted(names, key=block_height)


def distances_section(results: TaskResults) -> Section:
    """How far each block ends from where it began."""
    name, title = "distances", "Distance of each block from where it began"
    shown = results.shown()
    by_recipe = {x.label: found for x in shown if (found := _distances(x))}
    if not by_recipe:
        return Section(name, title, (_NOT_RECORDED,))
    farthest = "; ".join(
        f"{label}: {max(x, key=lambda b: x[b][1]).replace('_', ' ')}"
        for label in results.compared
        if (x := by_recipe.get(label))
    )
    picture = Picture(
        "distances",
        "Distance of each block from step 0",
        course_figures.distances(by_recipe),
        "Blocks stand from the input (left) to the output. Lines are medians "
        f"over the trials, bands quartiles.{_which(results, shown)}",
        _distances_table(by_recipe),
    )
    return Section(
        name,
        title,
        (
            "L2 distance, after the last step, from the weights at step 0: the "
            "pretrained ones, or fresh ones where a block was re-initialised. "
            f"The block that has moved farthest. {farthest}.",
        ),
        pictures=(picture,),
    )


def _distances(recipe: Recipe) -> dict[str, tuple[float, float, float]]:
    """Block, lowest first -> quartiles of its distance over the trials."""
    ends = [h[-1] for trial in recipe.trials if (h := trial.history())]
    ends = [end["distance"] for end in ends if end.get("distance")]
    if not ends:
        return {}
    return {
        block: tuple(
            np.percentile([end[block] for end in ends], (25, 50, 75)).tolist()
        )
        for block in sorted(ends[0], key=block_height)
    }


def _distances_table(
    by_recipe: Mapping[str, Mapping[str, tuple[float, float, float]]],
) -> report_tables.Table:
    return report_tables.table(
        "distances",
        "Median and quartiles over the trials",
        ("recipe", "block", "distance", "quartiles"),
        [
            (
                label,
                block.replace("_", " "),
                number_texts.number(middle),
                number_texts.interval((low, high)),
            )
            for label, x in by_recipe.items()
            for block, (low, middle, high) in x.items()
        ],
        num_text_columns=2,
    )


def _which(results: TaskResults, shown: Sequence[Recipe]) -> str:
    """Says which recipes a picture has room for, if not for all."""
    if len(shown) == len(results.task.recipes):
        return ""
    return (
        f" Of {len(results.task.recipes)} recipes the baseline and those of "
        f"the highest means are drawn, {len(shown)} in all."
    )


def _spread(steps: list[int], number: int = _MAX_TABLE_STEPS) -> list[int]:
    """Some of many steps, the first and the last among them."""
    places = np.linspace(0, len(steps) - 1, min(number, len(steps)))
    return [steps[place] for place in np.unique(places.round().astype(int))]
