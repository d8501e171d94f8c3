"""The folder of a run whose workers share none: the chief has it, on its disk.

What a method of `RunStore` finds or writes, the chief finds or writes, and the
others hear of it. All workers call the same methods in the same order.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from tf_bert.config import Config
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.runs import build, same_data
from tf_bert.runs.run_store import RunStore
from tf_bert.runs.state.run_checkpoints import Checkpoints
from tf_bert.runs.state.shared_checkpoints import SharedCheckpoints
from tf_bert.system.stop_requests import StopRequest
from tf_bert.training.devices import distribution, workers
from tf_bert.training.devices.workers import Workers
from tf_bert.training.evaluate import Evaluation


@contextlib.contextmanager
def open_store(config: Config) -> Iterator[RunStore]:
    """The time of a run, with what it finds and leaves.

    Args:
        config: of the run. With `--distribution=auto` or `multi_worker` it
            has the workers of TF_CONFIG, which are waited for; else it is of
            this process alone.

    Raises:
        ValueError, ConnectionError: as `workers.joined`.
    """
    with workers.joined(config) as team:
        config = distribution.with_batch_size(config)
        is_alone = team.num_workers == 1
        with (
            RunStore(config) if is_alone else SharedStore(config, team) as store
        ):
            yield store


class SharedStore(RunStore):
    """That of several workers.

    Args:
        config: of the run, with the batch size of all devices.
        team: of the workers.
    """

    def __init__(self, config: Config, team: Workers):
        super().__init__(config, strategy=team.strategy)
        self._workers = team

    def finished_results(self) -> dict[str, Any] | None:
        """As the chief finds it."""
        return self._workers.by_chief(super().finished_results)

    def read_data(self) -> TaskData:
        """Reads the data on every worker, and refuses different ones."""
        data = super().read_data()
        same_data.check_same(self._workers, self.config, data)
        return data

    def begin(self, run: build.Run) -> dict[str, Any] | None:
        """As the chief does it."""
        return self._workers.by_chief(super().begin, run)

    def checkpoints(self, run: build.Run) -> Checkpoints:
        """The chief's, for it makes files; sent to the others."""
        own = super().checkpoints(run) if self._workers.is_chief else None
        return SharedCheckpoints(self._workers, own)

    def attended(self) -> contextlib.AbstractContextManager[StopRequest]:
        """The time in which all stop behind the same step."""
        return workers.noted(self._workers)

    def keep(
        self,
        run: build.Run,
        checkpoints: Checkpoints,
        evaluations: dict[str, Evaluation],
        results: dict[str, Any],
    ) -> dict[str, Any]:
        """As the chief does it."""
        return self._workers.by_chief(
            super().keep, run, checkpoints, evaluations, results
        )

    def _record(self) -> dict[str, Any]:
        return self._workers.by_chief(super()._record)

    def _begun(self) -> dict[str, Any] | None:
        return self._workers.by_chief(super()._begun)

    def _predictions_path(self) -> str | None:
        # All predict, for each takes its part of a batch; the chief writes.
        return super()._predictions_path() if self._workers.is_chief else None
