"""What is written down of a trial: scores, flags, and what a mean needs."""

import math
from typing import Any

import numpy as np

from tf_bert.baselines import baseline_scores
from tf_bert.data.tasks.task_spec import TaskSpec, scored_split
from tf_bert.runs import build
from tf_bert.runs.state.progress import Progress
from tf_bert.training.evaluate import Evaluation
from tf_bert.trials.statistics import trial_columns

# Split -> what came of it.
Evaluations = dict[str, Evaluation]


def score(record: dict[str, Any]) -> float:
    """Returns by what the models of trials are compared.

    The metric of the chosen checkpoint on validation; minus infinity where
    there is no such split, or no model.
    """
    scores = (record[record["chosen"]] or {}).get("validation")
    return -math.inf if scores is None else scores[record["metric"]]


def of_run(run: build.Run) -> dict[str, Any]:
    """Returns what a record says of the task, however the trial went."""
    task, splits = run.data.task, run.data.splits()
    names = None if task.is_regression else list(task.label_names)
    return {
        "metric": task.metric,
        "task": {
            "is_regression": task.is_regression,
            "label_names": names,
            "positive_label": task.positive_label,
        },
        "data_digest": run.data_digest(),
        "majority": {
            split: baseline_scores.majority_score(
                task, run.data.train.labels, examples.labels
            )
            for split, examples in splits.items()
            if split != "train"
        },
    }


def of_scores(
    run: build.Run,
    progress: Progress,
    evaluations: dict[str, Evaluations],
) -> dict[str, Any]:
    """Returns what a record says of a trial that ended well.

    Args:
        run: of the trial.
        progress: at the end.
        evaluations: of the weights that are `last`, and of the `best`.
    """
    steps = {"last": progress.step, "best": progress.best_step}
    has_best = progress.best_step is not None
    is_best = run.config.checkpoint_to_use == "best" and has_best
    chosen = "best" if is_best else "last"
    scores = {
        which: {
            "step": steps[which],
            **{split: e.metrics for split, e in evaluations[which].items()},
        }
        for which in ("last", "best")
        if steps[which] is not None
    }
    return {
        "step": progress.step,
        "chosen": chosen,
        "best": None,
        **scores,
        **_flags(run.data.task, of_run(run)["majority"], evaluations, chosen),
    }


def _flags(
    task: TaskSpec,
    majority: dict[str, float],
    evaluations: dict[str, Evaluations],
    chosen: str,
) -> dict[str, bool | None]:
    """Failed, degenerate, constant; None where no split can say it.

    On validation and on test, as they are defined; where one of the two is
    missing, on the other.
    """
    flags: dict[str, bool | None] = dict.fromkeys(
        ("is_failed", "is_degenerate", "is_constant")
    )
    last, used = evaluations["last"], evaluations[chosen]
    if not last:
        return flags
    split = "validation" if "validation" in last else "test"
    accuracy = task.metric if task.is_regression else "accuracy"
    labels = last[split].labels
    chance = 0.0
    if not task.is_regression:
        chance = np.bincount(labels).max() / len(labels)
    flags["is_failed"] = not trial_columns.is_above(
        last[split].metrics[accuracy], chance
    )
    split = scored_split(used)
    flags["is_degenerate"] = not trial_columns.is_above(
        used[split].metrics[task.metric], majority[split]
    )
    flags["is_constant"] = bool(np.ptp(used[split].predictions) == 0)
    return flags


def of_failure(
    error: Exception, progress: Progress, *, has_diverged: bool
) -> dict[str, Any]:
    """Returns what a record says of a trial that did not end well."""
    return {
        "status": "diverged" if has_diverged else "error",
        "error": f"{type(error).__name__}: {error}",
        "step": progress.step,
        "chosen": "last",
        "last": None,
        "best": None,
        "is_failed": True,
        "is_degenerate": True,
        "is_constant": False,
    }
