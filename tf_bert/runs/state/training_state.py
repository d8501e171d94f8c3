"""How far a training is, and where that is kept: on disk, or in memory.

`training_run` asks a state what to start from, and gives it every evaluation.
The state on disk is in `folder_state`; this module has the one in memory.
"""

import contextlib
import dataclasses
import json
from typing import Any, Protocol

from tf_bert.runs import build
from tf_bert.runs.state import checkpointing
from tf_bert.training.evaluate import Evaluation


@dataclasses.dataclass
class Progress:
    """How far a training is; saved with the state.

    Attributes:
        step: steps done.
        words_step: after which the model's word embeddings were last brought
            up to date with the trained rows, see `TrainedWords`.
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


class TrainingState(Protocol):
    """What a training is continued from, and saved to."""

    def resume(self, run: build.Run) -> Progress:
        """Returns how far the training is; the run is brought there."""
        ...

    def session(self, run: build.Run) -> contextlib.AbstractContextManager:
        """The time in which steps are taken; at its end all is written."""
        ...

    def save_if_due(self, run: build.Run, progress: Progress) -> None:
        """Saves the run between two steps, if it is time to."""
        ...

    def save_now(self, run: build.Run, progress: Progress) -> None:
        """Saves the run where it is asked to stop."""
        ...

    def save(
        self, run: build.Run, progress: Progress, result: Evaluation | None
    ) -> None:
        """Saves the run after an evaluation.

        Args:
            run: with the weights after `progress.step`.
            progress: the evaluation is the last entry of its history.
            result: on validation; None without that split.
        """
        ...

    def load_best(self, run: build.Run) -> None:
        """Gives the model the weights that were best on validation."""
        ...

    def cost(self) -> dict[str, float]:
        """Says and returns what saving took, in seconds and as shares."""
        ...


class MemoryState:
    """A training whose best weights are kept in memory alone.

    Args:
        progress: that it goes on from; None starts it.

    Attributes:
        progress: of the training, also if that ended with an error.
        best: the evaluation on validation that was best; None before the
            first, and without that split.
        last: the last one, likewise.
        best_weights: path -> value after `progress.best_step`; empty: they
            are the model's own.
    """

    def __init__(self, progress: Progress | None = None):
        self.progress = progress or Progress()
        self.best: Evaluation | None = None
        self.last: Evaluation | None = None
        self.best_weights: checkpointing.Arrays = {}

    def resume(self, run: build.Run) -> Progress:
        """Returns the progress; the run is there already."""
        self.progress.data_digest = run.data_digest()
        return self.progress

    def session(self, run: build.Run) -> contextlib.AbstractContextManager:
        """Nothing is to be done at the end."""
        del run
        return contextlib.nullcontext()

    def save_if_due(self, run: build.Run, progress: Progress) -> None:
        """Keeps nothing: there is no continuation."""

    def save_now(self, run: build.Run, progress: Progress) -> None:
        """Keeps nothing: there is no continuation."""

    def save(
        self, run: build.Run, progress: Progress, result: Evaluation | None
    ) -> None:
        """Keeps the evaluation, and a copy of the weights if they are best."""
        self.last = result
        if progress.best_step != progress.step:
            return
        self.best = result
        # The last weights are the model's own until something is loaded.
        if progress.step < run.schedule.plan.num_steps:
            weights = run.classifier.model.weights_by_path()
            with run.scored_weights():
                self.best_weights = checkpointing.snapshot(weights)
        else:
            self.best_weights = {}

    def load_best(self, run: build.Run) -> None:
        """Gives the model the weights that were best on validation."""
        weights = run.classifier.model.weights_by_path()
        for name, value in self.best_weights.items():
            weights[name].assign(value)

    def cost(self) -> dict[str, float]:
        """Nothing is measured: copies take no time to speak of."""
        return {}


def history_lines(progress: Progress) -> str:
    """Returns the history as the file holds it, one entry on a line."""
    lines = [json.dumps(entry, sort_keys=True) for entry in progress.history]
    return "".join(f"{line}\n" for line in lines)
