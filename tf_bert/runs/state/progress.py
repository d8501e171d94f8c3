"""How far a training is."""

import dataclasses
import json
import os
from typing import Any

from tf_bert.runs import run_folder
from tf_bert.system import file_io


@dataclasses.dataclass
class Progress:
    """How far a training is; saved with the state.

    Attributes:
        step: steps done.
        words_step: after which the model's word embeddings were last brought
            up to date with the trained rows, see `EmbeddingRows`.
        losses: of each step since the last evaluation.
        best_step: after which validation was best; None before the first
            evaluation or without a validation split.
        best_value: the task's metric then.
        num_without_gain: evaluations since then.
        history: one entry per evaluation that is done.
        data_digest: of the training data.
        num_replicas: that the training is on; with another number its sums
            are rounded in another way.
    """

    step: int = 0
    words_step: int = 0
    losses: list[float] = dataclasses.field(default_factory=list)
    best_step: int | None = None
    best_value: float | None = None
    num_without_gain: int = 0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    data_digest: int = 0
    num_replicas: int = 1


def history_lines(progress: Progress) -> str:
    """Returns the history as the file holds it, one entry on a line."""
    lines = [json.dumps(entry, sort_keys=True) for entry in progress.history]
    return "".join(f"{line}\n" for line in lines)


def read_history(folder: str) -> list[dict[str, Any]]:
    """Returns the evaluations of a run or trial; none before the first."""
    path = os.path.join(folder, run_folder.HISTORY)
    if not file_io.exists(path):
        return []
    try:
        entries = [json.loads(x) for x in file_io.read_text(path).splitlines()]
        for entry in entries:
            int(entry["step"])
            dict(entry.get("validation") or {}, **entry.get("distance", {}))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            "A history is damaged: each line must be the JSON object of one "
            f"evaluation. Received: {path} ({error!r}). It was changed by "
            "hand: restore it, or train again: with --overwrite_output_dir; a "
            "trial, by removing its JSON file alone."
        ) from error
    return entries
