"""The study of docs/study.md: twelve recipes, the same seeds for each.

    python benchmarks/study.py uci_amazon --data_dir=../shared/data
    python benchmarks/study.py trec --data_dir=../shared/data

Each is `--mode=trials` with benchmarks/study/<task>.flags and rows.flags, after
the data has been written where these look for it. A study that was stopped
continues. Its `trials.jsonl` is kept in git: benchmarks/study/<task>/.

    python benchmarks/study.py --check --data_dir=../shared/data

trains two seeds of the standard recipe on MRPC, RTE and TREC, and says which
of them clearly beats the majority class: both seeds are above the upper end of
the 95 % interval of the majority's score.

    python benchmarks/study.py uci_amazon --table

prints the table of docs/study.md from what is kept in git, and
`--picture=docs/study/uci_amazon_scores.png` draws its picture. `--quick` trains
two recipes, one trial of each, with a tiny checkpoint.
"""

import argparse
import json
import os
import pathlib
from typing import Any

import numpy as np
import quick
import real_data

from tf_bert import run
from tf_bert.config import parse
from tf_bert.report.figures import style, trial_figures
from tf_bert.scoring import number_texts
from tf_bert.trials.statistics.recipe_summary import summarize_recipe
from tf_bert.trials.statistics.recipe_tests import PValue, compare_recipes
from tf_bert.trials.statistics.trial_columns import Trial, counted_scores
from tf_bert.trials.trial_scores import trials_of

ROOT = pathlib.Path(__file__).parents[1]
FOLDER = "benchmarks/study"
FILES = pathlib.Path("runs", "study", "files")
TASKS = ("uci_amazon", "mrpc", "rte", "trec")
CHECKED = ("mrpc", "rte", "trec")
# Test accuracy of the support vector machine, from the reports.
TFIDF = {"uci_amazon": 0.824, "trec": 0.806}


def write_files(
    task: str, data: pathlib.Path, folder: pathlib.Path = FILES
) -> None:
    """Writes the files that a task's flags name, if it has some."""
    if task == "uci_amazon":
        splits = real_data.read_uci(data, "amazon_cells")
    elif task == "trec":
        splits = real_data.read_trec(data)
    else:
        return
    real_data.write_splits(splits, folder / task)


def study_flags(task: str) -> list[str]:
    """Returns the command line of a task's study."""
    return [f"--flagfile={FOLDER}/{name}.flags" for name in (task, "rows")]


def quick_flags(task: str, data: pathlib.Path) -> list[str]:
    """Writes a task's files elsewhere; returns what makes it a tiny one."""
    write_files(task, data, quick.folder())
    files = quick.folder() / task
    flags = [f"--data_dir={data}"]
    if files.exists():
        flags = [f"--train_file={files / 'train.csv'}"]
        flags += [f"--validation_file={files / 'test.csv'}"]
    return [*flags, *quick.flags()]


def quick_study(task: str, data: pathlib.Path) -> list[str]:
    """Returns the command line of a task's study in a tiny form."""
    recipes = ("standard", "fast")
    files = (f"{FOLDER}/recipes/{name}.flags" for name in recipes)
    return [
        f"--flagfile={FOLDER}/{task}.flags",
        f"--sweep=recipe:{','.join(files)}",
        *quick_flags(task, data),
        "--num_trials=1",
        f"--output_dir={quick.folder() / 'study'}",
    ]


def check(
    task: str, parent: str = os.path.join("runs", "study", "check"), *more: str
) -> bool:
    """Trains two seeds; says whether they clearly beat the majority.

    Args:
        task: of `TASKS`.
        parent: of the folder of its trials.
        *more: flags behind all others.
    """
    folder = os.path.join(parent, task)
    run.main(
        [
            f"--flagfile={FOLDER}/recipes/standard.flags",
            f"--flagfile={FOLDER}/{task}.flags",
            "--num_trials=2",
            f"--output_dir={folder}",
            *more,
        ]
    )
    records = read_records(pathlib.Path(folder))
    metric = records[0]["metric"]
    scores = [record["best"]["test"][metric] for record in records]
    baselines = json.loads(
        pathlib.Path(folder, "baselines.json").read_text("utf-8")
    )
    (baseline,) = baselines.values()
    majority = baseline["models"]["majority"]["test"]
    bound = majority[f"{metric}_ci"][1]
    is_clear = min(scores) > bound
    print(
        f"{task}: {metric} {', '.join(f'{score:.3f}' for score in scores)}; "
        f"majority {majority[metric]:.3f}, up to {bound:.3f}: "
        f"{'clearly better' if is_clear else 'not clearly better'}."
    )
    return is_clear


