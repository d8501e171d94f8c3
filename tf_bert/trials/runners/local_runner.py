"""Running trials on this machine: in this process, or in several."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing import connection, resource_tracker
from typing import Any

from absl import logging

from tf_bert.system import onednn
from tf_bert.trials.live_table import LiveTable
from tf_bert.trials.one_trial import TrialResult, Workbench
from tf_bert.trials.planned_trials import Job
from tf_bert.trials.runners import trial_worker as worker_lib


def run_here(jobs: Iterator[Job], table: LiveTable) -> Iterator[TrialResult]:
    """Runs trials one after another in this process.

    Args:
        jobs: the next is asked for when the result of the last one was taken.
        table: that shows how far they are.
    """
    workbench = Workbench()
    for job in jobs:
        table.start(job.trial)
        yield workbench.run_trial(job, make_bar=table.make_bar)


def run_in_processes(
    jobs: Iterator[Job],
    table: LiveTable,
    *,
    num_trials: int,
    num_processes: int,
) -> Iterator[TrialResult]:
    """Runs trials in several processes, which share the CPU's threads.

    Args:
        jobs: the next is asked for when a process has nothing to do.
        table: that shows how far they are.
        num_trials: that are left; more processes are not started.
        num_processes: >= 1. A process gets 1 / `num_processes` of the
            threads, at least one. Sums of float32 numbers depend on how they
            are divided among threads, so a result may differ in its last
            digits from that of one process.

    Yields:
        The result of each, in the order in which they end.

    Raises:
        ChildProcessError: if a process ended, as when memory runs out.
    """
    num_threads = max(1, (os.cpu_count() or 1) // num_processes)
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(_Worker(num_threads))
            for _ in range(min(num_processes, num_trials))
        ]
        busy: dict[connection.Connection, _Worker] = {}

        def give_work(worker: _Worker) -> None:
            job = next(jobs, None)
            if job is not None:
                table.start(job.trial)
                worker.send(job)
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
            args=(other, num_threads, is_verbose, onednn.is_on()),
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

    def send(self, job: Job) -> None:
        """Gives the process a trial.

        Raises:
            ChildProcessError: if the process has ended.
        """
        with self._explained():
            self.pipe.send(job)

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
