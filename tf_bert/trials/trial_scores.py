"""From the records of trials to what the statistics take. No TensorFlow."""

from collections.abc import Sequence
from typing import Any

from tf_bert.statistics.trial_flags import Trial


def scored_split(records: Sequence[dict[str, Any]]) -> str:
    """Returns the split that trials are summarised on: test, if there is one.

    Args:
        records: of trials of one task.
    """
    # Of what it is scored on, a trial that diverged has the majority's score.
    has_test = any("test" in record.get("majority", {}) for record in records)
    return "test" if has_test else "validation"


def trials_of(
    records: Sequence[dict[str, Any]], split: str | None = None
) -> list[Trial]:
    """Returns the trials of one recipe, as the statistics take them.

    Args:
        records: of trials of one task.
        split: whose scores are taken; None takes `scored_split`'s.

    Returns:
        One for each record; without a score where there is no such split.
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
