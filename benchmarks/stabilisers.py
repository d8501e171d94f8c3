"""Every recipe of flags/recipes on the same data: means over five seeds.

    python benchmarks/stabilisers.py --data_dir=../shared/data

UCI amazon: 250 training examples of each class, the other 500 are scored,
nothing is chosen on them: the last weights count. A run is a recipe,
flags/models/minilm.flags and the flags in `COMMON` below, stored below
--output_dir; what it scored goes into --results as it ends. Given again, the
command continues where it was, and prints the table of docs/five_seeds.md.
`--quick` takes one seed of two recipes, some steps and a tiny checkpoint, and
stores nothing.
"""

import argparse
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import quick
import real_data

from tf_bert import finetune
from tf_bert.config import Config, parse
from tf_bert.system import file_io

ROOT = pathlib.Path(__file__).parents[1]
NUM_SEEDS = 5
COMMON = [
    f"--flagfile={ROOT / 'flags' / 'models' / 'minilm.flags'}",
    "--validation_proportion=0",
    "--checkpoint_to_use=last",
    "--num_evaluations=1",
    "--nocompare_baselines",
    "--notensorboard",
]
# Row of the table -> the recipe, and flags behind all others.
ROWS: dict[str, tuple[str, list[str]]] = {
    "devlin": ("devlin", []),
    "mosbach": ("mosbach", []),
    "zhang": ("zhang", []),
    "zhang_longer": ("zhang_longer", []),
    "zhang_reinit": ("zhang_reinit", []),
    # A sixth of MiniLM's blocks, as 5 of BERT-large's 24 are about a fifth.
    "zhang_reinit, 1 block": ("zhang_reinit", ["--reinit_layers=1"]),
    "mixout": ("mixout", []),
    "llrd": ("llrd", []),
    "pretrained_wd": ("pretrained_wd", []),
}


def config_of(
    row: str,
    seed: int,
    files: dict[str, str],
    output_dir: str,
    more: Sequence[str] = (),
) -> Config:
    """Returns the configuration of one run, with more flags behind."""
    recipe, further = ROWS[row]
    folder = row.replace(", ", "_").replace(" ", "_")
    return Config(
        **parse.parse(
            [
                f"--flagfile={ROOT / 'flags' / 'recipes' / recipe}.flags",
                *COMMON,
                *further,
                *(f"--{name}={path}" for name, path in files.items()),
                f"--seed={seed}",
                "--output_dir="
                + os.path.join(output_dir, folder, f"seed_{seed}"),
                *more,
            ]
        )
    )


def read_results(path: str) -> dict[str, dict[str, Any]]:
    """Returns what is known so far: row -> seed -> scores."""
    if not os.path.exists(path):
        return {}
    return json.loads(file_io.read_text(path))


def score(results: dict[str, Any], output_dir: str) -> dict[str, float]:
    """Returns what is kept of one run."""
    history = pathlib.Path(output_dir, "history.jsonl").read_text("utf-8")
    return {
        "accuracy": results["test"]["accuracy"],
        "loss": results["test"]["loss"],
        "train_loss": json.loads(history.splitlines()[-1])["train_loss"],
        "num_steps": results["train"]["num_steps"],
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    """Returns the rows that have runs as a Markdown table."""
    lines = [
        "| recipe | steps | accuracy, mean | standard deviation | "
        "lowest, highest | train loss |",
        "|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        runs = list(results.get(row, {}).values())
        if not runs:
            continue
        values = [run["accuracy"] for run in runs]
        spread = f"{np.std(values, ddof=1):.4f}" if values[1:] else ""
        losses = np.mean([run["train_loss"] for run in runs])
        lines.append(
            f"| {row} | {runs[0]['num_steps']} | {np.mean(values):.4f} | "
            f"{spread} | {min(values):.3f}, {max(values):.3f} | {losses:.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument("--output_dir", default="runs/stabilisers")
    parser.add_argument(
        "--results", default=str(ROOT / "benchmarks" / "stabilisers.json")
    )
    parser.add_argument(
        "--recipes", nargs="+", choices=list(ROWS), default=list(ROWS)
    )
    quick.add_flag(parser)
    arguments = parser.parse_args()
    num_seeds, more = NUM_SEEDS, []
    if arguments.quick:
        num_seeds, more = 1, quick.flags()
        arguments.recipes = ["zhang", "llrd"]
        arguments.output_dir = str(quick.folder() / "stabilisers")
        arguments.results = str(quick.folder() / "stabilisers.json")
    splits = real_data.read_uci(
        pathlib.Path(arguments.data_dir), "amazon_cells"
    )
    files = real_data.write_splits(
        splits, pathlib.Path(arguments.output_dir, "files")
    )
    results = read_results(arguments.results)
    for seed in range(num_seeds):
        for row in arguments.recipes:
            if str(seed) in results.get(row, {}):
                continue
            config = config_of(row, seed, files, arguments.output_dir, more)
            result = finetune.fine_tune(config)
            results.setdefault(row, {})[str(seed)] = score(
                result, config.output_dir
            )
            file_io.write_text(
                arguments.results,
                json.dumps(results, indent=1, sort_keys=True) + "\n",
            )
    print("\n" + table(results))


if __name__ == "__main__":
    main()
