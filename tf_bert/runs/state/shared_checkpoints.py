"""The state of a training on several workers: the chief has it, on its disk.

No disk is shared. Where a run continues, the chief reads the state and sends
it to the others, so that these may come with empty folders, or be new ones.
"""

import contextlib
import dataclasses
from typing import Any

from tf_bert.runs import build
from tf_bert.runs.state.folder_checkpoints import FolderCheckpoints
from tf_bert.runs.state.progress import Progress
from tf_bert.training.devices.workers import Workers
from tf_bert.training.evaluate import Evaluation


class SharedCheckpoints:
    """What the workers continue from; one worker alone has it to itself.

    Args:
        workers: of the run.
        own: on the chief, the state in its folder; None on the others, which
            write nothing.
    """

    def __init__(self, workers: Workers, own: FolderCheckpoints | None):
        self._workers = workers
        self._own = own

    def resume(self, run: build.Run) -> Progress:
        """Brings all workers to where the chief is, weights included.

        At step 0 too: whatever is drawn or read there is that of the chief.
        """
        progress = self._workers.by_chief(self._resume_own, run)
        self._workers.send(run.state().values())
        return Progress(**progress)

    def _resume_own(self, run: build.Run) -> dict[str, Any]:
        return dataclasses.asdict(self._own.resume(run))

    def session(self, run: build.Run) -> contextlib.AbstractContextManager:
        """The time in which steps are taken; at its end all is written."""
        if self._own is None:
            return contextlib.nullcontext()
        return self._own.session(run)

    def save_if_due(self, run: build.Run, progress: Progress) -> None:
        """Saves the run between two steps, if it is time to."""
        if self._own is not None:
            self._own.save_if_due(run, progress)

    def save_now(self, run: build.Run, progress: Progress) -> None:
        """Saves the run where it is asked to stop."""
        if self._own is not None:
            self._own.save_now(run, progress)

    def save(
        self, run: build.Run, progress: Progress, result: Evaluation | None
    ) -> None:
        """Saves the run after an evaluation.

        All have computed the same, but perhaps for last digits that depend on
        the kind of processor: which weights are best, and when to stop early,
        is as the chief has it.
        """
        choice = {
            name: getattr(progress, name)
            for name in ("best_step", "best_value", "num_without_gain")
        }
        for name, value in self._workers.of_chief(choice).items():
            setattr(progress, name, value)
        if self._own is not None:
            self._own.save(run, progress, result)

    def load_best(self, run: build.Run) -> None:
        """Gives all models the weights that were best on validation."""
        self._workers.by_chief(self._load_own_best, run)
        self._workers.send(run.classifier.model.weights_by_path().values())

    def _load_own_best(self, run: build.Run) -> None:
        self._own.load_best(run)

    def cost(self) -> dict[str, float]:
        """Returns what saving took, as `FolderCheckpoints.cost` does."""
        return {} if self._own is None else self._own.cost()
