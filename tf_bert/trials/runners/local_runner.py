"""Running trials on this machine: in this process, or in several."""

import contextlib
import multiprocessing
import signal
from collections.abc import Iterator
from multiprocessing import connection, resource_tracker
from typing import Any

from tf_bert.system import limits
from tf_bert.trials.live_table import LiveTable
from tf_bert.trials.one_trial import TrialResult, Workbench
from tf_bert.trials.planned_trials import Job
from tf_bert.trials.runners import trial_worker as worker_lib


def run_here(jobs: Iterator[Job], table: LiveTable) -> Iterator[TrialResult]:
    """Runs trials one after another in this process."""
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

    A process gets its share of the threads, at least one. Sums of float32
    numbers depend on how they are divided among threads, so a result may
    differ in its last digits from that of one process. The next job is asked
    for when a process has nothing to do. Results come in the order in which
    they end.

    Args:
        jobs: to be done.
        table: that shows how far they are.
        num_trials: that are left; more processes are not started.
        num_processes: >= 1.

    Raises:
        ChildProcessError: if a process ended, as when memory runs out.
    """
    num_threads = max(1, limits.num_cpus() // num_processes)
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
        self._process = context.Process(
            target=worker_lib.serve,
            args=(other, worker_lib.ProcessSettings(num_threads)),
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
        """Gives the process a trial."""
        with self._explained():
            self.pipe.send(job)

    def receive(self) -> TrialResult:
        """Waits for the result of the trial that was sent."""
        with self._explained():
            return self.pipe.recv()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            self._process.join()
            raise ChildProcessError(
                "A trial's process died. Received: exit status "
                f"{self._process.exitcode} of process {self._process.pid}. "
                "Often there is not enough memory. What has finished is "
                "stored: give the command again, with a smaller "
                "--num_parallel_trials."
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
