"""From a configuration to the data of a run: its task and its splits."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from absl import logging

from tf_bert.config import Config, rules
from tf_bert.data.tasks import (
    known_tasks,
    load_splits,
    positive_class,
    split_record,
    tfds_task,
)
from tf_bert.data.tasks.divide import DivisionRules
from tf_bert.data.tasks.task_spec import (
    CLASSIFICATION_METRICS,
    REGRESSION_METRICS,
    TaskSpec,
    metric_advice,
)


def get_task(config: Config) -> TaskSpec:
    """Returns the task that the flags name, or that the user's data holds.

    Args:
        config: of any mode.

    Raises:
        ValueError: if the task is unknown, or flags do not fit it.
    """
    task, flag = None, "task_name"
    if config.task_name is not None:
        task = known_tasks.get_task(config.task_name)
    elif config.tfds_name is not None:
        task, flag = known_tasks.get_tfds_task(config.tfds_name), "tfds_name"
    if task is not None:
        rules.check_task_is_alone(config, flag)
        task = _with_metric(task, config, flag)
        label = config.positive_label or task.positive_label
        return dataclasses.replace(
            task, positive_label=label, group_column=config.group_column
        )
    describe = known_tasks.custom_task
    if config.tfds_name is not None:
        describe = functools.partial(
            tfds_task.describe_task, config.tfds_name, config.tfds_data_dir
        )
    task = describe(
        text_column=config.text_column,
        text_pair_column=config.text_pair_column,
        label_column=config.label_column,
        is_regression=config.task_type == "regression",
        label_names=config.label_names,
        metric=config.metric,
    )
    return dataclasses.replace(
        task,
        positive_label=config.positive_label,
        group_column=config.group_column,
    )


def get_trained_task(config: Config) -> TaskSpec:
    """Returns the task of a training as far as its flags alone tell.

    What was trained on a dataset of tensorflow-datasets is used where that
    is not: no dataset is opened. So what `get_task` finds in one is not
    known: names of columns that flags leave to it, and of labels.

    Args:
        config: of a run that has begun.
    """
    if has_unknown_dataset(config):
        config = dataclasses.replace(config, tfds_name=None, tfds_data_dir=None)
    return get_task(config)


def has_unknown_dataset(config: Config) -> bool:
    """Whether the task is in a dataset alone, which is none of the table."""
    return (
        config.tfds_name is not None
        and known_tasks.get_tfds_task(config.tfds_name) is None
    )


def load(
    config: Config,
    task: TaskSpec,
    *,
    record: Mapping[str, Any] | None = None,
    copies_together: bool = True,
) -> load_splits.TaskData:
    """Reads the splits of a run, the same ones whenever it is called.

    Empty texts are let through in mode inspect, which reports them.

    Args:
        config: of the run.
        task: of `get_task`.
        record: the content of its `splits.json`, if it has begun.
        copies_together: False if the run has begun and has no record: it is
            of an earlier version, which let copies be in several splits.

    Raises:
        ChangedDataError: if the data is not that of the record.
        ValueError, FileNotFoundError: if a file, flag or row is wrong.
    """
    return load_splits.load_splits(
        task,
        data_dir=config.data_dir,
        train_file=config.train_file,
        validation_file=config.validation_file,
        test_file=config.test_file,
        tfds_data_dir=config.tfds_data_dir,
        text_format=config.text_format,
        allow_empty_texts=config.mode == "inspect",
        rules=dataclasses.replace(
            _rules(config), copies_together=copies_together
        ),
        record=record,
    )


def as_begun(
    data: load_splits.TaskData, begun: Mapping[str, Any]
) -> load_splits.TaskData:
    """Returns the data of a run with the positive label that it began with.

    Args:
        data: of `load`.
        begun: the stored configuration of the run. A version without
            `positive_label` took the second class.
    """
    task = data.task
    positive = positive_class.recorded(
        begun.get("positive_label"), task.label_names
    )
    label = None if positive is None else positive.label
    if label != task.positive_label:
        logging.info("The run was begun with F1 of class %s: it stays.", label)
    return dataclasses.replace(
        data, task=dataclasses.replace(task, positive_label=label)
    )


def record(config: Config, data: load_splits.TaskData) -> dict:
    """Returns the content of `splits.json`: which rows, and what drew them.

    Args:
        config: of the run.
        data: of `load`.

    Returns:
        The flags that the splits depend on; ``splits``, see
        `split_record.describe`; and ``data``: split of the task, before any
        was divided -> digests of all its rows, see `RowDigests`.
    """
    flags = dataclasses.asdict(_rules(config))
    del flags["copies_together"]  # Of earlier versions, which kept no record.
    return {
        **flags,
        "group_column": config.group_column,
        "splits": split_record.describe(data.splits()),
        "data": {split: x.as_json() for split, x in data.digests.items()},
    }


def _rules(config: Config) -> DivisionRules:
    return DivisionRules(
        validation_proportion=config.validation_proportion,
        test_proportion=config.test_proportion,
        split_dev_in_half=config.split_dev_in_half,
        max_train_examples=config.max_train_examples,
        split_seed=config.split_seed,
    )


def _with_metric(task: TaskSpec, config: Config, flag: str) -> TaskSpec:
    """Returns a task of the table, with the metric that was asked for."""
    if config.metric is None:
        return task
    choices = CLASSIFICATION_METRICS
    if task.is_regression:
        choices = REGRESSION_METRICS
    if config.metric not in choices:
        raise ValueError(
            f"`metric` must be one of {', '.join(choices)} for this task. "
            f"Received: metric={config.metric!r}, {flag}="
            f"{config.value_of(flag)}. {metric_advice(config.metric)}"
            "Correct --metric."
        )
    return dataclasses.replace(task, metric=config.metric)
