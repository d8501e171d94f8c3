"""MiniLM-L6 on real data: the table of the README.

    python benchmarks/real_data.py --data_dir=../shared/data

Each run is an ordinary `--mode=train`, stored below --output_dir; given again,
the command continues where it was. Prints one line per task: mean and standard
deviation over the seeds, and the TF-IDF baseline on the same rows.

- product_reviews: the quickstart's settings, five seeds, test split.
- uci_amazon: 250 rows of each class train, the other 500 test (the order is
  that of `random.Random(0).shuffle`). Four epochs, no validation, the last
  weights; five seeds.
- GLUE: three epochs, the last weights, one seed, on the official dev set.
"""

import argparse
import csv
import os
import pathlib
import random
from typing import Any

import numpy as np

from tf_bert import cli, finetune, gfile_io
from tf_bert.config import Config

ROOT = pathlib.Path(__file__).parents[1]
COMMON = {
    "init_checkpoint": "minilm-l6",
    "train_batch_size": 16,
    "learning_rate": 5e-5,
    "weight_decay": 0.01,
    "warmup_proportion": 0.1,
    "tensorboard": False,
}
GLUE = {
    "num_train_epochs": 3.0,
    "num_evaluations": 1,
    "checkpoint_to_use": "last",
}
TASKS: dict[str, tuple[int, dict[str, Any]]] = {
    "product_reviews": (5, {}),
    "uci_amazon": (
        5,
        {
            "num_train_epochs": 4.0,
            "validation_proportion": 0.0,
            "num_evaluations": 1,
            "text_column": "text",
            "label_column": "label",
        },
    ),
    "rte": (1, {"task_name": "rte", **GLUE}),
    "mrpc": (1, {"task_name": "mrpc", **GLUE}),
    "cola": (1, {"task_name": "cola", **GLUE}),
    "sts-b": (1, {"task_name": "sts-b", **GLUE}),
}


def write_uci_amazon(data_dir: str, folder: str) -> dict[str, str]:
    """Writes the split as CSV files and returns their flags."""
    source = os.path.join(
        data_dir, "UCI_sentences", "amazon_cells_labelled.txt"
    )
    lines = gfile_io.read_text(source).rstrip("\n").split("\n")
    rows = [line.rsplit("\t", 1) for line in lines]
    order = list(range(len(rows)))
    random.Random(0).shuffle(order)
    splits: dict[str, list] = {"train": [], "test": []}
    taken = {"0": 0, "1": 0}
    for i in order:
        label = rows[i][1].strip()
        split = "train" if taken[label] < 250 else "test"
        taken[label] += 1
        splits[split].append((rows[i][0], label))
    os.makedirs(folder, exist_ok=True)
    paths = {}
    for split, content in splits.items():
        paths[f"{split}_file"] = os.path.join(folder, f"{split}.csv")
        with open(
            paths[f"{split}_file"], "w", encoding="utf-8", newline=""
        ) as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            writer.writerows(content)
    return paths


def settings_of(task: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Returns the fields of the task's configuration, seed and folder aside."""
    if task == "product_reviews":
        quickstart = ROOT / "flags" / "quickstart.flags"
        return cli.parse([f"--flagfile={quickstart}"])
    fields = {**COMMON, **TASKS[task][1]}
    if task == "uci_amazon":
        folder = os.path.join(arguments.output_dir, "uci_amazon_files")
        return {**fields, **write_uci_amazon(arguments.data_dir, folder)}
    return {**fields, "data_dir": arguments.data_dir}


def run_task(task: str, arguments: argparse.Namespace) -> str:
    """Runs all seeds of a task and returns its line of the table."""
    fields = settings_of(task, arguments)
    values, rival = [], None
    for seed in range(TASKS[task][0]):
        folder = os.path.join(arguments.output_dir, task, f"seed_{seed}")
        results = finetune.fine_tune(
            Config(**{**fields, "seed": seed, "output_dir": folder})
        )
        split = "test" if "test" in results else "validation"
        metric = results["difference"]["metric"]
        values.append(results[split][metric])
        rival = list(results["baselines"].values())[1][split][metric]
    spread = ""
    if len(values) > 1:
        spread = f" (standard deviation {np.std(values, ddof=1):.4f})"
    return (
        f"{task}: {metric} on {results[split]['num_examples']} {split} rows: "
        f"BERT {np.mean(values):.4f}{spread} over "
        f"{len(values)} seed{'s' * (len(values) > 1)}, TF-IDF {rival:.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument("--output_dir", default="runs/real_data")
    parser.add_argument(
        "--tasks", nargs="+", choices=list(TASKS), default=list(TASKS)
    )
    arguments = parser.parse_args()
    lines = [run_task(task, arguments) for task in arguments.tasks]
    print("\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