HEADER = """\
| recipe | trials | mean | 95 % interval | sd | median | range | failed | \
against standard | 95 % interval | Welch t | paired t | Levene |
|---|---:|---:|---|---:|---:|---|---:|---:|---|---:|---:|---:|"""


def read_records(folder: pathlib.Path) -> list[dict[str, Any]]:
    """Returns the records of a folder's `trials.jsonl`."""
    lines = (folder / "trials.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def trials_by_recipe(task: str) -> dict[str, list[Trial]]:
    """Returns the trials of a study on its test examples, in its order."""
    records = read_records(ROOT / FOLDER / task)
    sweep = parse.parse(study_flags(task))["sweep"]
    return {
        label: trials_of([r for r in records if r["recipe"] == label], "test")
        for label in sweep
    }


def draw(task: str, path: str) -> None:
    """Draws every trial's test score, as the report does."""
    recipes = trials_by_recipe(task)
    (majority,) = {trial.majority for x in recipes.values() for trial in x}
    with style.settings():
        figure = trial_figures.scores_by_recipe(
            {
                label: np.array([*counted_scores(trials).values()])
                for label, trials in recipes.items()
            },
            {
                label: np.array([trial.is_failed for trial in trials])
                for label, trials in recipes.items()
            },
            metric_title="test accuracy",
            references={
                "majority class": majority,
                "TF-IDF baseline": TFIDF[task],
            },
        )
        pathlib.Path(path).write_bytes(style.to_png(figure))


def table(task: str) -> str:
    """Returns the scores and tests of a task's study as Markdown."""
    recipes = trials_by_recipe(task)
    compared = {
        comparison.label: comparison
        for comparison in compare_recipes(
            {label: counted_scores(x) for label, x in recipes.items()}
        )
    }
    lines = [HEADER]
    for label, trials in recipes.items():
        summary = summarize_recipe(label, trials)
        cells = [
            label,
            str(summary.num_trials),
            f"{summary.mean:.4f}",
            "{:.4f} to {:.4f}".format(*summary.mean_interval),
            f"{summary.std:.4f}",
            f"{summary.median:.4f}",
            f"{summary.minimum:.4f} to {summary.maximum:.4f}",
            str(summary.num_failed),
        ]
        comparison = compared.get(label)
        if comparison is None:
            cells += [""] * 5
        else:
            cells += [
                f"{comparison.difference:+.4f}",
                "{:+.4f} to {:+.4f}".format(*comparison.interval),
            ]
            cells += [
                _p_value(p)
                for name in ("welch", "paired", "levene")
                for p in [comparison.p_values[name]]
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _p_value(p: PValue) -> str:
    """Before and, in brackets, after Holm's correction."""
    if p.value is None:
        return "not defined"
    return f"{number_texts.p_value(p.value)} ({number_texts.p_value(p.holm)})"


def main() -> None:
    """Runs a task's study, or the check, or prints a table or draws it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", nargs="?", choices=TASKS)
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--picture", help="Where to draw the trials.")
    quick.add_flag(parser)
    arguments = parser.parse_args()
    if not (arguments.task or arguments.check):
        parser.error("name a task, or pass --check")
    os.chdir(ROOT)  # The paths of the flag files start there.
    if arguments.picture:
        draw(arguments.task, arguments.picture)
    if arguments.table:
        print(table(arguments.task))
    if arguments.picture or arguments.table:
        return
    data = pathlib.Path(arguments.data_dir)
    if arguments.quick:
        parent = str(quick.folder() / "check")
        if arguments.check:
            print(check("mrpc", parent, *quick_flags("mrpc", data)))
        else:
            raise SystemExit(run.main(quick_study(arguments.task, data)))
        return
    for task in CHECKED if arguments.check else (arguments.task,):
        write_files(task, data)
    if arguments.check:
        print([task for task in CHECKED if check(task)])
    else:
        raise SystemExit(run.main(study_flags(arguments.task)))


if __name__ == "__main__":
    main()
