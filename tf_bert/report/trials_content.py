"""What a report is about: the trials of one or more folders, by recipe.

One training is one trial of one recipe. `trials_reader.py` reads them.
No TensorFlow.
"""

import dataclasses
import json
import os
from typing import Any

import numpy as np

from tf_bert.runs import run_folder
from tf_bert.runs.state import progress
from tf_bert.scoring import scored_rows
from tf_bert.scoring.metrics import title_of
from tf_bert.scoring.scored_rows import ScoredRows
from tf_bert.system import file_io
from tf_bert.training import update_log
from tf_bert.trials import trial_scores
from tf_bert.trials.statistics import trial_columns


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training.

    Attributes:
        record: the content of a trial's JSON file, or what corresponds to it.
            A single run has two more statuses, neither of which counts:
            "running", and "unscored" without a split to score it on.
    """

    folder: str
    record: dict[str, Any]

    @property
    def is_running(self) -> bool:
        """Whether it is a single run that has not ended."""
        return self.record["status"] == "running"

    @property
    def seeds(self) -> tuple[int, int, int]:
        """Of the head, the data and the dropout."""
        seeds = self.record["seeds"]
        return seeds["head_seed"], seeds["data_seed"], seeds["dropout_seed"]

    @property
    def scores(self) -> dict[str, Any]:
        """``step`` and scores by split of the chosen checkpoint, if any."""
        return self.record[self.record["chosen"]] or {}

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
        """One entry for each evaluation; none where nothing was evaluated."""
        return progress.read_history(self.folder)

    def updates(self) -> dict[str, np.ndarray] | None:
        """Arrays of `update_log.UpdateLog.arrays`; None: not recorded."""
        path = os.path.join(self.folder, run_folder.UPDATES)
        if not file_io.exists(path):
            return None
        return update_log.read_arrays(file_io.read_bytes(path), path=path)

    def scored_rows(self) -> dict[str, ScoredRows]:
        """Split -> rows of the chosen checkpoint; empty: not stored."""
        path = os.path.join(self.folder, run_folder.SCORED_ROWS)
        if not file_io.exists(path):
            return {}
        return scored_rows.read(file_io.read_text(path), path)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The trials of one configuration, which differ in their seeds alone."""

    label: str
    config: dict[str, Any]
    trials: tuple[Trial, ...]

    def counted(self, split: str) -> list[trial_columns.Trial]:
        """Returns what the statistics need to know of its trials."""
        return [
            trial.counted(split)
            for trial in self.trials
            if trial.record["status"] in trial_columns.STATUSES
        ]


@dataclasses.dataclass(frozen=True)
class TaskTrials:
    """The trials of one folder on one task.

    Attributes:
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
    def varied(self) -> list[str]:
        """The settings in which recipes differ, sorted."""
        names = sorted(set().union(*(recipe.config for recipe in self.recipes)))
        return [
            name
            for name in names
            if len({json.dumps(x.config.get(name)) for x in self.recipes}) > 1
        ]

    @property
    def is_one_training(self) -> bool:
        """Whether there is one trial alone, which has no statistics."""
        return len(self.trials) == 1

    @property
    def is_sweep(self) -> bool:
        """Whether it is of --mode=trials; else of a single run."""
        return self.config["mode"] == "trials"

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
        # Until there is a model, only the label that was asked for is known.
        stored = self.known["task"].get("positive_label")
        return trial_scores.positive_label(self.known) or stored

    @property
    def metric_title(self) -> str:
        """What people call the metric, with the class that it is about."""
        return title_of(self.metric, self.positive_label)

    @property
    def split(self) -> str:
        """The split whose scores count: test or, without it, validation."""
        return trial_scores.scored_split([t.record for t in self.trials])

    @property
    def majority(self) -> float | None:
        """Score of the simplest guess, the same for every row."""
        return self.known["majority"].get(self.split)
