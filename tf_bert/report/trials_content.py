"""What a report is about: the trials of one or more folders, by recipe.

Reads the files; computes nothing. No TensorFlow.
"""

import collections
import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tf_bert import config as config_lib
from tf_bert.data.tasks.data_name import data_name
from tf_bert.runs import run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.scoring import scored_rows
from tf_bert.scoring.scored_rows import ScoredRows
from tf_bert.system import file_io
from tf_bert.training import update_log
from tf_bert.trials import trial_scores
from tf_bert.trials.statistics import trial_columns
from tf_bert.trials.sweep_data import data_key, task_key
from tf_bert.trials.trial_folder import TrialFolder, read_history


@dataclasses.dataclass(frozen=True)
class Trial:
    """One finished trial.

    Attributes:
        folder: with its history and its scored rows.
        record: the content of its JSON file.
    """

    folder: str
    record: dict[str, Any]

    @property
    def is_ok(self) -> bool:
        """Whether it has scores: it ended, and its loss stayed finite."""
        return self.record["status"] == "ok"

    @property
    def seeds(self) -> tuple[int, int, int]:
        """Of the head, the data and the dropout."""
        seeds = self.record["seeds"]
        return seeds["head_seed"], seeds["data_seed"], seeds["dropout_seed"]

    def counted(self, split: str) -> trial_columns.Trial:
        """Returns what the statistics need to know of it on a split."""
        return trial_scores.trials_of([self.record], split)[0]

    def has_scores(self, split: str) -> bool:
        """Whether it has a score on a split, or counts at the majority's."""
        counted = self.counted(split)
        if counted.status == "ok":
            return counted.score is not None
        return counted.status == "diverged" and counted.majority is not None

    def history(self) -> list[dict[str, Any]]:
        """One entry for each evaluation; none where nothing was evaluated.

        Raises:
            ValueError: if the file is damaged.
        """
        return read_history(self.folder)

    def updates(self) -> dict[str, np.ndarray] | None:
        """Arrays of `update_log.UpdateLog.arrays`; None: not recorded.

        Raises:
            ValueError: if the file is damaged.
        """
        path = os.path.join(self.folder, run_folder.UPDATES)
        if not file_io.exists(path):
            return None
        return update_log.read_arrays(file_io.read_bytes(path), path=path)

    def scored_rows(self) -> dict[str, ScoredRows]:
        """Split -> rows of the chosen checkpoint; empty: not stored.

        Raises:
            ValueError: if the file is damaged.
        """
        path = os.path.join(self.folder, run_folder.SCORED_ROWS)
        if not file_io.exists(path):
            return {}
        return scored_rows.read(file_io.read_text(path), path)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The trials of one configuration, which differ in their seeds alone.

    Attributes:
        label: as the sweep calls it; unlike that of all others.
        config: the fields that make up the configuration.
        trials: in the order of their seeds.
    """

    label: str
    config: dict[str, Any]
    trials: tuple[Trial, ...]

    def counted(self, split: str) -> list[trial_columns.Trial]:
        """Returns what the statistics need to know of its trials."""
        return [trial.counted(split) for trial in self.trials]


@dataclasses.dataclass(frozen=True)
class TaskTrials:
    """The trials of one folder on one task.

    Attributes:
        folder: of the trials.
        title: of the task, for people.
        config: of the folder: the base of its sweep.
        recipes: at least one, in the order of the sweep.
        planned: labels of the recipes that the sweep has on this task.
        missing: label -> number of trials that have not ended.
        baselines: ``{"split", "models"}`` of the simple baselines; None: they
            were not trained.
    """

    folder: str
    title: str
    config: dict[str, Any]
    recipes: tuple[Recipe, ...]
    planned: tuple[str, ...]
    missing: dict[str, int]
    baselines: dict[str, Any] | None

    @property
    def trials(self) -> list[Trial]:
        """Of all recipes."""
        return [trial for recipe in self.recipes for trial in recipe.trials]

    @property
    def known(self) -> dict[str, Any]:
        """The record of a trial that got as far as its data."""
        return next(t.record for t in self.trials if t.record.get("metric"))

    @property
    def metric(self) -> str:
        """Key of the metric that trials are compared by."""
        return self.known["metric"]

    @property
    def is_regression(self) -> bool:
        """Whether labels are scores."""
        return self.known["task"]["is_regression"]

    @property
    def label_names(self) -> tuple[str, ...]:
        """In the order of their ids; none for a regression."""
        return tuple(self.known["task"]["label_names"] or ())

    @property
    def positive_label(self) -> str | None:
        """The class that F1 is of; None unless there are two."""
        return trial_scores.positive_label(self.known)

    @property
    def metric_title(self) -> str:
        """What people call the metric, with the class that it is about."""
        return trial_scores.metric_title(self.known)

    @property
    def split(self) -> str:
        """The split whose scores count: test or, without it, validation."""
        return trial_scores.scored_split([t.record for t in self.trials])

    @property
    def majority(self) -> float | None:
        """Score of the simplest guess, the same for every row."""
        return self.known["majority"].get(self.split)


def is_trials_folder(path: str) -> bool:
    """Whether trials were begun in a folder."""
    return file_io.is_dir(os.path.join(path, run_folder.TRIALS))


def read(paths: Sequence[str]) -> list[TaskTrials]:
    """Reads the finished trials of folders, of sweeps that go on too.

    Args:
        paths: of trials folders, at least one.

    Returns:
        One for each task of each folder, in this order, with titles that
        differ.

    Raises:
        FileNotFoundError: if a folder holds no finished trial.
        ValueError: if a file is damaged, or no trial says what its task is.
    """
    tasks = [task for path in paths for task in _read_folder(path)]
    titles = collections.Counter(task.title for task in tasks)
    numbers: collections.Counter[str] = collections.Counter()
    named = []
    for task in tasks:
        title = task.title
        if titles[title] > 1:
            numbers[title] += 1
            title = f"{title} ({numbers[title]}: {_last_part(task.folder)})"
        named.append(dataclasses.replace(task, title=title))
    return named


def _read_folder(path: str) -> list[TaskTrials]:
    if not is_trials_folder(path):
        raise FileNotFoundError(
            "Every folder of `trials_dirs` must be one of --mode=trials. "
            f"Received: {path}, without {run_folder.TRIALS}/. Correct "
            "--trials_dirs."
        )
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
            "A report must be about a folder with a finished trial. Received: "
            f"{path}, without {run_folder.TRIALS}/*.json. Give the command "
            "of --mode=trials again and wait for its first trial, or pass "
            "another --output_dir or --trials_dirs."
        )
    if not any(record.get("metric") for record in records):
        raise ValueError(
            "A report needs a trial that got as far as its data. Received: "
            f"{path}, where all {len(records)} ended in an error "
            f"({records[0]['error']}). Correct that, and give the command of "
            "--mode=trials again."
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


def _last_part(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]
