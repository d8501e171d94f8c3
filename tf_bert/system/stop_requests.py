"""SIGTERM and Ctrl-C: who asked the program to stop, and how it ends.

While a training takes steps, the first request is only noted: the training
saves its state at the next boundary between steps and ends then. A second
one, and any at another time, ends the program at once, by an exception in the
main thread, so that temporary files are removed.

A signal that is ignored stays ignored, as `nohup` and shells want it for what
runs in the background. Outside the main thread Python has no signals: there
nothing is noted, and nothing is changed.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

STATUS_OF_CONTROL_C = 128 + signal.SIGINT
STATUS_OF_SIGTERM = 128 + signal.SIGTERM


class Terminated(SystemExit):
    """SIGTERM asked the program to end.

    Where nobody catches it the program ends, with the status that a shell
    reports of a program that the signal has killed. It is no `Exception`: what
    stores the errors of a trial and goes on must not store this one.
    """

    def __init__(self, message: str = ""):
        super().__init__(message)
        self.code = STATUS_OF_SIGTERM


class StopRequested(BaseException):
    """A training was asked to stop, and is at a place where it can."""


class StopRequest:
    """Whether a training was asked to stop."""

    def __init__(self):
        self.number: int | None = None  # Of the signal, if it was.

    def check(self, num_steps: int = 0) -> int:
        """To be called where a training can stop: between steps.

        Returns how many steps come next: `num_steps`, but where several
        workers agree.

        Raises:
            StopRequested: if it was asked to.
        """
        if self.number is not None:
            raise StopRequested
        return num_steps

    def ending(self, message: str) -> BaseException:
        """Returns what ends the program, for the signal that it got."""
        if self.number == signal.SIGTERM:
            return Terminated(message)
        return KeyboardInterrupt(message)


@contextlib.contextmanager
def unattended() -> Iterator[StopRequest]:
    """A time in which no request is noted: signals do what they do anyhow."""
    yield StopRequest()


@contextlib.contextmanager
def noted() -> Iterator[StopRequest]:
    """A time in which the first signal is noted, and the second one ends.

    A request that nothing has answered takes effect when the time is over.

    Example:
        >>> try:
        ...     with noted() as request:
        ...         signal.raise_signal(signal.SIGTERM)
        ...         print("goes on")
        ... except Terminated as error:
        ...     print(error.code)
        goes on
        143
    """
    request = StopRequest()

    def note(number: int, frame: Any) -> None:
        if request.number is not None:
            _end(number, frame)
        request.number = number

    with _handled(note, signal.SIGINT, signal.SIGTERM):
        yield request
    if request.number is not None:
        _end(request.number, None)


@contextlib.contextmanager
def ending_at_sigterm() -> Iterator[None]:
    """A time in which SIGTERM raises `Terminated`, as Ctrl-C does by itself."""
    with _handled(_end, signal.SIGTERM):
        yield


def _end(number: int, frame: Any) -> None:
    del frame
    if number == signal.SIGTERM:
        raise Terminated
    raise KeyboardInterrupt


@contextlib.contextmanager
def _handled(
    handler: Callable[[int, Any], None], *numbers: int
) -> Iterator[None]:
    """Handles signals inside, and restores who handled them before."""
    previous = {}
    if threading.current_thread() is threading.main_thread():
        previous = {number: signal.getsignal(number) for number in numbers}
    # None: handled by something else than Python, which cannot be restored.
    previous = {
        number: old
        for number, old in previous.items()
        if old not in (signal.SIG_IGN, None)
    }
    for number in previous:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)
