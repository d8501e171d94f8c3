"""From files to `Examples`: the splits of a task.

Labelled files are read whole, since a split is used many times; rows to
predict stream, see `unlabelled.py`.
"""

import dataclasses
import importlib.resources
import os
from collections.abc import Mapping

import numpy as np
from absl import logging

from tf_bert import gfile_io
from tf_bert.data.columns import check_texts, label_of, open_with_columns
from tf_bert.data.examples import Examples
from tf_bert.data.labels import (
    LabelColumn,
    check_two_classes,
    encode_classes,
    find_label_names,
    parse_scores,
)
from tf_bert.data.splits import stratified_split
from tf_bert.data.tasks import TaskSpec
from tf_bert.text_format import TextFormat

_SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class TaskData:
    """A task and its splits.

    Args:
        task: With `label_names` filled in, unless it is a regression.
        train: Labelled, as the others.
        validation: None if there is no file and nothing was held out.
        test: The same.
    """

    task: TaskSpec
    train: Examples
    validation: Examples | None
    test: Examples | None


def load_splits(
    task: TaskSpec,
    *,
    data_dir: str | None = None,
    train_file: str | None = None,
    validation_file: str | None = None,
    test_file: str | None = None,
    validation_proportion: float = 0.1,
    test_proportion: float = 0.0,
    split_seed: int = 0,
    text_format: TextFormat | None = None,
) -> TaskData:
    """Reads all the labelled data of a task.

    A split comes from the file given for it, else from `data_dir` (for a
    bundled task: from the package), else it is held out of the training
    file. Rows stay in file order in every split.

    Args:
        task: Of `TASKS`, or a custom one.
        data_dir: The folder that holds the task's files, or its parent (the
            folder of all GLUE tasks). Local or `gs://`.
        train_file: Path of the training file; goes before `data_dir`.
        validation_file: The same for validation.
        test_file: The same for test.
        validation_proportion: In [0, 1). Share of the training file that is
            held out if there is no validation file, by class; 0: no
            validation split. See `stratified_split`.
        test_proportion: The same for test; 0: no test split. Held out after
            validation, whose rows do not depend on it.
        split_seed: In [0, 2**64). Decides which rows are held out.
        text_format: How the files that are given one by one are written;
            None: to be detected. The files of `data_dir` are the task's own.

    Returns:
        `TaskData`, with the label names of the training data filled in.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: Files or flags are missing or contradict each other, or a
            row is wrong; the message names file, row and column.
    """
    files = {
        "train": train_file,
        "validation": validation_file,
        "test": test_file,
    }
    paths = _find_files(task, data_dir, files)
    proportions = {"validation": validation_proportion, "test": test_proportion}
    held_out = {s: p for s, p in proportions.items() if s not in paths}
    _check_rows_remain(held_out)
    formats = {split: text_format for split, path in files.items() if path}
    task, train = _load_train(task, paths["train"], formats.get("train"))
    train, splits = _hold_out(train, held_out, split_seed)
    for split in proportions:
        if split in paths:
            splits[split] = load_split(
                task, paths[split], text_format=formats.get(split)
            )
    data = TaskData(task, train, splits["validation"], splits["test"])
    _log_sizes(data)
    return data


def load_split(
    task: TaskSpec, path: str, *, text_format: TextFormat | None = None
) -> Examples:
    """Reads one labelled file of a task whose labels are known.

    Args:
        task: With `label_names`, unless it is a regression.
        path: A file or a pattern; see `tables.open_table`.
        text_format: How it is written; None: to be detected.

    Returns:
        `Examples`, labelled.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: `label_names` is missing, or a row is wrong.
    """
    if task.label_names is None and not task.is_regression:
        raise ValueError(
            "The labels of a task must be known before a single file is read. "
            f"Received: label_names=None for {path}. Pass --label_names, or "
            "read the training file too."
        )
    examples, column = _read_labelled(task, path, text_format)
    return _with_labels(examples, column, task, expected="the training labels")


def _find_files(
    task: TaskSpec, data_dir: str | None, files: Mapping[str, str | None]
) -> dict[str, str]:
    """Returns split -> path, for the splits that have a file."""
    paths = {}
    if data_dir is not None and not task.file_names:
        raise ValueError(
            "`data_dir` must be left out for your own files, whose names are "
            f"not known. Received: data_dir={data_dir!r}. Pass --train_file "
            "(and --validation_file, --test_file), or a --task_name."
        )
    if data_dir is None and task.is_bundled:
        data_dir = os.fspath(importlib.resources.files("tf_bert") / "data")
    if data_dir is not None:
        folder = _find_task_folder(task, data_dir)
        for split, name in task.file_names.items():
            paths[split] = os.path.join(folder, name)
    paths.update({split: path for split, path in files.items() if path})
    if "train" not in paths:
        choice = "--data_dir or " if task.file_names else ""
        raise ValueError(
            "A task must have training data. Received: train_file=None, "
            f"data_dir=None for task_name={task.name!r}. Pass {choice}"
            "--train_file."
        )
    return {split: paths[split] for split in _SPLITS if split in paths}


