"""Kills a sweep at random moments, gives it again, and compares the result.

    python benchmarks/killed_sweep.py --num_kills=20

Every process gets `kill -9` at a moment of its first `--seconds`, whatever it
does then: imports, reads data, trains, writes. When all trials have finished,
`trials.jsonl` must be that of an unbroken sweep, `runtime` aside. Needs the
MiniLM weights; trainings are as short as they can be. `--quick` kills once,
and takes a tiny checkpoint.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import quick

ROOT = pathlib.Path(__file__).parents[1]
_FLAGS = (
    "--flagfile=flags/quickstart.flags",
    "--mode=trials",
    "--num_trials=30",
    "--sweep=reinit_layers:0,1",
    "--max_train_examples=32",
    "--max_seq_length=32",
    "--num_train_steps=2",
    "--num_evaluations=1",
)


def start(folder: pathlib.Path, *more: str) -> subprocess.Popen:
    """Starts the sweep, with more flags, or continues it."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "tf_bert.run"),
            *_FLAGS,
            f"--output_dir={folder}",
            *more,
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def num_finished(folder: pathlib.Path) -> int:
    """Returns how many trials have a record."""
    return len(list((folder / "trials").glob("*.json")))


def records(folder: pathlib.Path) -> list[dict]:
    """Returns the lines of `trials.jsonl`, without `runtime`."""
    lines = (folder / "trials.jsonl").read_text("utf-8").splitlines()
    return [
        {k: v for k, v in json.loads(line).items() if k != "runtime"}
        for line in lines
    ]


def main() -> int:
    """Prints what was killed when; returns 1 if the result is another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num_kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    quick.add_flag(parser)
    options = parser.parse_args()
    more: list[str] = []
    if options.quick:
        options.num_kills, options.seconds = 1, 5.0
        more = [*quick.flags(), "--num_trials=2"]
    moments = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        unbroken, killed = (pathlib.Path(name, x) for x in ("whole", "killed"))
        start(unbroken, *more).wait()
        for number in range(1, options.num_kills + 1):
            program = start(killed, *more)
            moment = moments.uniform(0, options.seconds)
            time.sleep(moment)
            has_ended = program.poll() is not None
            program.kill()
            program.wait()
            print(
                f"{number}: after {moment:.1f} s"
                f"{', when it had ended' if has_ended else ''}; "
                f"{num_finished(killed)} trials have finished",
                flush=True,
            )
        start(killed, *more).wait()
        is_same = records(killed) == records(unbroken)
    print("The same trials." if is_same else "OTHER TRIALS.")
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main())
