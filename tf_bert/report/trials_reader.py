"""Reads the trials that a report is about; a single run is one trial.

Computes nothing. No TensorFlow, unless a folder lies on `gs://`.
"""

import collections
import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tf_bert import config as config_lib
from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.data_name import data_name
from tf_bert.report.trials_content import Recipe, TaskTrials, Trial
from tf_bert.runs import run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.state import progress
from tf_bert.system import file_io
from tf_bert.trials.sweep_data import data_key, task_key
from tf_bert.trials.trial_folder import TrialFolder


def read(paths: Sequence[str]) -> list[TaskTrials]:
    """Reads the finished trials of folders of runs and of --mode=trials.

    Returns one for each task of each folder, with titles that differ.
    """
    tasks = [task for path in paths for task in _read_folder(path)]
    titles = collections.Counter(task.title for task in tasks)
    numbers: collections.Counter[str] = collections.Counter()
    named = []
    for task in tasks:
        title = task.title
        if titles[title] > 1:
            numbers[title] += 1
            *_, folder = re.split(r"[/\\]", task.folder.rstrip("/\\"))
            title = f"{title} ({numbers[title]}: {folder})"
        named.append(dataclasses.replace(task, title=title))
    return named


def _read_folder(path: str) -> list[TaskTrials]:
    folder = RunFolder(path)
    if file_io.is_dir(folder.join(run_folder.TRIALS)):
        return _read_sweep(path)
    if file_io.exists(folder.join(run_folder.CONFIG)):
        return [_read_run(folder)]
    raise FileNotFoundError(
        "`trials_dirs` names a folder that holds neither trials nor a run. "
        f"Received: {path}, without {run_folder.TRIALS}/ and "
        f"{run_folder.CONFIG}. Correct --trials_dirs."
    )


def _read_run(folder: RunFolder) -> TaskTrials:
    config = Config.from_dict(
        folder.read_json(run_folder.CONFIG), output_dir=folder.path
    )
    results: dict[str, Any] = {}
    if folder.is_finished():
        results = folder.read_json(run_folder.RESULTS)
    elif not progress.read_history(folder.path):
        raise FileNotFoundError(
            "The run has not been evaluated yet, so that there is nothing to "
            f"report. Received: output_dir={folder.path}, without an entry in "
            f"{run_folder.HISTORY}. Give the command of the training again, "
            "and wait for its first evaluation; or pass another --output_dir."
        )
    record = _record_of_run(folder, config, results)
    recipe = Recipe("this run", config.as_dict(), (Trial(folder.path, record),))
    return TaskTrials(
        folder=folder.path,
        title=data_name(config.as_dict()),
        config=config.as_dict(),
        recipes=(recipe,),
        planned=(recipe.label,),
        missing={},
        baselines=_baselines_of_run(results),
    )


def _record_of_run(
    folder: RunFolder, config: Config, results: dict[str, Any]
) -> dict[str, Any]:
    """Returns what a trial's record would hold of a run, ended or not."""
    task = run_data.get_trained_task(config)
    record = {
        "seeds": config.seeds,
        "config": config.as_dict(),
        "metric": task.metric,
        "task": {
            "is_regression": task.is_regression,
            "label_names": None,
        },
        # Nobody has looked.
        **dict.fromkeys(("is_failed", "is_degenerate", "is_constant")),
    }
    if not task.is_regression:
        record["task"]["label_names"] = _label_names(folder)
        record["task"]["positive_label"] = task.positive_label
    if results:
        return record | _scores_of_run(config, results, task.metric)
    return record | {
        "status": "running",
        "step": progress.read_history(folder.path)[-1]["step"],
        "chosen": "last",
        "last": None,
        "majority": {},
    }


def _scores_of_run(
    config: Config, results: dict[str, Any], metric: str
) -> dict[str, Any]:
    train = results["train"]
    splits = [x for x in ("validation", "test") if x in results]
    # A correlation of constant scores is not defined.
    is_scored = splits and results[splits[-1]].get(metric) is not None
    chosen = "last"
    if "validation" in splits:
        chosen = config.checkpoint_to_use
    simplest = next(iter(results.get("baselines", {}).values()), {})
    return {
        "status": "ok" if is_scored else "unscored",
        "step": train["num_steps"],
        "num_examples": train["num_examples"],
        "chosen": chosen,
        chosen: {
            "step": train["chosen_step"],
            **{split: results[split] for split in splits},
        },
        "majority": {
            split: simplest.get(split, {}).get(metric) for split in splits
        },
        "verdict": results.get("verdict"),
    }


def _baselines_of_run(results: dict[str, Any]) -> dict[str, Any] | None:
    models = results.get("baselines")
    if not models:
        return None
    (split,) = next(iter(models.values()))
    return {"split": split, "models": models}


