"""What a further trial costs beside its steps, and 20 of them in one command.

    python benchmarks/trials_cost.py --num_trials=20 --num_single=3

Runs `--mode=trials` with the flags of `flags/quickstart.flags`, then some of
the same trainings as single commands, whose mean time is multiplied. Needs the
MiniLM weights; says what the machine did beside it, for times depend on that.
`--quick` takes two trials of some steps, one command and a tiny checkpoint.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import processor
import quick

ROOT = pathlib.Path(__file__).parents[1]
_FLAGS = ("--flagfile=flags/quickstart.flags", "--nocompare_baselines")


def run_program(folder: pathlib.Path, *flags: str) -> float:
    """Runs the program in a new process; returns the seconds it took."""
    start = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "-m", "tf_bert.run"),
            *_FLAGS,
            f"--output_dir={folder}",
            *flags,
        ],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def seconds_outside_steps(folder: pathlib.Path) -> list[float]:
    """Returns what each trial but the first, which traces, took besides."""
    lines = (folder / "trials.jsonl").read_text("utf-8").splitlines()
    records = sorted(
        map(json.loads, lines), key=lambda r: r["seeds"]["data_seed"]
    )
    return [r["runtime"]["seconds_outside_steps"] for r in records[1:]]


def main() -> None:
    """Prints both numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num_trials", type=int, default=20)
    parser.add_argument("--num_single", type=int, default=3)
    quick.add_flag(parser)
    options, more = parser.parse_known_args()
    if options.quick:
        options.num_trials, options.num_single = 2, 1
        more += quick.flags()
    number, num_single = options.num_trials, options.num_single
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        together = run_program(
            folder / "trials", "--mode=trials", f"--num_trials={number}", *more
        )
        others = seconds_outside_steps(folder / "trials")
        single = [
            run_program(folder / f"seed_{seed}", f"--seed={seed}", *more)
            for seed in range(num_single)
        ]
    if others:
        print(
            f"A further trial takes {statistics.median(others):.2f} s beside "
            f"its steps (median of {len(others)}; {min(others):.2f} to "
            f"{max(others):.2f})."
        )
    if single:
        alone = number * statistics.mean(single)
        print(
            f"{number} trials in one command take {together:.0f} s, "
            f"{together / alone:.2f} of {number} single commands: {alone:.0f} "
            f"s, {number} times the mean of {num_single}."
        )
    load, cores = os.getloadavg()[1], os.cpu_count()
    print(f"Load of the machine, this included: {load:.1f} on {cores} cores.")
    print(processor.describe())


if __name__ == "__main__":
    main()
