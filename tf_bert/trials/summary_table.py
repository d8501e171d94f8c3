"""What came of a sweep, as text for a terminal. No TensorFlow."""

import functools
import textwrap
from collections.abc import Sequence
from typing import Any

from tf_bert.scoring import number_texts
from tf_bert.system import text_tables
from tf_bert.system.plurals import counted
from tf_bert.trials.statistics import (
    expected_scores,
    recipe_summary,
    recipe_tests,
    trial_columns,
)
from tf_bert.trials.sweep_data import task_key
from tf_bert.trials.trial_scores import (
    metric_title,
    scored_split,
    trials_of,
)

Records = Sequence[dict[str, Any]]

_DIGITS = 4
_number = functools.partial(number_texts.number, digits=_DIGITS)
_interval = functools.partial(number_texts.bracketed, digits=_DIGITS)
_WIDTH = 80  # Of the sentences; tables are as wide as their labels.


def render(records: Records, *, baseline: str | None = None) -> str:
    """Returns the scores of each recipe, and how those on a task compare.

    Args:
        records: of trials, recipe after recipe.
        baseline: label of the recipe that the others are compared with; None
            takes the first.
    """
    tasks: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        tasks.setdefault(task_key(record["config"]), []).append(record)
    return "\n\n".join(_task(task, baseline) for task in tasks.values())


def _task(records: Records, baseline: str | None) -> str:
    split = scored_split(records)
    recipes: dict[str, list[trial_columns.Trial]] = {}
    for record in records:
        recipes.setdefault(record["recipe"], [])
        recipes[record["recipe"]] += trials_of([record], split)
    summaries = [
        recipe_summary.summarize_recipe(label, trials)
        for label, trials in recipes.items()
    ]
    parts = [
        f"{_title(records)} on {split}, over {counted(len(records), 'trial')}",
        _lines([_SCORES, *map(_scores, summaries)]),
    ]
    notes = [n for s in summaries for n in recipe_summary.summary_notes(s)]
    notes += recipe_summary.failed_runs_notes(summaries)
    if len(recipes) > 1:
        comparisons = recipe_tests.compare_recipes(
            {
                label: trial_columns.counted_scores(trials)
                for label, trials in recipes.items()
            },
            baseline=baseline if baseline in recipes else None,
        )
        title = f"Against {comparisons[0].baseline}"
        parts.append(_lines([(title, *_TESTS), *map(_comparison, comparisons)]))
        notes += recipe_tests.comparison_notes(comparisons)
    else:
        notes.append(recipe_summary.OVER_SEEDS)
        notes += _advice(records)
    wrapped = [textwrap.fill(note, _WIDTH) for note in notes]
    return "\n\n".join([*parts, "\n".join(wrapped)])


def _lines(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(text_tables.align(rows))


def _title(records: Records) -> str:
    known = [r for r in records if r.get("metric")]
    title = metric_title(known[0]) if known else "no score"
    return title[0].upper() + title[1:]


_SCORES = ("recipe", "trials", "mean", "95 % interval", "sd", "median", "range")
_TESTS = ("difference", "95 % interval", "Welch t", "Holm", "permutation")


def _scores(summary: recipe_summary.RecipeSummary) -> tuple[str, ...]:
    return (
        summary.label,
        str(summary.num_trials),
        _number(summary.mean),
        _interval(summary.mean_interval),
        _number(summary.std),
        _number(summary.median),
        _interval((summary.minimum, summary.maximum)),
    )


def _comparison(comparison: recipe_tests.Comparison) -> tuple[str, ...]:
    welch = comparison.p_values["welch"]
    return (
        comparison.label,
        _number(comparison.difference, sign="+"),
        _interval(comparison.interval, sign="+"),
        number_texts.p_value(welch.value),
        number_texts.p_value(welch.holm),
        number_texts.p_value(comparison.p_values["permutation"].value),
    )


def _advice(records: Records) -> list[str]:
    """How many trials are worth it; said of a single recipe."""
    splits = ("validation", "test")
    scored = [r for r in records if r.get("majority", {}).keys() >= set(splits)]
    # One that diverged counts here too: a user would have run it.
    validation, test = (
        list(trial_columns.counted_scores(trials_of(scored, split)).values())
        for split in splits
    )
    if len(test) < 2:
        return []
    expected = expected_scores.expected_scores(validation, test)
    return [expected_scores.trials_advice(expected)]
