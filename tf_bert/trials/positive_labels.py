"""One positive label for all trials on the same rows, which are compared."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tf_bert.config import Config
from tf_bert.data.tasks import positive_class
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.trials.planned_trials import recipes
from tf_bert.trials.sweep_data import SweepData, task_key
from tf_bert.trials.trial_folder import TrialFolder
from tf_bert.trials.trial_scores import positive_label


def settle(config: Config, data: SweepData, folder: TrialFolder) -> Config:
    """Returns the configuration of a sweep, with its positive label.

    It is the one that finished trials on the same rows were scored by, else
    the one that the sweep was begun with or is given, else that of the data,
    which gets it too. Where recipes are on several data sets that have not the
    same one, each recipe has it in `sweep`.

    Raises:
        ValueError: if recipes on the same rows are to have different ones,
            or others than those that are there.
    """
    stored = folder.begun(config)
    scored = {} if stored is None else _scored(folder)
    groups: dict[str, dict[str, Config]] = {}
    for label, recipe in recipes(config).items():
        key = task_key(recipe.as_dict())
        groups.setdefault(key, {})[label] = recipe
    settled: dict[str, str | None] = {}
    for key, group in groups.items():
        first, *_ = group.values()
        task_data = data.of(first)
        before = scored.get(key) or _stored(stored, task_data.task)
        positive = _label_of(list(group.values()), task_data, before)
        for label, recipe in group.items():
            data.use_positive_label(recipe, positive)
            settled[label] = positive
    if len(set(settled.values())) == 1:
        return dataclasses.replace(config, positive_label=positive)
    sweep = {
        label: {**changes, "positive_label": settled[label]}
        for label, changes in config.sweep.items()
    }
    return dataclasses.replace(config, sweep=sweep)


def _scored(folder: TrialFolder) -> dict[str, str | None]:
    """Returns task key -> label, of the tasks of the trials that are there."""
    return {
        task_key(record["config"]): positive_label(record)
        for record in folder.read_records()
        if record.get("metric")
    }


def _stored(stored: Mapping[str, Any] | None, task: TaskSpec) -> str | None:
    """The label that a sweep was begun with, without a finished trial yet."""
    if stored is None:
        return None
    label, names = stored.get("positive_label"), task.label_names or ()
    if "positive_label" not in stored or label in names:
        return positive_class.recorded(label, names)
    return None  # Of recipes on other data.


def _label_of(
    group: Sequence[Config], data: TaskData, before: str | None
) -> str | None:
    """The label of recipes on the same rows; `before` is there already."""
    given = {x.positive_label for x in group} - {None}
    label = before or min(given, default=data.task.positive_label)
    if given - {label}:
        reason = "the trials that are there have" if before else "another has"
        raise ValueError(
            "Recipes on the same examples need one positive label, for their "
            f"scores are compared. Received: positive_label="
            f"{min(given - {label})!r}, where {reason} {label!r}. Correct or "
            "leave out --positive_label, or pass another --output_dir."
        )
    return positive_class.resolve(
        label, data.task.label_names, data.train.labels
    )
