"""From a configuration to the data of a run: its task and its splits."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from absl import logging

from tf_bert.config import Config, rules
from tf_bert.data.readers.unlabelled import UnlabelledFile
from tf_bert.data.tasks import (
    known_tasks,
    load_splits,
    positive_class,
    tfds_task,
)
from tf_bert.data.tasks.data_sources import DataSources
from tf_bert.data.tasks.divide import DivisionRules
from tf_bert.data.tasks.split_record import format_rows
from tf_bert.data.tasks.task_spec import TaskSpec


def get_task(config: Config) -> TaskSpec:
    """Returns the task that the flags name, or that the user's data holds."""
    task, flag = None, "task_name"
    if config.task_name is not None:
        task = known_tasks.get_task(config.task_name)
    elif config.tfds_name is not None:
        task, flag = known_tasks.get_tfds_task(config.tfds_name), "tfds_name"
    if task is not None:
        rules.check_task_is_alone(config, flag)
        metric = config.metric or task.metric
        return dataclasses.replace(
            task,
            metric=known_tasks.check_metric(metric, task.is_regression),
            positive_label=config.positive_label or task.positive_label,
            group_column=config.group_column,
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
        config: Of the run.
        task: Of `get_task`.
        record: The content of its `splits.json`, if it has begun.
        copies_together: False if the run has begun and has no record: it is
            of an earlier version, which let copies be in several splits.
    """
    return load_splits.load_splits(
        task,
        DataSources(
            data_dir=config.data_dir,
            train_file=config.train_file,
            validation_file=config.validation_file,
            test_file=config.test_file,
            tfds_data_dir=config.tfds_data_dir,
            text_format=config.text_format,
            allow_empty_texts=config.mode == "inspect",
        ),
        rules=dataclasses.replace(
            _rules(config), copies_together=copies_together
        ),
        record=record,
    )


def file_to_predict(config: Config, task: TaskSpec) -> UnlabelledFile:
    """Returns `predict_file`, whose columns are those of the task."""
    return UnlabelledFile(
        config.predict_file,
        task.text_column,
        task.text_pair_column,
        config.text_format,
    )


def as_begun(
    data: load_splits.TaskData, begun: Mapping[str, Any]
) -> load_splits.TaskData:
    """Returns the data of a run with the positive label that it began with.

    Args:
        data: Of `load`.
        begun: The stored configuration of the run. A version without
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
    """Returns the content of `splits.json`: which examples, and what drew them.

    Beside the flags that the splits depend on: ``splits``, by numbers of
    rows; and ``data``: split of the task, before any was divided ->
    `RowDigests` of all its examples.
    """
    flags = dataclasses.asdict(_rules(config))
    del flags["copies_together"]  # Of earlier versions, which kept no record.
    return {
        **flags,
        "group_column": config.group_column,
        "splits": {
            split: {
                "source": examples.source,
                "num_rows": len(examples),
                "rows": format_rows(examples.row_numbers),
            }
            for split, examples in data.splits().items()
        },
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
