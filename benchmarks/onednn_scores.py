"""Real runs with and without TensorFlow's oneDNN: their scores and times.

    python benchmarks/onednn_scores.py --data_dir=../shared/data

Each run is an ordinary `--mode=train` in a process of its own, with
TF_ENABLE_ONEDNN_OPTS=0 and =1: the quickstart, and sets of the table in
docs/results.md by benchmarks/real_data.py, seed 0. Prints what each is scored
with, both ways, and the difference; and its seconds, which mean little on a
shared machine. Both programs are rounded otherwise in the last digits of each
sum, which a training carries on: neither is the right one. `--isa=AVX2` does
the same as if the processor had no more instructions than that. `--quick` takes
one set, some steps and a tiny checkpoint.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import processor
import quick
import real_data

from tf_bert.data.tasks.task_spec import scored_split
from tf_bert.system import onednn

SETS = ("product_reviews", "uci_amazon", "uci_imdb", "uci_yelp")
ROOT = pathlib.Path(__file__).parents[1]
_HEADER = (
    "| data | scored examples | metric | oneDNN off | oneDNN on | difference | "
    "seconds off | on | ratio |\n|---|---:|---|---:|---:|---:|---:|---:|---:|"
)


@dataclasses.dataclass(frozen=True)
class Run:
    """What one training came to; `seconds` are those of its process."""

    results: dict[str, Any]
    seconds: float


def command_line(name: str, options: argparse.Namespace) -> list[str]:
    """Returns the flags of a set of `real_data.BENCHMARKS`."""
    if name == "product_reviews":
        flags = [f"--flagfile={ROOT / 'flags' / 'quickstart.flags'}"]
    else:
        fields = real_data.settings_of(name, options)
        flags = [f"--{field}={value}" for field, value in fields.items()]
    return [*flags, *(quick.flags() if options.quick else [])]


def train(flags: list[str], folder: str, value: str) -> Run:
    """Trains with one value of the variable.

    Args:
        flags: of the run.
        folder: of the run.
        value: of TF_ENABLE_ONEDNN_OPTS.
    """
    start = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "-m", "tf_bert.run", *flags),
            f"--output_dir={folder}",
        ],
        env={**os.environ, onednn.VARIABLE: value},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    seconds = time.perf_counter() - start
    path = pathlib.Path(folder, "all_results.json")
    results = json.loads(path.read_text(encoding="utf-8"))
    if results["runtime"]["onednn"] != bool(int(value)):
        raise RuntimeError(f"TensorFlow has ignored {onednn.VARIABLE}={value}.")
    return Run(results, seconds)


def table_row(name: str, off: Run, on: Run) -> str:
    """Returns both runs of a set as a row of a Markdown table."""
    split = scored_split(off.results)
    metric = off.results["difference"]["metric"]
    one, other = (x.results[split][metric] for x in (off, on))
    cells = (
        name,
        f"{off.results[split]['num_examples']:,}",
        metric,
        f"{one:.4f}",
        f"{other:.4f}",
        f"{other - one:+.4f}",
        f"{off.seconds:.0f}",
        f"{on.seconds:.0f}",
        f"{off.seconds / on.seconds:.2f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Trains every set both ways, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument(
        "--sets", nargs="+", choices=real_data.BENCHMARKS, default=SETS
    )
    parser.add_argument("--isa", help="the most instructions to be used")
    quick.add_flag(parser)
    options = parser.parse_args()
    if options.quick:
        options.sets = ["uci_amazon"]
    if options.isa is not None:
        os.environ[processor.LIMIT] = options.isa
    print(f"{processor.machine()}\n\n{_HEADER}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        options.output_dir = folder
        for name in options.sets:
            flags = command_line(name, options)
            off, on = (
                train(flags, os.path.join(folder, name, x), x) for x in "01"
            )
            print(table_row(name, off, on), flush=True)


if __name__ == "__main__":
    main()
