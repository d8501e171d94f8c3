"""Interrupts trainings in every way, continues them, compares the results.

    python benchmarks/reliability.py

prints the table of docs/reliability.md, and stores it beside this file. A
training of a BERT with 2 layers is killed (`kill -9`), stopped (SIGTERM),
given faults of gs:// (a server on loopback), a full disk, a damaged newest
state, a second command, and the loss of a worker of four, at random moments;
the same command is given again until it has ended. Its weights, metrics,
history and predictions must be those of an unbroken run, byte for byte,
`runtime` aside.

`--scenarios=kill,sigterm` runs some of them, `--quick` each once and shorter,
without a table of its own. Needs the extra [test]; and for
the full disk a Linux that lets this user mount a tmpfs, by `unshare`.
"""

import argparse
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import quick
import reliability_lab as labs

HERE = pathlib.Path(__file__).parent
STORED = HERE / "reliability.json"
sys.path.append(str(HERE.parent / "tests"))
import gcs_server  # noqa: E402
import worker_processes  # noqa: E402

_HEADER = (
    "| what happened | times | runs | ended the same, byte for byte | steps "
    "taken twice |\n|---|---:|---:|---:|---:|"
)


@dataclasses.dataclass
class Row:
    """One row of the table.

    Attributes:
        scenario: what was done to the runs.
        times: how often.
        num_runs: that this was done to, and that have ended.
        num_same: of these, how many ended byte for byte like an unbroken one.
        repeated: steps that were taken a second time, as a share of all the
            steps of these runs.
    """

    scenario: str
    times: int = 0
    num_runs: int = 0
    num_same: int = 0
    repeated: float = 0.0

    def __str__(self) -> str:
        return (
            f"| {self.scenario} | {self.times} | {self.num_runs} | "
            f"{self.num_same} | {100 * self.repeated:.1f} % |"
        )


class Experiment:
    """Does things to runs, and counts what they come to.

    Args:
        lab: with the training.
        folder: for the runs.
        scenario: what is done to them.
        expected: the result of an unbroken run.

    Attributes:
        row: what the runs came to.
    """

    def __init__(
        self,
        lab: labs.Laboratory,
        folder: pathlib.Path,
        scenario: str,
        expected: dict[str, object],
    ):
        self.lab = lab
        self.folder = folder
        self.row = Row(scenario)
        self.expected = expected
        self._number = 0
        self._steps = 0

    def new_run(self) -> tuple[pathlib.Path, pathlib.Path]:
        """Returns an `output_dir`, and the file of its steps."""
        self._number += 1
        folder = self.folder / f"run_{self._number}"
        folder.mkdir(parents=True)
        return folder / "output", folder / "steps"

    def add(self, found: dict[str, object], *steps: pathlib.Path) -> None:
        """Counts a run that has ended."""
        row = self.row
        row.num_runs += 1
        row.num_same += found == self.expected
        self._steps += labs.steps_taken(steps)
        needed = self.lab.num_steps * row.num_runs
        row.repeated = (self._steps - needed) / needed


def interrupt(
    experiment: Experiment,
    *,
    times: int,
    times_a_run: int,
    number: signal.Signals,
    status: int,
) -> None:
    """Sends signals to runs, and lets each end when it has had its share."""
    lab, row = experiment.lab, experiment.row
    while row.times < times:
        output, steps = experiment.new_run()
        for _ in range(min(times_a_run, times - row.times)):
            is_there, found, said = lab.interrupt(str(output), steps, number)
            if not is_there:  # It had ended before.
                break
            if found != status:
                raise RuntimeError(f"exit status {found}: {said}")
            row.times += 1
        lab.finish(str(output), steps)
        experiment.add(labs.local_result(output), steps)