def _label_names(folder: RunFolder) -> list[str]:
    """The classes as the run's model knows them; none before there is one."""
    path = folder.join(run_folder.MODEL, "config.json")
    if not file_io.exists(path):
        return []
    names = json.loads(file_io.read_text(path))["id2label"]
    return [names[key] for key in sorted(names, key=int)]


def _read_sweep(path: str) -> list[TaskTrials]:
    folder = TrialFolder(path)
    config = RunFolder(path).read_json(run_folder.CONFIG)
    records = folder.read_records()
    _check_known(path, records)
    baselines = folder.read_optional(run_folder.BASELINES)
    order = list(config.get("sweep") or {})
    place = {label: index for index, label in enumerate(order)}
    trials = [
        Trial(folder.join(run_folder.TRIALS, record["trial"]), record)
        for record in records
    ]
    # A task whose every trial ended in an error says not even its metric.
    groups = [
        group
        for group in _grouped(trials, lambda x: task_key(x.record["config"]))
        if any(trial.record.get("metric") for trial in group)
    ]
    groups.sort(
        key=lambda x: min(place.get(t.record["recipe"], len(place)) for t in x)
    )
    return [
        TaskTrials(
            folder=path,
            title=data_name(group[0].record["config"]),
            config=config,
            recipes=(recipes := _recipes(group, place)),
            planned=(planned := _planned(config, group)),
            missing=_missing(config, recipes, planned),
            baselines=_baselines_of(group, baselines),
        )
        for group in groups
    ]


def _check_known(path: str, records: Sequence[dict[str, Any]]) -> None:
    if not records:
        raise FileNotFoundError(
            "No trial has finished yet, so that there is nothing to report. "
            f"Received: {path}, without {run_folder.TRIALS}/*.json. Give the "
            "command of --mode=trials again and wait for its first trial, or "
            "pass another --output_dir or --trials_dirs."
        )
    if not any(record.get("metric") for record in records):
        raise ValueError(
            "No trial got as far as its data, so that there is nothing to "
            f"report. Received: {path}, where all {len(records)} ended in an "
            f"error ({records[0]['error']}). Correct that, and give the "
            "command of --mode=trials again."
        )


def _grouped(
    trials: Iterable[Trial], key: Callable[[Trial], str]
) -> list[list[Trial]]:
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(key(trial), []).append(trial)
    return list(groups.values())


def _planned(config: dict[str, Any], group: list[Trial]) -> tuple[str, ...]:
    """The recipes of a sweep that are on the task of some of its trials."""
    sweep = config.get("sweep")
    if not sweep:
        return (group[0].record["recipe"],)
    key = task_key(group[0].record["config"])
    return tuple(
        label
        for label, changes in sweep.items()
        if task_key({**config, **changes}) == key
    )


def _recipes(trials: list[Trial], place: dict[str, int]) -> tuple[Recipe, ...]:
    """Gathers the recipes; what an earlier sweep has left comes last."""
    groups = _grouped(
        trials,
        lambda x: json.dumps(
            config_lib.complete(x.record["config"]), sort_keys=True
        ),
    )
    # A stable sort: equal labels stay in the order of their configurations.
    groups.sort(key=lambda x: place.get(x[0].record["recipe"], len(place)))
    used: collections.Counter[str] = collections.Counter()
    recipes = []
    for group in groups:
        label = group[0].record["recipe"]
        used[label] += 1
        if used[label] > 1:
            label = f"{label} ({used[label]})"
        recipes.append(Recipe(label, group[0].record["config"], tuple(group)))
    return tuple(recipes)


def _missing(
    config: dict[str, Any],
    recipes: Sequence[Recipe],
    planned: Sequence[str],
) -> dict[str, int]:
    """Counts, for each recipe of the sweep, the trials still to come."""
    expected = config.get("num_trials")
    if expected is None:
        expected = (config.get("num_head_seeds") or 0) * (
            config.get("num_data_seeds") or 0
        )
    done = {recipe.label: len(recipe.trials) for recipe in recipes}
    left = {label: expected - done.get(label, 0) for label in planned}
    return {label: number for label, number in left.items() if number > 0}


def _baselines_of(
    trials: list[Trial], baselines: dict[str, Any]
) -> dict[str, Any] | None:
    """The simple baselines of a task's data.

    Where recipes of one task learn from different numbers of rows there are
    several: those of the most rows are the strongest rivals.
    """
    found = {
        trial.record["config"].get("max_train_examples") or float("inf"): x
        for trial in trials
        if (x := baselines.get(data_key(trial.record["config"])))
    }
    return found[max(found)] if found else None
