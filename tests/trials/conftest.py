"""What the tests of the runners share: sweeps in processes of their own."""

import json
import os
import pathlib
import time

import pytest
from warm_program import Process

ROOT = pathlib.Path(__file__).parents[2]
# Of a sweep's configuration: what may differ, for results do not.
_RUNNERS_FLAGS = (
    "num_cpus_per_trial",
    "num_gpus_per_trial",
    "num_parallel_trials",
    "output_dir",
    "ray_address",
    "trial_runner",
)


def _comparable(folder: pathlib.Path, path: pathlib.Path):
    """The content of a file, without what may differ."""
    relative = path.relative_to(folder)
    if relative == pathlib.Path("config.json"):
        fields = json.loads(path.read_text())
        return {n: x for n, x in fields.items() if n not in _RUNNERS_FLAGS}
    if relative.match("trials/*.json"):
        return {**json.loads(path.read_text()), "runtime": None}
    if relative == pathlib.Path("trials.jsonl"):
        lines = path.read_text().splitlines()
        return [{**json.loads(line), "runtime": None} for line in lines]
    # A model's card has the command.
    return path.read_bytes().replace(bytes(folder.parent), b"")


@pytest.fixture(scope="session")
def sweep_content():
    """Returns a function: folder of a sweep -> path -> content, to compare."""

    def content(folder: pathlib.Path) -> dict:
        return {
            str(path.relative_to(folder)): _comparable(folder, path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != ".lock"
        }

    return content


@pytest.fixture(scope="session")
def start_sweep(flags, reviews, warm_program):
    """Returns a function that starts 2 recipes with 4 seeds each.

    The process leads a group of its own, as that of a command in a shell.
    """

    def start(output_dir: pathlib.Path, **changes) -> Process:
        chosen = {
            "mode": "trials",
            "num_trials": 4,
            "sweep": "bias_correction:true,false",
            "test_file": reviews / "test.csv",
            "trials_save_model": "all",
            "num_train_steps": 60,
            "learning_rate": 0.001,
            **changes,
        }
        arguments = flags(output_dir=output_dir, **chosen)
        return warm_program.start(arguments, cwd=ROOT)

    return start


@pytest.fixture(scope="session")
def finish_sweep(start_sweep):
    """Returns a function to the exit status and errors of such a sweep."""

    def finish(output_dir: pathlib.Path, **changes) -> tuple[int, str]:
        process = start_sweep(output_dir, **changes)
        return process.wait(), process.error()

    return finish


@pytest.fixture(scope="session")
def local_sweep(finish_sweep, tmp_path_factory) -> pathlib.Path:
    """The folder of the sweep, run in one process. For reading only."""
    folder = tmp_path_factory.mktemp("here") / "sweep"
    status, err = finish_sweep(folder)
    assert status == 0, err
    return folder


@pytest.fixture(scope="session")
def wait_for_trials():
    """Returns a function that waits for so many finished trials, or more."""

    def wait(process: Process, folder: pathlib.Path, number: int):
        while True:
            finished = len(list(folder.glob("trials/*.json")))
            if finished >= number:
                return finished
            if process.poll() is not None:
                raise RuntimeError(f"It ended: {process.error()}")
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def wait_for_end_of_group():
    """Returns a function that waits until a process group has no process."""

    def wait(group: int, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)
        raise RuntimeError(f"Processes of the group {group} are left.")

    return wait