def damage(experiment: Experiment, *, times: int) -> None:
    """Kills a run, and changes its newest state: the one before must do."""
    lab, row = experiment.lab, experiment.row
    damages: tuple[Callable[[bytes], bytes], ...] = (
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    )
    while row.times < times:
        output, steps = experiment.new_run()
        lab.interrupt(str(output), steps, signal.SIGKILL)
        states = _states(output)
        if len(states) < 2:  # Too early, or too late.
            continue
        newest = states[-1]
        newest.write_bytes(damages[row.times % 3](newest.read_bytes()))
        said = lab.finish(str(output), steps)
        if newest.name not in said:
            raise RuntimeError(f"The damage was not seen: {said}")
        row.times += 1
        experiment.add(labs.local_result(output), steps)


def _states(output: pathlib.Path) -> list[pathlib.Path]:
    """The saved states of a run, oldest first."""
    states = (output / "checkpoints").glob("state_*.safetensors")
    return sorted(states, key=lambda path: path.stat().st_mtime_ns)


def fill_disk(experiment: Experiment, *, times: int) -> None:
    """Runs on a disk that is full at some moment, and has room again later."""
    lab, row = experiment.lab, experiment.row
    while row.times < times:
        output, steps = experiment.new_run()
        disk = output.parent / "disk"
        disk.mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk],
            check=True,
        )
        try:
            process = lab.start(str(disk / "output"), steps)
            if lab.wait_for_a_moment(process, steps):
                _take_all_room(disk / "filler")
                row.times += 1
            _, said = process.communicate()
            if process.returncode not in (0, 2) or "Traceback" in said:
                raise RuntimeError(f"{process.returncode}: {said}")
            (disk / "filler").unlink(missing_ok=True)
            lab.finish(str(disk / "output"), steps)
            experiment.add(labs.local_result(disk / "output"), steps)
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)


