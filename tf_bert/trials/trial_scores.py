"""From the records of trials to what the statistics take. No TensorFlow."""

from collections.abc import Sequence
from typing import Any

from tf_bert.data.tasks import positive_class, task_spec
from tf_bert.scoring.metrics import title_of
from tf_bert.trials.statistics.trial_columns import Trial


def positive_label(record: dict[str, Any]) -> str | None:
    """Returns the class whose F1 a record holds; None unless there are two."""
    task = record["task"]
    return positive_class.recorded(
        task.get("positive_label"), task["label_names"]
    )


def metric_title(record: dict[str, Any]) -> str:
    """Returns what people call the metric that a trial is compared by."""
    return title_of(record["metric"], positive_label(record))


def scored_split(records: Sequence[dict[str, Any]]) -> str:
    """Returns the split that the trials of a task are summarised on."""
    # Of what it is scored on, a trial that diverged has the majority's score.
    return task_spec.scored_split(
        {split for record in records for split in record.get("majority", {})}
    )


def trials_of(
    records: Sequence[dict[str, Any]], split: str | None = None
) -> list[Trial]:
    """Returns the trials of a recipe on one task, as the statistics take them.

    Their scores are those on the split, where they have any; None takes that
    of `scored_split`.
    """
    split = split or scored_split(records)
    trials = []
    for record in records:
        chosen = record[record["chosen"]] or {}
        trials.append(
            Trial(
                seeds=tuple(sorted(record["seeds"].items())),
                status=record["status"],
                score=chosen.get(split, {}).get(record.get("metric")),
                majority=record.get("majority", {}).get(split),
                is_failed=bool(record["is_failed"]),
                is_degenerate=bool(record["is_degenerate"]),
                is_constant=bool(record["is_constant"]),
            )
        )
    return trials
