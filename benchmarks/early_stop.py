"""What stopping most trials early saves, and what it loses.

    python benchmarks/early_stop.py --data_dir=../shared/data

Runs the standard recipe of docs/study.md on UCI sentences (amazon_cells; 500
train, 250 validate, 250 test) with MiniLM: all trials to their end, then the
same with `--early_stop_trials`, each in a process of its own. Prints and
stores beside this file

- cost: steps and seconds of the trials, evaluations included (the seconds of
  a trial as its record has them, without the start of the process);
- quality: the test score of the trial that is best on validation at its end,
  which is the model that a user would take, and how many of the K best by
  validation at the end had been chosen at the pause.

A run that was stopped continues. `--quick` takes three trials of four steps,
and stores nothing. `--table` prints the table of docs/trials.md
from what is stored.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import processor
import quick
import study

from tf_bert.config.early_stop import EarlyStop

ROOT = pathlib.Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "early_stop.json"
_FLAGS = (
    "--flagfile=docs/study/recipes/standard.flags",
    "--flagfile=docs/study/uci_amazon.flags",
    "--nocompare_baselines",
)

Records = list[dict[str, Any]]


def run_sweep(folder: pathlib.Path, *flags: str) -> Records:
    """Runs a sweep, or what is left of it; returns its records."""
    program = [sys.executable, "-m", "tf_bert.run", *_FLAGS]
    subprocess.run(
        [*program, f"--output_dir={folder}", *flags],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    lines = (folder / "trials.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def score_of(record: dict[str, Any], split: str) -> float:
    """Returns the score of a trial that has ended."""
    return record[record["chosen"]][split][record["metric"]]


def by_validation(records: Records) -> Records:
    """Returns the trials that have ended, the best first."""
    ended = [r for r in records if r["status"] == "ok"]
    # The first of equals, as `trials_save_model` takes it.
    return sorted(ended, key=lambda r: -score_of(r, "validation"))


def cost_and_quality(records: Records) -> dict[str, float]:
    """Returns what a sweep took, and how good its model is."""
    best = by_validation(records)[0]
    return {
        "steps": sum(r["step"] for r in records),
        "seconds": round(sum(r["runtime"]["seconds"] for r in records), 1),
        "validation": score_of(best, "validation"),
        "test": score_of(best, "test"),
    }


def compare(
    full: Records, stopped: Records, early_stop: EarlyStop
) -> dict[str, Any]:
    """Returns the cost and the quality of both sweeps.

    Args:
        full: every trial to its end, all of them well.
        stopped: the same, with `early_stop`.
        early_stop: of the second sweep.
    """
    order = [r["trial"] for r in by_validation(full)]
    kept = by_validation(stopped)
    tests = sorted((score_of(r, "test") for r in full), reverse=True)
    best_kept = set(order[: early_stop.keep]) & {r["trial"] for r in kept}
    return {
        "early_stop_trials": str(early_stop),
        "num_trials": len(full),
        "full": cost_and_quality(full),
        "stopped": cost_and_quality(stopped),
        # Of the model that is taken: its place among all by validation.
        "rank": order.index(kept[0]["trial"]) + 1,
        "num_best_kept": len(best_kept),
        "mean_test": sum(tests) / len(tests),
        "best_test": tests[0],
    }


def table(found: dict[str, Any]) -> str:
    """Returns the results as Markdown."""
    full, stopped = found["full"], found["stopped"]
    lines = [
        "| | all to their end | " + found["early_stop_trials"] + " | ratio |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {full[name]:.{digits}f} | {stopped[name]:.{digits}f} | "
        f"{stopped[name] / full[name]:.2f} |"
        for name, digits in (("steps", 0), ("seconds", 0))
    ]
    lines += [
        f"| {split} accuracy of the model | {full[split]:.3f} | "
        f"{stopped[split]:.3f} | |"
        for split in ("validation", "test")
    ]
    keep = EarlyStop.parse(found["early_stop_trials"]).keep
    return "\n".join(
        [
            *lines,
            "",
            f"{found['num_trials']} trials, whose mean test accuracy is "
            f"{found['mean_test']:.3f} and the best {found['best_test']:.3f}. "
            "By validation, the model is number "
            f"{found['rank']} of all; {found['num_best_kept']} of the {keep} "
            "best at the end had gone on.",
        ]
    )


def main() -> None:
    """Runs both sweeps and prints the table, or prints what is stored."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument("--num_trials", type=int, default=12)
    parser.add_argument("--early_stop_trials", default="keep:3,at:0.3")
    parser.add_argument("--output_dir", default="runs/early_stop")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    quick.add_flag(parser)
    options, more = parser.parse_known_args()
    os.chdir(ROOT)  # The paths of the flag files start there.
    data = pathlib.Path(options.data_dir)
    if options.quick:
        options.num_trials, options.early_stop_trials = 3, "keep:1,at:0.5"
        options.output_dir = quick.folder() / "early_stop"
        options.results = quick.folder() / "early_stop.json"
        more += study.quick_flags("uci_amazon", data)
        more += ["--num_train_steps=4", "--num_evaluations=2"]
    elif not options.table:
        study.write_files("uci_amazon", data)
    if not options.table:
        folder = pathlib.Path(options.output_dir).absolute()
        early_stop = EarlyStop.parse(options.early_stop_trials)
        number = f"--num_trials={options.num_trials}"
        full = run_sweep(folder / "full", number, *more)
        stopped = run_sweep(
            folder / "stopped",
            number,
            f"--early_stop_trials={early_stop}",
            *more,
        )
        found = compare(full, stopped, early_stop)
        text = json.dumps(found, indent=1, sort_keys=True) + "\n"
        options.results.write_text(text, "utf-8")
    print(table(json.loads(options.results.read_text("utf-8"))))
    if not options.table:
        print(f"\n{processor.describe()}")


if __name__ == "__main__":
    main()
