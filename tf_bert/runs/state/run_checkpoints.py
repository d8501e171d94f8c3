"""What a training is continued from and saved to: on disk, or in memory.

`training_run` asks for what to start from, and gives every evaluation. The
checkpoints in a folder are in `folder_checkpoints`; here are those in memory.
"""

import contextlib

from tf_bert.runs.build import Run
from tf_bert.runs.state import checkpointing
from tf_bert.runs.state.progress import Progress
from tf_bert.system import stop_requests
from tf_bert.system.stop_requests import StopRequest
from tf_bert.training.evaluate import Evaluation


class Checkpoints:
    """What a training is continued from, and saved to; here nothing is."""

    def attended(self) -> contextlib.AbstractContextManager[StopRequest]:
        """The time in which a request to stop is noted.

        It is answered by saving the state, so here none is noted.
        """
        return stop_requests.unattended()

    def resume(self, run: Run) -> Progress:
        """Brings the run to where the training is; returns how far that is."""
        return Progress(data_digest=run.data_digest())

    def session(self, run: Run) -> contextlib.AbstractContextManager[None]:
        """The time in which steps are taken; at its end all is written."""
        del run
        return contextlib.nullcontext()

    def save_if_due(self, run: Run, progress: Progress) -> None:
        """Saves the run between two steps, if it is time to."""

    def save_now(self, run: Run, progress: Progress) -> None:
        """Saves the run where it is asked to stop."""

    def save(
        self, run: Run, progress: Progress, result: Evaluation | None
    ) -> None:
        """Saves the run after an evaluation, the last of the history.

        The result is that on validation, None without that split.
        """

    def load_best(self, run: Run) -> None:
        """Gives the model the weights that were best on validation."""

    def cost(self) -> dict[str, float]:
        """Says and returns what saving took, in seconds and as shares."""
        return {}


def scored_weights(run: Run) -> checkpointing.Arrays:
    """Copies the weights that are evaluated into the memory of the host."""
    with run.scored_weights():
        return checkpointing.snapshot(run.classifier.model.weights_by_path())


class MemoryCheckpoints(Checkpoints):
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

    def resume(self, run: Run) -> Progress:
        """Returns the progress; the run is there already."""
        self.progress.data_digest = run.data_digest()
        return self.progress

    def save(
        self, run: Run, progress: Progress, result: Evaluation | None
    ) -> None:
        """Keeps the evaluation, and a copy of the weights if they are best."""
        self.last = result
        if progress.best_step != progress.step:
            return
        self.best = result
        # The last weights are the model's own until something is loaded.
        is_last = progress.step == run.schedule.plan.num_steps
        self.best_weights = {} if is_last else scored_weights(run)

    def load_best(self, run: Run) -> None:
        """Gives the model the weights that were best on validation."""
        weights = run.classifier.model.weights_by_path()
        for name, value in self.best_weights.items():
            weights[name].assign(value)
