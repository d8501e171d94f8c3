"""From files to `Examples`: the splits of a task, and rows to predict.

Labelled files are read whole, since a split is used many times. Files to
predict stream: memory does not grow with the number of rows.
"""

import dataclasses
import importlib.resources
import os
from collections.abc import Iterator, Mapping

import numpy as np
from absl import logging

from tf_bert import gfile_io
from tf_bert.data.examples import Examples
from tf_bert.data.labels import (
    LabelColumn,
    check_two_classes,
    encode_classes,
    find_label_names,
    parse_scores,
)
from tf_bert.data.splits import stratified_split
from tf_bert.data.tables import Row, Table, open_table, uses_header
from tf_bert.data.tasks import TaskSpec

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


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Some consecutive rows of a file to predict.

    Args:
        columns: Names in the header, or `column_1`, `column_2`, ...
        rows: The fields of each row, unchanged, in the order of `columns`.
        texts: One per row.
        text_pairs: One per row, or None for single texts.
    """

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    texts: tuple[str, ...]
    text_pairs: tuple[str, ...] | None


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
    task, train = _load_train(task, paths["train"])
    train, splits = _hold_out(train, held_out, split_seed)
    for split in proportions:
        if split in paths:
            splits[split] = load_split(task, paths[split])
    data = TaskData(task, train, splits["validation"], splits["test"])
    _log_sizes(data)
    return data


def load_split(task: TaskSpec, path: str) -> Examples:
    """Reads one labelled file of a task whose labels are known.

    Args:
        task: With `label_names`, unless it is a regression.
        path: A `.csv`, `.tsv` or `.txt` file; see `tables.py`.

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
    examples, column = _read_labelled(task, path)
    return _with_labels(examples, column, task, expected="the training labels")


def iterate_unlabelled(
    path: str,
    *,
    text_column: str,
    text_pair_column: str | None = None,
    chunk_rows: int = 1024,
) -> Iterator[Chunk]:
    """Yields the rows of a file to predict, a few at a time.

    A label column may be there or not: it is a column like any other.

    Args:
        path: A `.csv`, `.tsv` or `.txt` file; see `tables.py`.
        text_column: Name in the header, or digits: the number of the column,
            counted from 1, in a file without a header.
        text_pair_column: The same for the second text; None: single texts.
        chunk_rows: At least 1. Rows per chunk; the last may have fewer.

    Yields:
        `Chunk`, in file order. Each input row is in one of them.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: `chunk_rows` is below 1, or a row is wrong. Rows before
            it have been yielded by then: see `check_unlabelled`.
    """
    if chunk_rows < 1:
        raise ValueError(
            "`chunk_rows` must be an integer >= 1. Received: "
            f"chunk_rows={chunk_rows}. Pass the number of rows of a chunk."
        )
    table, indices = _open_with_columns(
        path, {"text_column": text_column, "text_pair_column": text_pair_column}
    )
    rows: list[tuple[str, ...]] = []
    for row in table.rows():
        _check_texts(table, row, indices)
        rows.append(row.fields)
        if len(rows) == chunk_rows:
            yield _as_chunk(table, rows, indices)
            rows = []
    if rows:
        yield _as_chunk(table, rows, indices)


def check_unlabelled(
    path: str, *, text_column: str, text_pair_column: str | None = None
) -> int:
    """Reads a file to predict from end to end and keeps nothing of it.

    So that a wrong row is found before the first prediction is computed.

    Args:
        path: See `iterate_unlabelled`, as for the others.
        text_column: Name or number.
        text_pair_column: Name or number, or None.

    Returns:
        The number of data rows, at least 1.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A row is wrong.
    """
    chunks = iterate_unlabelled(
        path, text_column=text_column, text_pair_column=text_pair_column
    )
    return sum(len(chunk.rows) for chunk in chunks)


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


def _load_train(task: TaskSpec, path: str) -> tuple[TaskSpec, Examples]:
    """Reads the training file and takes the label names from it."""
    examples, column = _read_labelled(task, path)
    if not task.is_regression:
        check_two_classes(column)
        names = task.label_names or find_label_names(column)
        task = dataclasses.replace(task, label_names=names)
        _check_f1_is_binary(task)
    return task, _with_labels(examples, column, task, expected="`label_names`")


def _read_labelled(task: TaskSpec, path: str) -> tuple[Examples, LabelColumn]:
    """Reads one file; the examples are still without their labels."""
    table, (label, *text_indices) = _open_with_columns(
        path,
        {
            "label_column": task.label_column,
            "text_column": task.text_column,
            "text_pair_column": task.text_pair_column,
        },
    )
    columns: list[list[str]] = [[] for _ in text_indices]
    labels = []
    for row in table.rows():
        _check_texts(table, row, text_indices)
        labels.append(row.fields[label].strip())
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
    return examples, LabelColumn(name, tuple(labels), table.path)


def _with_labels(
    examples: Examples, column: LabelColumn, task: TaskSpec, *, expected: str
) -> Examples:
    if task.is_regression:
        labels = parse_scores(column)
    else:
        labels = encode_classes(column, task.label_names, expected=expected)
    return dataclasses.replace(examples, labels=labels)


def _open_with_columns(
    path: str, columns: Mapping[str, str | None]
) -> tuple[Table, list[int]]:
    """Opens a file and finds its columns (flag -> name, number or None)."""
    table = open_table(path, has_header=uses_header(columns))
    given = [column for column in columns.values() if column is not None]
    return table, [table.column_index(column) for column in given]


def _check_texts(table: Table, row: Row, indices: list[int]) -> None:
    for index in indices:
        if not row.fields[index].strip():
            name = table.columns[index]
            raise ValueError(
                f"`{name}` must hold a text in every row. Received: "
                f"{name}={row.fields[index]!r} in {table.path}, row "
                f"{row.number} (line {row.line}). Fill in the text, or delete "
                "the row."
            )


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


def _as_chunk(
    table: Table, rows: list[tuple[str, ...]], indices: list[int]
) -> Chunk:
    texts, *pairs = (tuple(row[i] for row in rows) for i in indices)
    return Chunk(table.columns, rows, texts, pairs[0] if pairs else None)


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
