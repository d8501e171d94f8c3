"""The state of a training on several workers: the chief has it, on its disk.

No disk is shared. Where a run continues, the chief reads the state and sends
it to the others, so that these may come with empty folders, or be new ones.
"""

import contextlib
import dataclasses
from typing import Any

from tf_bert.runs.build import Run
from tf_bert.runs.state.progress import Progress
from tf_bert.runs.state.run_checkpoints import Checkpoints
from tf_bert.system.stop_requests import StopRequest
from tf_bert.training.devices import workers
from tf_bert.training.devices.workers import Workers
from tf_bert.training.evaluate import Evaluation


class SharedCheckpoints(Checkpoints):
    """What several workers continue from.

    Args:
        workers: Those of the run.
        own: on the chief, the state in its folder; on the others, which
            write nothing, `Checkpoints`.
    """

    def __init__(self, workers: Workers, own: Checkpoints):
        self._workers = workers
        self._own = own
        # What the chief does by itself, and the others do not do.
        self.session, self.cost = own.session, own.cost
        self.save_if_due, self.save_now = own.save_if_due, own.save_now

    def attended(self) -> contextlib.AbstractContextManager[StopRequest]:
        """The time in which all stop behind the same step."""
        return workers.noted(self._workers)

    def resume(self, run: Run) -> Progress:
        """Brings all workers to where the chief is, weights included.

        At step 0 too: whatever is drawn or read there is that of the chief.
        """
        progress = self._workers.by_chief(self._resume_own, run)
        self._workers.send(run.state().values())
        return Progress(**progress)

    def _resume_own(self, run: Run) -> dict[str, Any]:
        return dataclasses.asdict(self._own.resume(run))

    def save(
        self, run: Run, progress: Progress, result: Evaluation | None
    ) -> None:
        """By the chief.

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
        self._own.save(run, progress, result)

    def load_best(self, run: Run) -> None:
        """Gives all models the weights that were best on validation."""
        self._workers.by_chief(self._own.load_best, run)
        self._workers.send(run.classifier.model.weights_by_path().values())
