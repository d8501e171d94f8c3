"""From a configuration to the data of a run: its task and its splits."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from absl import logging

from tf_bert.config import Config, rules
from tf_bert.config.all_settings import SETTINGS, received
from tf_bert.data.readers import table_formats
from tf_bert.data.readers.standard_input import STANDARD_INPUT
from tf_bert.data.readers.unlabelled import UnlabelledFile
from tf_bert.data.tasks import (
    known_tasks,
    load_splits,
    positive_class,
    tfds_task,
)
from tf_bert.data.tasks.copies import count_in_train
from tf_bert.data.tasks.data_sources import given_files
from tf_bert.data.tasks.divide import DivisionRules, divide
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.data.tasks.row_digests import digest_rows, format_rows
from tf_bert.data.tasks.stored_rows import StoredRows
from tf_bert.data.tasks.task_spec import SPLITS, TaskSpec


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
    task = known_tasks.custom_task(
        text_column=config.text_column,
        text_pair_column=config.text_pair_column,
        label_column=config.label_column,
        is_regression=config.task_type == "regression",
        label_names=config.label_names,
        metric=config.metric,
    )
    if config.tfds_name is not None:
        task = tfds_task.describe_task(
            task, config.tfds_name, config.tfds_data_dir
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
) -> TaskData:
    """Reads the splits of a run, the same ones whenever it is called.

    Args:
        config: Of the run.
        task: Of `get_task`.
        record: The content of its `splits.json`, if it has begun: its examples
            are taken, and nothing is drawn. None draws them by the flags.
        copies_together: False if the run has begun and has no record: it is
            of an earlier version, which let copies be in several splits.

    Raises:
        ChangedDataError: The data is not that of `record`.
        FileNotFoundError: A file does not exist.
        ValueError: Files or flags are missing or contradict each other, or a
            row is wrong; the message names file, row and column.
    """
    rules = dataclasses.replace(_rules(config), copies_together=copies_together)
    divided = "validation" if rules.split_dev_in_half else "train"
    task, splits = load_splits.read_splits(
        task, config, divided="" if record else divided
    )
    digests = {
        split: digest_rows(examples, task.label_names)
        for split, examples in splits.items()
    }
    if record:
        stored = StoredRows.parse(record)
        stored.check(digests)
        splits = stored.select(splits)
    else:
        num_classes = None if task.is_regression else len(task.label_names)
        splits = divide(splits, num_classes, rules)
    num_in_train = count_in_train(splits)
    named = {split: splits.pop(split, None) for split in SPLITS}
    data = TaskData(
        task=task,
        **named,
        further=splits,
        digests=digests,
        num_in_train=num_in_train,
    )
    _log_sizes(data)
    return data


def check_is_used(config: Config, data: TaskData) -> None:
    """Refuses what is said of data that has no use for it.

    Of a new run: one that has begun goes on with what it was begun with.

    Args:
        data: Of `load`.
    """
    proportions = {
        "validation": config.validation_proportion,
        "test": config.test_proportion,
    }
    for split, proportion in proportions.items():
        name = f"{split}_proportion"
        if split in data.digests and proportion != SETTINGS[name].default:
            raise ValueError(
                f"`{name}` is a share of the training examples, but the data "
                f"has a {split} split of its own. {received(config, name)}, "
                f"{data.digests[split].source}. Leave out --{name}; or, to "
                f"hold examples out, pass --train_file without --{split}_file."
            )
    files = [*given_files(config).values(), config.predict_file]
    check_text_format(config, [file for file in files if file])


def check_text_format(config: Config, files: Collection[str]) -> None:
    """Refuses an encoding or a delimiter that none of these files has."""
    has_lines = has_fields = False
    if STANDARD_INPUT in files:
        has_lines = True
        has_fields = get_trained_task(config).text_pair_column is not None
    if config.encoding and not (
        has_lines or any(map(table_formats.has_encoding, files))
    ):
        raise _no_use_error(config, "encoding", "of text", files)
    if config.delimiter and not (
        has_fields or any(map(table_formats.has_delimiter, files))
    ):
        raise _no_use_error(config, "delimiter", ".csv, .tsv or .txt", files)


def _no_use_error(
    config: Config, name: str, which: str, files: Collection[str]
) -> ValueError:
    return ValueError(
        f"`{name}` is about your own files, none of which is {which}. "
        f"{received(config, name)} for {', '.join(files) or 'no file'}. Leave "
        f"out --{name}, or correct the --*_file flag."
    )


def file_to_predict(config: Config, task: TaskSpec) -> UnlabelledFile:
    """Returns `predict_file`, whose columns are those of the task."""
    return UnlabelledFile(
        config.predict_file,
        task.text_column,
        task.text_pair_column,
        config.text_format,
    )


def as_begun(data: TaskData, begun: Mapping[str, Any]) -> TaskData:
    """Returns the data of a run with the positive label that it began with.

    Args:
        data: Of `load`.
        begun: The stored configuration of the run. A version without
            `positive_label` took the second class.
    """
    task = data.task
    label = positive_class.recorded(
        begun.get("positive_label"), task.label_names
    )
    if label != task.positive_label:
        logging.info("The run was begun with F1 of class %s: it stays.", label)
    return dataclasses.replace(
        data, task=dataclasses.replace(task, positive_label=label)
    )


def record(config: Config, data: TaskData) -> dict:
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


def _log_sizes(data: TaskData) -> None:
    splits = data.splits()
    for split, rows in splits.items():
        logging.info("%s: %d rows of %s", split, len(rows), rows.source)
    for split in SPLITS:
        if split not in splits:
            logging.info("%s: none", split)
    if data.task.label_names:
        logging.info("labels: %s", ", ".join(data.task.label_names))


def _rules(config: Config) -> DivisionRules:
    return DivisionRules(
        validation_proportion=config.validation_proportion,
        test_proportion=config.test_proportion,
        split_dev_in_half=config.split_dev_in_half,
        max_train_examples=config.max_train_examples,
        split_seed=config.split_seed,
    )