def _find_task_folder(task: TaskSpec, data_dir: str) -> str:
    folders = [data_dir]
    if task.folder_name:
        folders.append(os.path.join(data_dir, task.folder_name))
    for folder in folders:
        for name in task.file_names.values():
            if gfile_io.exists(os.path.join(folder, name)):
                return folder
    names = " and ".join(task.file_names.values())
    raise FileNotFoundError(
        f"`data_dir` must hold {names}, or a folder {task.folder_name} that "
        f"does. Received: data_dir={data_dir!r}. Correct --data_dir, or pass "
        "the files by --train_file and --validation_file."
    )


def _load_train(
    task: TaskSpec, path: str, text_format: TextFormat | None
) -> tuple[TaskSpec, Examples]:
    """Reads the training file and takes the label names from it."""
    examples, column = _read_labelled(task, path, text_format)
    if not task.is_regression:
        check_two_classes(column)
        names = task.label_names or find_label_names(column)
        task = dataclasses.replace(task, label_names=names)
        _check_f1_is_binary(task)
    return task, _with_labels(examples, column, task, expected="`label_names`")


def _read_labelled(
    task: TaskSpec, path: str, text_format: TextFormat | None
) -> tuple[Examples, LabelColumn]:
    """Reads one file; the examples are still without their labels."""
    table, (label, *text_indices) = open_with_columns(
        path,
        {
            "label_column": task.label_column,
            "text_column": task.text_column,
            "text_pair_column": task.text_pair_column,
        },
        text_format,
    )
    columns: list[list[str]] = [[] for _ in text_indices]
    labels = []
    files = []
    for row in table.rows():
        check_texts(table, row, text_indices)
        if row.number_in_file == 1:
            files.append((row.path, len(labels)))
        labels.append(label_of(table, row, label))
        for column, index in zip(columns, text_indices, strict=True):
            column.append(row.fields[index])
    examples = Examples(
        texts=tuple(columns[0]),
        text_pairs=tuple(columns[1]) if len(columns) == 2 else None,
        labels=None,
        row_numbers=np.arange(1, len(labels) + 1, dtype=np.int64),
        source=table.path,
    )
    name = table.columns[label]
    return examples, LabelColumn(name, tuple(labels), table.path, tuple(files))


def _with_labels(
    examples: Examples, column: LabelColumn, task: TaskSpec, *, expected: str
) -> Examples:
    if task.is_regression:
        labels = parse_scores(column)
    else:
        labels = encode_classes(column, task.label_names, expected=expected)
    return dataclasses.replace(examples, labels=labels)


def _check_f1_is_binary(task: TaskSpec) -> None:
    if task.metric == "f1" and len(task.label_names) != 2:
        raise ValueError(
            "`metric` f1 must have two classes, of which the second is the "
            f"positive one. Received: {len(task.label_names)} classes "
            f"({', '.join(task.label_names[:20])}). Pass --metric=macro_f1."
        )


def _check_rows_remain(proportions: Mapping[str, float]) -> None:
    if sum(proportions.values()) >= 1:
        received = ", ".join(
            f"{split}_proportion={proportion}"
            for split, proportion in proportions.items()
        )
        raise ValueError(
            "The held-out parts must leave rows to train on: their sum must "
            f"be below 1. Received: {received}. Lower "
            "--validation_proportion or --test_proportion."
        )


def _hold_out(
    train: Examples, proportions: Mapping[str, float], seed: int
) -> tuple[Examples, dict[str, Examples | None]]:
    """Returns what remains, and split -> rows (None where 0 is asked for)."""
    splits: dict[str, Examples | None] = {}
    remaining = 1.0  # Share of the file that `train` still holds.
    for split, proportion in proportions.items():
        if proportion == 0:
            splits[split] = None
            continue
        kept, held_out = stratified_split(
            train.labels, proportion / remaining, seed
        )
        splits[split], train = train.select(held_out), train.select(kept)
        remaining -= proportion
    return train, splits


def _log_sizes(data: TaskData) -> None:
    for split in _SPLITS:
        examples = getattr(data, split)
        if examples is None:
            logging.info("%s: none", split)
        else:
            logging.info(
                "%s: %d rows of %s", split, len(examples), examples.source
            )
    if data.task.label_names:
        logging.info("labels: %s", ", ".join(data.task.label_names))