def _take_all_room(path: pathlib.Path) -> None:
    """Writes zeros until the disk is full."""
    with open(path, "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))


def start_twice(experiment: Experiment, *, times: int) -> None:
    """Gives the command a second time while it runs: one must be refused.

    In turn at the same moment and at a random one of the training; and in
    turn without and with --overwrite_output_dir.
    """
    lab, row = experiment.lab, experiment.row
    overwriting = dataclasses.replace(
        lab, flags=(*lab.flags, "--overwrite_output_dir")
    )
    while row.times < times:
        output, steps = experiment.new_run()
        others = steps.with_name("steps_of_second")
        first = lab.start(str(output), steps)
        if row.times % 2 and not lab.wait_for_a_moment(first, steps):
            raise RuntimeError(f"It ended too early: {first.communicate()}")
        second_lab = overwriting if row.times % 4 > 1 else lab
        second = second_lab.start(str(output), others)
        said = {second: second.communicate()[1], first: first.communicate()[1]}
        refused = first if first.returncode else second
        winner, winners_steps = first, steps
        if refused is first:  # At the same moment anyone may be the first.
            winner, winners_steps = second, others
        if (
            (winner.returncode, refused.returncode) != (0, 2)
            or f"process {winner.pid} is at work" not in said[refused]
            or (refused is first and row.times % 2)
        ):
            raise RuntimeError(f"{first}, {second}: {said}")
        row.times += 1
        experiment.add(labs.local_result(output), winners_steps)


def break_gcs(experiment: Experiment, *, times: int, times_a_run: int) -> None:
    """Runs with everything on gs://, of which some requests fail."""
    lab, row = experiment.lab, experiment.row
    checkpoint = pathlib.Path(_value_of(lab.flags, "--init_checkpoint"))
    while row.times < times:
        left = min(times_a_run, times - row.times)
        faults = _RandomFaults(lab.moments, left)
        with gcs_server.GcsServer(["b"], choose_fault=faults.choose) as server:
            for path in checkpoint.iterdir():
                name = f"checkpoint/{path.name}"
                server.objects["b"][name] = path.read_bytes()
            remote = dataclasses.replace(
                lab,
                flags=tuple(
                    flag.replace(str(checkpoint), "gs://b/checkpoint")
                    for flag in lab.flags
                ),
            )
            _, steps = experiment.new_run()
            cache = {"XDG_CACHE_HOME": str(steps.parent)}
            environment = os.environ | server.environment | cache
            process = remote.start("gs://b/run", steps, env=environment)
            _, said = process.communicate()
            if process.returncode not in (0, 2) or "Traceback" in said:
                raise RuntimeError(f"{process.returncode}: {said}")
            if process.returncode:
                remote.finish("gs://b/run", steps, env=environment)
            row.times += left - faults.num_left
            files = server.objects["b"]
            experiment.add(labs.result(lambda n: files[f"run/{n}"]), steps)  # noqa: B023


def lose_worker(experiment: Experiment, *, times: int) -> None:
    """Kills one of four workers: the others must end, and all continue.

    The result is compared with an unbroken run of four workers, whose losses
    are rounded otherwise than those of one.
    """
    lab = experiment.lab = experiment.lab.with_length(_STEPS_OF_WORKERS)
    row = experiment.row
    output, steps = experiment.new_run()
    with _workers(lab, output, steps) as team:
        _check_status(team.wait(), 0)
    experiment.expected = labs.local_result(output)
    while row.times < times:
        output, steps = experiment.new_run()
        with _workers(lab, output, steps) as team:
            is_there = lab.wait_for_a_moment(team.processes[0], steps)
            team.signal(lab.moments.randrange(_NUM_WORKERS), signal.SIGKILL)
            ended = team.wait()
        if is_there:
            row.times += 1
            lost = [x for x in ended if x.status == -signal.SIGKILL]
            _check_status([x for x in ended if x not in lost], 2)
            with _workers(lab, output, steps) as team:
                _check_status(team.wait(), 0)
        experiment.add(labs.local_result(output), steps)


_NUM_WORKERS = 4
# Four processes on a small machine mostly wait for each other.
_STEPS_OF_WORKERS = 400


def _workers(
    lab: labs.Laboratory, output: pathlib.Path, steps: pathlib.Path
) -> "worker_processes.WorkerProcesses":
    """Starts four workers, of which the first one's steps are counted."""
    return worker_processes.WorkerProcesses(
        lambda index: lab.command(
            str(output), steps if index == 0 else pathlib.Path(os.devnull)
        ),
        _NUM_WORKERS,
        folders=[HERE.parent] * _NUM_WORKERS,
    )


def _check_status(ended: list["worker_processes.Ended"], status: int) -> None:
    for worker in ended:
        if worker.status != status:
            raise RuntimeError(f"status {worker.status}: {worker.error}")


class _RandomFaults:
    """Lets some of the requests fail, which are spread over a run.

    Args:
        moments: draws them.
        number: of faults; each meets one request.
    """

    def __init__(self, moments: random.Random, number: int):
        self._moments = moments
        self.num_left = number

    def choose(self, request) -> int | None:
        """Returns the status of a fault, 0 for a connection that is dropped."""
        del request  # Any may fail.
        if not self.num_left or self._moments.random() > 0.08:
            return None
        self.num_left -= 1
        return self._moments.choice((503, 429, 0))


def _value_of(flags: tuple[str, ...], name: str) -> str:
    return next(x for x in flags if x.startswith(name)).partition("=")[2]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One row to be.

    Attributes:
        title: of the row.
        times: how often it is done.
        do: gets an experiment and `times`.
    """

    title: str
    times: int
    do: Callable[..., None]


SCENARIOS = {
    "kill": Scenario(
        "`kill -9` at a random moment of the training",
        50,
        functools.partial(
            interrupt,
            times_a_run=5,
            number=signal.SIGKILL,
            status=-signal.SIGKILL,
        ),
    ),
    "sigterm": Scenario(
        "SIGTERM, likewise",
        20,
        functools.partial(
            interrupt, times_a_run=4, number=signal.SIGTERM, status=143
        ),
    ),
    "gcs": Scenario(
        "checkpoint and run on gs://: a request gets 503 or 429, or its "
        "connection is dropped",
        30,
        functools.partial(break_gcs, times_a_run=6),
    ),
    "disk": Scenario("the disk is full for a while", 3, fill_disk),
    "damage": Scenario("killed, and the newest state damaged", 3, damage),
    "twice": Scenario(
        "a second command with the same `--output_dir`, at the same moment or "
        "later: refused with exit status 2",
        8,
        start_twice,
    ),
    "worker": Scenario(
        "`kill -9` of one of four workers (compared with four unbroken ones)",
        1,
        lose_worker,
    ),
}


def run_scenario(
    name: str,
    lab: labs.Laboratory,
    folder: pathlib.Path,
    expected: dict[str, object],
    *,
    times: int | None = None,
) -> Row:
    """Runs a scenario of `SCENARIOS`.

    Args:
        name: of the scenario.
        lab: with the training.
        folder: for the runs.
        expected: the result of an unbroken run.
        times: how often; None as often as the scenario says.
    """
    scenario = SCENARIOS[name]
    experiment = Experiment(lab, folder / name, scenario.title, expected)
    scenario.do(experiment, times=times or scenario.times)
    return experiment.row


def make_laboratory(folder: pathlib.Path, num_steps: int) -> labs.Laboratory:
    """Makes a checkpoint, and what interrupts trainings from it."""
    checkpoint = folder / "checkpoint"
    labs.make_checkpoint(checkpoint)
    flags = labs.training_flags(str(checkpoint), num_steps)
    return labs.Laboratory(flags, num_steps, random.Random(0))


def unbroken(lab: labs.Laboratory, folder: pathlib.Path) -> dict[str, object]:
    """Returns the result of a run that nothing happens to."""
    lab.finish(str(folder / "unbroken"), folder / "unbroken_steps")
    return labs.local_result(folder / "unbroken")


def render(rows: list[Row]) -> str:
    """Returns the table."""
    return "\n".join([_HEADER, *map(str, rows)])


def stored_rows() -> list[Row]:
    """Returns the row of each scenario, of its last run."""
    return [Row(**row) for row in json.loads(STORED.read_text("utf-8"))]


def _store(row: Row) -> None:
    """Replaces the stored row of a scenario."""
    titles = [scenario.title for scenario in SCENARIOS.values()]
    known = {r.scenario: r for r in stored_rows()} if STORED.exists() else {}
    known[row.scenario] = row
    content = [dataclasses.asdict(known[t]) for t in titles if t in known]
    STORED.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def main() -> int:
    """Prints the table; returns 1 if a run has ended in another way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--num_steps", type=int, default=2000)
    parser.add_argument("--times", type=int)
    quick.add_flag(parser)
    options = parser.parse_args()
    if options.quick:
        options.times, options.num_steps = 1, 500
    names = options.scenarios.split(",")
    if "disk" in names and "IN_NAMESPACE" not in os.environ:
        # Mounts that nobody else sees, and that end with this process.
        os.environ["IN_NAMESPACE"] = "1"
        command = ["unshare", "--map-root-user", "--mount", sys.executable]
        os.execvp("unshare", [*command, *sys.argv])
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        lab = make_laboratory(folder, options.num_steps)
        expected = unbroken(lab, folder)
        for name in names:
            start = time.monotonic()
            row = run_scenario(name, lab, folder, expected, times=options.times)
            seconds = time.monotonic() - start
            print(f"{row} ({seconds:.0f} s)", flush=True)
            rows.append(row)
            if options.times is None:
                _store(row)
    print(f"\n{render(rows)}")
    return int(any(row.num_same < row.num_runs for row in rows))


if __name__ == "__main__":
    sys.exit(main())
