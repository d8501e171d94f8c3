"""Tests of tf_bert/trials/runners/local_runner.py: processes, and their end.

So small a model is computed alike by any number of threads: what differs is
the runner's doing.
"""

import dataclasses
import multiprocessing
import os
import pathlib
import re
import signal
import time

import pytest
from conftest import make_config
from warm_program import Process

from tf_bert.trials.planned_trials import Job, Trial
from tf_bert.trials.runners import trial_worker

pytestmark = pytest.mark.large


@dataclasses.dataclass(frozen=True)
class Broken:
    """How a sweep was broken off.

    Attributes:
        status: its exit status; minus the signal that killed it.
        error: what it printed to standard error.
        num_finished: trials that had finished before.
        num_stored: trials that are there afterwards.
    """

    status: int
    error: str
    num_finished: int
    num_stored: int


def workers_of(process: Process) -> list[int]:
    """The ids of the processes that run trials."""
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [
        child
        for child in map(int, children.read_text().split())
        if b"spawn_main" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def kill_worker(process):
    os.kill(workers_of(process)[0], signal.SIGKILL)


def press_control_c(process):
    os.killpg(process.pid, signal.SIGINT)


def terminate(process):
    os.killpg(process.pid, signal.SIGTERM)


def kill(process):
    process.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("processes") / "sweep"


@pytest.fixture(scope="module")
def broken(
    folder, start_sweep, wait_for_trials, wait_for_end_of_group
) -> dict[str, Broken]:
    """One sweep, broken off in four ways, one after the other.

    Both signals come while the workers start. The last, `kill -9` of the
    process that asked, leaves its workers alone.
    """
    found, number = {}, 0
    for end in (kill_worker, press_control_c, terminate, kill):
        process = start_sweep(folder, num_parallel_trials=2)
        if end in (press_control_c, terminate):
            while len(workers_of(process)) < 2:
                time.sleep(0.02)
        else:
            number = wait_for_trials(process, folder, number + 1)
        end(process)
        status = process.wait()
        wait_for_end_of_group(process.pid)
        stored = len(list(folder.glob("trials/*.json")))
        found[end.__name__] = Broken(status, process.error(), number, stored)
        number = stored
    return found


def test_a_worker_whose_result_nobody_waits_for_ends_in_silence(
    flags, tmp_path, capfd
):
    config = make_config(flags, train_file=str(tmp_path / "none.csv"))
    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    process = context.Process(
        target=trial_worker.serve,
        args=(other, trial_worker.ProcessSettings(num_threads=1)),
    )
    process.start()
    other.close()
    pipe.send(Job(Trial("0" * 16, "all trials", config)))
    pipe.close()
    process.join()
    assert process.exitcode == 0
    assert capfd.readouterr() == ("", "")


class TestBrokenOff:
    def test_each_was_broken_off_in_the_midst(self, broken):
        for name, sweep in broken.items():
            assert sweep.num_finished <= sweep.num_stored < 8, name

    def test_a_worker_that_dies_ends_the_sweep_with_a_sentence(self, broken):
        sweep = broken["kill_worker"]
        assert sweep.status == 2
        *_, line = sweep.error.splitlines()
        assert line.startswith(
            "ChildProcessError: A trial's process died. Received: exit "
            "status -9 of process "
        )
        assert line.endswith("with a smaller --num_parallel_trials.")

    @pytest.mark.parametrize(
        ("end", "status", "word"),
        [
            ("press_control_c", 130, "Interrupted"),
            ("terminate", 143, "Terminated"),
        ],
    )
    def test_a_signal_is_answered_by_one_process(
        self, broken, end, status, word
    ):
        sweep = broken[end]
        assert sweep.status == status
        *_, blank, line = sweep.error.splitlines()
        assert blank == ""
        assert line.startswith(f"{word}. What has finished is stored:")

    def test_nothing_else_is_printed(self, broken):
        """No lines of native code, no warning of each process."""
        ours = re.compile(
            r"|F1 and average precision are of class .+"
            r"|\d+ of the \d+ test examples are copies of training examples .+"
            r"|(train|validation|test|labels): .+|\d of 8( trials have|: ).+"
            "|(ChildProcessError|Interrupted|Terminated).+"
        )
        for sweep in broken.values():
            for line in sweep.error.splitlines():
                assert ours.fullmatch(line), line

    def test_the_same_command_makes_what_one_process_makes(
        self, broken, folder, local_sweep, finish_sweep, sweep_content
    ):
        status, error = finish_sweep(folder, num_parallel_trials=2)
        assert status == 0, error
        assert sweep_content(folder) == sweep_content(local_sweep)
