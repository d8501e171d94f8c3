"""The statistics of one task, computed once for all sections of a report."""

import dataclasses
from typing import Any

import numpy as np

from tf_bert.baselines import comparison
from tf_bert.report.trials_content import Recipe, TaskTrials
from tf_bert.trials.statistics import expected_scores as expected_lib
from tf_bert.trials.statistics import (
    recipe_summary,
    recipe_tests,
    trial_columns,
)
from tf_bert.trials.statistics.expected_scores import ExpectedScores
from tf_bert.trials.statistics.recipe_summary import RecipeSummary
from tf_bert.trials.statistics.recipe_tests import Comparison

# More lines than these nobody can follow.
_MAX_LINES = 6


@dataclasses.dataclass(frozen=True)
class TaskResults:
    """What the trials of one task say.

    Attributes:
        summaries: by the label of each recipe, in their order.
        comparisons: of each recipe but the baseline with the baseline, by its
            label.
        expected: label -> curves; recipes whose trials have no validation
            scores, or only one trial, are left out.
        baseline: label of the recipe that others are compared with.
        awaited: the one that they should be, which has no finished trial yet;
            None: it is the baseline.
        best: label of the recipe with the highest mean, the first of equals;
            None: no trial counts.
    """

    task: TaskTrials
    summaries: dict[str, RecipeSummary]
    comparisons: dict[str, Comparison]
    expected: dict[str, ExpectedScores]
    baseline: str
    awaited: str | None
    best: str | None

    @property
    def score_title(self) -> str:
        """Of the metric with its split."""
        return f"{self.task.split} {self.task.metric_title}"

    @property
    def has_recipes(self) -> bool:
        """Whether there are several, so that one must be named."""
        return len(self.task.recipes) > 1

    @property
    def compared(self) -> list[str]:
        """Labels that sentences are about: the best and the baseline."""
        return list(dict.fromkeys([self.best or self.baseline, self.baseline]))

    def named(self, label: str, text: str) -> str:
        """Returns what is said of a recipe, with its name if it needs one."""
        return f"{text} with {label}" if self.has_recipes else text

    def recipe(self, label: str) -> Recipe:
        """The trials of one recipe."""
        return next(x for x in self.task.recipes if x.label == label)

    def scores(self, label: str) -> np.ndarray:
        """float64 `[N]`: the scores of a recipe that count, in their order."""
        counted = self.recipe(label).counted(self.task.split)
        return np.array(list(trial_columns.counted_scores(counted).values()))

    def rival(self) -> tuple[str, dict[str, Any]] | None:
        """The better of the simple baselines: its title, and its scores.

        None where it has none on the rows that count.
        """
        found = self.task.baselines
        if not found or found["split"] != self.task.split:
            return None
        model, by_split = list(found["models"].items())[-1]
        scores = by_split[self.task.split]
        if scores.get(self.task.metric) is None:
            return None
        return comparison.TITLES[model], scores

    def shown(self, limit: int = _MAX_LINES) -> list[Recipe]:
        """The recipes for a picture that has not room for all.

        Args:
            limit: at most so many: the baseline and those of the highest
                means, in their order; without any mean, the first.
        """
        by_mean = sorted(
            (x for x in self.summaries.values() if x.mean is not None),
            key=lambda x: (x.label != self.baseline, -x.mean),
        )
        chosen = [x.label for x in by_mean] or list(self.summaries)
        return [x for x in self.task.recipes if x.label in chosen[:limit]]


def compute(task: TaskTrials, *, baseline: str | None = None) -> TaskResults:
    """Computes the statistics of one task.

    Args:
        baseline: label of a recipe; None takes that of the folder's own
            configuration, else the first. While it has no finished trial, the
            first stands in for it.
    """
    counted = {x.label: x.counted(task.split) for x in task.recipes}
    summaries = {
        label: recipe_summary.summarize_recipe(label, trials)
        for label, trials in counted.items()
    }
    scores = {
        label: trial_columns.counted_scores(trials)
        for label, trials in counted.items()
    }
    baseline = baseline or task.config.get("baseline")
    awaited = None
    if baseline not in scores and baseline in (task.config.get("sweep") or {}):
        # That of another task is none here, and the first is taken.
        awaited = baseline if baseline in task.planned else None
        baseline = None
    if baseline is not None and baseline not in scores:
        raise ValueError(
            "The baseline has no finished trial. Received: "
            f"baseline={baseline!r}, {task.folder} has {'; '.join(scores)}. "
            "Correct --baseline, or leave it out to compare with the first."
        )
    with_mean = [x for x in summaries.values() if x.mean is not None]
    best = max(with_mean, key=lambda x: x.mean, default=None)
    return TaskResults(
        task=task,
        summaries=summaries,
        comparisons={
            x.label: x
            for x in recipe_tests.compare_recipes(scores, baseline=baseline)
        },
        expected=_expected(task),
        baseline=baseline or task.recipes[0].label,
        awaited=awaited,
        best=best.label if best else None,
    )


def _expected(task: TaskTrials) -> dict[str, ExpectedScores]:
    """The curves of recipes whose trials were chosen on other rows."""
    if task.split != "test":
        return {}
    curves = {}
    for recipe in task.recipes:
        scored = [x for x in recipe.trials if x.has_scores("validation")]
        validation_and_test = [
            np.array(
                [trial_columns.counted_score(x.counted(split)) for x in scored]
            )
            for split in ("validation", "test")
        ]
        if len(scored) > 1:
            curves[recipe.label] = expected_lib.expected_scores(
                *validation_and_test
            )
    return curves
