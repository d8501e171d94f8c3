"""Work beside the training, such as writing files, one job at a time."""

import threading
import time
from collections.abc import Callable


class Background:
    """Runs jobs in a thread, one at a time, and hands on what they raise.

    An error of a job is raised by the next call of a method here, once.

    Attributes:
        seconds: that the jobs have taken in all.
    """

    def __init__(self):
        self.seconds = 0.0
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def start(self, job: Callable[[], None]) -> None:
        """Starts a job, after the one before has ended."""
        self.wait()
        # A daemon: a program that is told twice to end does not wait for it.
        self._thread = threading.Thread(
            target=self._run, args=(job,), daemon=True
        )
        self._thread.start()

    def is_busy(self) -> bool:
        """Whether a job is under way."""
        if self._thread is not None and self._thread.is_alive():
            return True
        self.wait()
        return False

    def wait(self) -> None:
        """Waits for the job that is under way, if there is one."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self, job: Callable[[], None]) -> None:
        start = time.perf_counter()
        try:
            job()
        # Whatever it is, the thread that waits for the job raises it.
        except BaseException as error:
            self._error = error
        self.seconds += time.perf_counter() - start
