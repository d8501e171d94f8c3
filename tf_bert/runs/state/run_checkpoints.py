"""What a training is continued from and saved to: on disk, or in memory.

`training_run` asks for what to start from, and gives every evaluation. The
checkpoints in a folder are in `folder_checkpoints`; here are those in memory.
"""

import contextlib
from typing import Protocol

from tf_bert.runs import build
from tf_bert.runs.state import checkpointing
from tf_bert.runs.state.progress import Progress
from tf_bert.training.evaluate import Evaluation


class Checkpoints(Protocol):
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


class MemoryCheckpoints:
    """A training whose best weights are kept in memory alone.

    Attributes:
        progress: of the training, also if that ended with an error.
        best: the evaluation on validation that was best; None before the
            first, and without that split.
        last: the last one, likewise.
        best_weights: path -> value after `progress.best_step`; empty: they
            are the model's own.
    """

    def __init__(self):
        self.progress = Progress()
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
