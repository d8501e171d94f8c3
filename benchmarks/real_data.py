r"""MiniLM-L6 on real data, beside its baselines: the table of docs/results.md.

    python benchmarks/real_data.py --data_dir=../shared/data

Each run is an ordinary `--mode=train`, stored below --output_dir; given again,
the command continues where it was, and prints the table once all runs are
there. The picture is drawn from what it has printed:

    python benchmarks/real_data.py --table=docs/results.md \
        --picture=docs/results.png

`--quick` takes one seed of two sets, some steps and a tiny checkpoint.
In every row:

- Nothing is chosen on the rows that are scored: the length is fixed and the
  last weights count (product_reviews has a validation split of its own).
- Scores are means over the seeds, with the standard deviation where there are
  several; the 95 % intervals, which are about the choice of the scored examples
  alone, and the verdict are those of seed 0.

The sets: UCI sentences, 250 rows of each class train and 500 are scored (in
the order of `random.Random(0).shuffle`); GLUE's official dev sets are scored,
SST-2 with 1,000 training examples; TREC and Banking77 have a test set; of SMS
spam, each text once, 1,000 rows train and the others are scored.
"""

import argparse
import csv
import dataclasses
import os
import pathlib
import random
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import quick

from tf_bert import finetune
from tf_bert.config import Config, parse
from tf_bert.data.tasks.task_spec import scored_split
from tf_bert.scoring.metrics import title_of
from tf_bert.scoring.score_intervals import ScoreInterval, stored

ROOT = pathlib.Path(__file__).parents[1]
COMMON = {
    "init_checkpoint": "minilm-l6",
    "train_batch_size": 16,
    "learning_rate": 5e-5,
    "num_train_epochs": 3.0,
    "num_evaluations": 1,
    "checkpoint_to_use": "last",
    "tensorboard": False,
}

Row = tuple[str, str]  # Text and label.
Splits = dict[str, list[Row]]


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One row of the table.

    Attributes:
        fields: of the configuration, beside `COMMON`.
        num_seeds: runs.
        read: returns the splits of a set that is no known task, from the
            folder of all data.
    """

    fields: dict[str, Any]
    num_seeds: int = 1
    read: Callable[[pathlib.Path], Splits] | None = None


def read_uci(data: pathlib.Path, name: str) -> Splits:
    """Returns 250 training examples of each class, and the others."""
    path = data / "UCI_sentences" / f"{name}_labelled.txt"
    lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    splits: Splits = {"train": [], "test": []}
    taken = {"0": 0, "1": 0}
    for line in shuffled(lines):
        text, label = line.rsplit("\t", 1)
        split = "train" if taken[label.strip()] < 250 else "test"
        taken[label.strip()] += 1
        splits[split].append((text, label.strip()))
    return splits


def read_trec(data: pathlib.Path) -> Splits:
    """Returns TREC with its six coarse classes."""
    splits: Splits = {}
    for split in ("train", "test"):
        path = data / "TREC" / f"TREC.{split}"
        lines = path.read_text(encoding="latin-1").rstrip("\n").split("\n")
        # A line is "CLASS:subclass question".
        pairs = [line.split(" ", 1) for line in lines]
        splits[split] = [(text, name.split(":")[0]) for name, text in pairs]
    return splits


def read_sms_spam(data: pathlib.Path) -> Splits:
    """Returns 1,000 training examples and the others, each text once."""
    path = data / "SMSSpam" / "SMSSpamCollection"
    lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    pairs = (line.split("\t", 1) for line in lines)
    labels = {text: label for label, text in pairs}
    rows = shuffled(labels.items())
    return {"train": rows[:1000], "test": rows[1000:]}


def shuffled(items: Iterable[Any]) -> list[Any]:
    """Returns the items in the order of `random.Random(0).shuffle`."""
    items = list(items)
    order = list(range(len(items)))
    random.Random(0).shuffle(order)
    return [items[i] for i in order]


# Four epochs for UCI's 500 rows; more, and a higher rate, for 77 classes.
OWN_FILES = {"validation_proportion": 0.0}
UCI = {**OWN_FILES, "num_train_epochs": 4.0}
BENCHMARKS = {
    "product_reviews": Benchmark({}, num_seeds=5),
    "uci_amazon": Benchmark(UCI, 5, lambda d: read_uci(d, "amazon_cells")),
    "uci_imdb": Benchmark(UCI, 5, lambda d: read_uci(d, "imdb")),
    "uci_yelp": Benchmark(UCI, 5, lambda d: read_uci(d, "yelp")),
    "sms_spam": Benchmark({**OWN_FILES, "metric": "f1"}, 3, read_sms_spam),
    "sst-2_1k": Benchmark(
        {"task_name": "sst-2", "max_train_examples": 1000}, 3
    ),
    "rte": Benchmark({"task_name": "rte"}),
    "mrpc": Benchmark({"task_name": "mrpc"}),
    "trec": Benchmark(OWN_FILES, 1, read_trec),
    "cola": Benchmark({"task_name": "cola"}),
    "sts-b": Benchmark({"task_name": "sts-b"}),
    "banking77": Benchmark(
        {
            **OWN_FILES,
            "label_column": "category",
            "num_train_epochs": 5.0,
            "learning_rate": 1e-4,
        }
    ),
}


def write_splits(splits: Splits, folder: pathlib.Path) -> dict[str, str]:
    """Writes splits as CSV files and returns their flags."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        path = folder / f"{split}.csv"
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            writer.writerows(rows)
    return {f"{split}_file": str(folder / f"{split}.csv") for split in splits}


