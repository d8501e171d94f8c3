"""Requests to stop that reach one of several workers, and stop all of them.

They must stop behind the same step. So at each boundary between steps all
tell each other whether they were asked to; and as they talk anyway, how many
steps come next, which each would find by its own clock.
"""

import contextlib
from collections.abc import Iterator

from tf_bert.system import stop_requests
from tf_bert.system.stop_requests import StopRequest, StopRequested
from tf_bert.training.devices.workers import Workers


class AgreedRequest(StopRequest):
    """Whether any worker was asked to stop.

    Args:
        request: of this worker.
        workers: of the run.
    """

    def __init__(self, request: StopRequest, workers: Workers):
        super().__init__()
        self._request = request
        self._workers = workers

    def check(self, num_steps: int = 0) -> int:
        """To be called by all workers, where the training can stop.

        Args:
            num_steps: >= 0. That this worker would take next.

        Returns:
            The number of the chief.

        Raises:
            StopRequested: if one was asked to; on all of them.
        """
        asked, steps = self._workers.of_each(
            [self._request.number or 0, num_steps]
        ).T
        if asked.any():
            # For the same signal everywhere: all end with the same status.
            self.number = self._request.number = int(asked.max())
            raise StopRequested
        return int(steps[0])


@contextlib.contextmanager
def noted(workers: Workers) -> Iterator[StopRequest]:
    """A time in which requests are noted and, between workers, agreed upon."""
    with stop_requests.noted() as request:
        if workers.num_workers > 1:
            request = AgreedRequest(request, workers)
        yield request
