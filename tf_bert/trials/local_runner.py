"""Running trials on this machine: in this process, or in several."""

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection, resource_tracker
from typing import Any

from absl import logging

from tf_bert.trials import worker as worker_lib
from tf_bert.trials.live_table import LiveTable
from tf_bert.trials.one_trial import TrialResult, Workbench
from tf_bert.trials.plan import Trial

# What the model of a trial must beat to be kept, see `Workbench.run_trial`.
Beats = Callable[[Trial], float | None]


def run_here(
    trials: Sequence[Trial], beats: Beats, table: LiveTable
) -> Iterator[TrialResult]:
    """Runs trials one after another in this process.

    Args:
        trials: to be run.
        beats: is asked before each.
        table: that shows how far they are.

    Yields:
        The result of each.
    """
    workbench = Workbench()
    for trial in trials:
        table.start(trial)
        yield workbench.run_trial(
            trial, make_bar=table.make_bar, beats=beats(trial)
        )


def run_in_processes(
    trials: Sequence[Trial],
    beats: Beats,
    table: LiveTable,
    *,
    num_processes: int,
) -> Iterator[TrialResult]:
    """Runs trials in several processes, which share the CPU's threads.

    Args:
        trials: to be run.
        beats: is asked before each.
        table: that shows how far they are.
        num_processes: >= 1. A process gets 1 / `num_processes` of the
            threads, at least one. Sums of float32 numbers depend on how they
            are divided among threads, so a result may differ in its last
            digits from that of one process.

    Yields:
        The result of each, in the order in which they end.

    Raises:
        ChildProcessError: if a process ended, as when memory runs out.
    """
    waiting = deque(trials)
    num_threads = max(1, (os.cpu_count() or 1) // num_processes)
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(_Worker(num_threads))
            for _ in range(min(num_processes, len(trials)))
        ]
        busy: dict[connection.Connection, _Worker] = {}

        def give_work(worker: "_Worker") -> None:
            if waiting:
                trial = waiting.popleft()
                table.start(trial)
                worker.send(trial, beats(trial))
                busy[worker.pipe] = worker

        for worker in workers:
            give_work(worker)
        while busy:
            for pipe in connection.wait(list(busy)):
                worker = busy.pop(pipe)
                yield worker.receive()
                give_work(worker)


class _Worker:
    """A process that runs the trials it is sent."""

    def __init__(self, num_threads: int):
        # A fork would copy a TensorFlow that has started its threads.
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        is_verbose = logging.get_verbosity() >= logging.DEBUG
        self._process = context.Process(
            target=worker_lib.serve,
            args=(other, num_threads, is_verbose),
            daemon=True,
        )
        with _without_control_c():
            self._process.start()
        other.close()

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.terminate()
        self._process.join()

    def send(self, trial: Trial, beats: float | None) -> None:
        """Gives the process a trial.

        Raises:
            ChildProcessError: if the process has ended.
        """
        with self._explained():
            self.pipe.send((trial, beats))

    def receive(self) -> TrialResult:
        """Waits for the result of the trial that was sent.

        Raises:
            ChildProcessError: if the process has ended.
        """
        with self._explained():
            return self.pipe.recv()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            self._process.join()
            raise ChildProcessError(
                "The processes of the trials must not end. Received: exit "
                f"status {self._process.exitcode} of process "
                f"{self._process.pid}, which something killed; often there is "
                "not enough memory. What has finished is stored: give the "
                "command again, with a smaller --num_parallel_trials."
            ) from error


@contextlib.contextmanager
def _without_control_c() -> Iterator[None]:
    """Keeps Ctrl-C from what is started inside; here it comes afterwards.

    A process that is just starting would print where it was interrupted.
    """
    # It changes the mask when it starts, which must be before.
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