def settings_of(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Returns the fields of a configuration, seed and folder aside."""
    if name == "product_reviews":
        quickstart = ROOT / "flags" / "quickstart.flags"
        return parse.parse([f"--flagfile={quickstart}"])
    benchmark = BENCHMARKS[name]
    fields = {**COMMON, **benchmark.fields}
    data = pathlib.Path(arguments.data_dir)
    if benchmark.read:
        folder = pathlib.Path(arguments.output_dir, "files", name)
        return {**fields, **write_splits(benchmark.read(data), folder)}
    if name == "banking77":
        files = data / "Banking77"
        return {
            **fields,
            "train_file": str(files / "train.csv"),
            "test_file": str(files / "test.csv"),
        }
    return {**fields, "data_dir": str(data)}


@dataclasses.dataclass(frozen=True)
class Score:
    """A model's score and what is known of its spread.

    Attributes:
        mean: over the seeds.
        deviation: standard deviation over them; None for one seed.
        interval: the 95 % interval of seed 0, from the choice of the rows.
    """

    mean: float
    deviation: float | None
    interval: ScoreInterval

    def __str__(self) -> str:
        spread = "" if self.deviation is None else f" ± {self.deviation:.3f}"
        return f"{self.mean:.3f}{spread} {self.interval}"


@dataclasses.dataclass(frozen=True)
class Result:
    """One row of the table; `difference` is BERT's lead, with its interval."""

    name: str
    num_train: int
    num_scored: int
    split: str
    metric: str
    majority: float
    tfidf: Score
    bert: Score
    difference: tuple[float, float]


def run(name: str, arguments: argparse.Namespace) -> Result:
    """Runs all seeds of a benchmark, or reads what they left."""
    fields = settings_of(name, arguments)
    num_seeds = BENCHMARKS[name].num_seeds
    if arguments.quick:
        tiny = parse.parse([*quick.flags(), "--output_dir=."])  # Of no run.
        fields, num_seeds = {**fields, **tiny}, 1
    runs = [
        finetune.fine_tune(
            Config(
                **{
                    **fields,
                    "seed": seed,
                    "output_dir": os.path.join(
                        arguments.output_dir, name, f"seed_{seed}"
                    ),
                }
            )
        )
        for seed in range(num_seeds)
    ]
    first = runs[0]
    split = scored_split(first)
    metric = first["difference"]["metric"]
    majority, tfidf = (b[split] for b in first["baselines"].values())
    values = [r[split][metric] for r in runs]
    return Result(
        name=name,
        num_train=first["train"]["num_examples"],
        num_scored=first[split]["num_examples"],
        split=split,
        metric=title_of(metric, first.get("positive_label")),
        majority=majority[metric],
        tfidf=Score(tfidf[metric], None, stored(tfidf, metric)),
        bert=Score(
            float(np.mean(values)),
            float(np.std(values, ddof=1)) if len(values) > 1 else None,
            stored(first[split], metric),
        ),
        difference=tuple(first["difference"]["ci"]),
    )


HEADER = """\
| data | training examples | scored examples | metric | majority or mean | \
TF-IDF | BERT | BERT better? |
|---|---|---|---|---|---|---|---|"""


def table_row(result: Result) -> str:
    """Returns a result as a row of a Markdown table."""
    low, high = result.difference
    verdict = "yes" if low > 0 else "no" if high < 0 else "within noise"
    cells = (
        result.name,
        f"{result.num_train:,}",
        f"{result.num_scored:,}" + (" dev" * (result.split != "test")),
        result.metric,
        f"{result.majority:.3f}",
        str(result.tfidf),
        str(result.bert),
        f"{verdict} ({low:+.3f} to {high:+.3f})",
    )
    return "| " + " | ".join(cells) + " |"


_SCORE = re.compile(r"([\d.]+)(?: ± ([\d.]+))? \[([\d.]+), ([\d.]+)\]")


def read_table(path: str) -> list[Result]:
    """Returns the results of a table that was printed, as far as it has them.

    Args:
        path: Markdown page with the table.
    """
    text = pathlib.Path(path).read_text(encoding="utf-8")
    lines = text.partition(HEADER)[2].strip().partition("\n\n")[0]
    return [_read_row(line) for line in lines.splitlines()]


def _read_row(line: str) -> Result:
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    name, num_train, scored, metric, majority, tfidf, bert, verdict = cells
    size, _, dev = scored.partition(" ")
    low, high = re.findall(r"[-+][\d.]+", verdict)
    return Result(
        name=name,
        num_train=int(num_train.replace(",", "")),
        num_scored=int(size.replace(",", "")),
        split="validation" if dev else "test",
        metric=metric,
        majority=float(majority),
        tfidf=_read_score(tfidf),
        bert=_read_score(bert),
        difference=(float(low), float(high)),
    )


def _read_score(text: str) -> Score:
    mean, deviation, low, high = _SCORE.fullmatch(text).groups()
    return Score(
        float(mean),
        None if deviation is None else float(deviation),
        ScoreInterval((float(low), float(high))),
    )


def draw(results: list[Result], path: str) -> None:
    """Draws the scores with their intervals, one line for each data set."""
    from matplotlib import pyplot

    pyplot.rcParams["font.size"] = 9.5  # At 5 inches read on a phone too.
    figure, axes = pyplot.subplots(figsize=(5, 0.45 * len(results) + 1.1))
    for place, result in enumerate(reversed(results)):
        for score, color, shift, label in (
            (result.tfidf, "#b35806", -0.14, "TF-IDF"),
            (result.bert, "#2166ac", 0.14, "BERT (MiniLM-L6)"),
        ):
            ends = score.interval.ends or (score.mean, score.mean)
            axes.plot(ends, [place + shift] * 2, color=color, lw=2)
            axes.plot(
                score.mean,
                place + shift,
                "o",
                color=color,
                label=label if place == 0 else None,
            )
        axes.plot(
            result.majority,
            place,
            "|",
            color="0.4",
            ms=12,
            label="majority, or mean" if place == 0 else None,
        )
    names = [f"{r.name}\n{r.metric}, {r.num_train:,} examples" for r in results]
    axes.set_yticks(range(len(results)), names[::-1])
    axes.set_xlim(-0.03, 1.03)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("score, with its 95 % interval")
    figure.legend(
        loc="upper center",
        ncol=3,
        frameon=False,
        columnspacing=1,
        handletextpad=0.3,
    )
    figure.tight_layout(rect=(0, 0, 1, 0.96))
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument("--output_dir", default="runs/real_data")
    parser.add_argument(
        "--sets", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS)
    )
    parser.add_argument("--picture", help="Where to draw the scores.")
    parser.add_argument(
        "--table", help="Page with a printed table, to draw without a training."
    )
    quick.add_flag(parser)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.sets = ["product_reviews", "uci_amazon"]
        arguments.output_dir = str(quick.folder() / "real_data")
    if arguments.table:
        results = read_table(arguments.table)
    else:
        results = [run(name, arguments) for name in arguments.sets]
    print("\n".join(["", HEADER, *map(table_row, results)]))
    if arguments.picture:
        draw(results, arguments.picture)


if __name__ == "__main__":
    main()
