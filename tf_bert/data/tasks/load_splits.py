"""From files or tensorflow-datasets to `Examples`: the splits of a task.

Labelled data is read whole, since a split is used many times; rows to
predict stream, see `unlabelled.py`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.columns import (
    check_texts,
    open_with_columns,
    word_of,
)
from tf_bert.data.tasks import positive_class, tfds_source
from tf_bert.data.tasks.copies import count_in_train
from tf_bert.data.tasks.data_sources import DataSources
from tf_bert.data.tasks.divide import DivisionRules, divide
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.labels import (
    LabelColumn,
    check_two_classes,
    encode_classes,
    find_label_names,
    parse_scores,
)
from tf_bert.data.tasks.row_digests import RowDigests, digest_rows
from tf_bert.data.tasks.stored_rows import StoredRows
from tf_bert.data.tasks.task_spec import SPLITS, TaskSpec


@dataclasses.dataclass(frozen=True)
class TaskData:
    """A task and its labelled splits; those that there are not are None.

    Args:
        task: With `label_names` filled in, unless it is a regression, and
            with the `positive_label` of two.
        further: Other splits that the task is evaluated on, by name: MNLI's
            `validation_mismatched`.
        digests: Split of the task, before any was divided -> all its examples.
        num_in_train: Split -> how many of its examples are copies of training
            examples, where there are any.
    """

    task: TaskSpec
    train: Examples
    validation: Examples | None
    test: Examples | None
    further: Mapping[str, Examples] = dataclasses.field(default_factory=dict)
    digests: Mapping[str, RowDigests] = dataclasses.field(default_factory=dict)
    num_in_train: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def splits(self) -> dict[str, Examples]:
        """The splits that there are, by name; "train" is the first."""
        named = {
            "train": self.train,
            "validation": self.validation,
            **self.further,
            "test": self.test,
        }
        return {
            split: rows for split, rows in named.items() if rows is not None
        }


def load_splits(
    task: TaskSpec,
    sources: DataSources | None = None,
    *,
    rules: DivisionRules | None = None,
    record: Mapping[str, Any] | None = None,
) -> TaskData:
    """Reads all the labelled data of a task, in file order.

    Args:
        task: Of `TASKS`, or a custom one.
        sources: None: what comes with the package, or tensorflow-datasets.
        rules: What is held out, cut in half and left out.
        record: The content of a run's `splits.json`: its examples are taken,
            and nothing is drawn. None draws them by the rules.

    Raises:
        ChangedDataError: The data is not that of `record`.
        FileNotFoundError: A file does not exist.
        ValueError: Files or flags are missing or contradict each other, or a
            row is wrong; the message names file, row and column.
    """
    rules = rules or DivisionRules()
    divided = "validation" if rules.split_dev_in_half else "train"
    columns = _read_all(
        task, sources or DataSources(), divided="" if record else divided
    )
    task, splits = _label(task, columns)
    digests = {
        split: digest_rows(examples, task.label_names)
        for split, examples in splits.items()
    }
    if record:
        stored = StoredRows.parse(record)
        stored.check(digests)
        splits = stored.select(splits)
    else:
        splits = divide(
            splits,
            None if task.is_regression else len(task.label_names),
            rules,
        )
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


def load_split(
    task: TaskSpec, path: str, *, text_format: TextFormat | None = None
) -> Examples:
    """Reads one labelled file of a task whose labels are known."""
    if task.label_names is None and not task.is_regression:
        raise ValueError(
            "The labels of a single file must be known before it is read. "
            f"Received: label_names=None for {path}. Pass --label_names, or "
            "read the training file too."
        )
    task = dataclasses.replace(task, group_column=None)
    examples, column = _read_labelled(task, path, text_format)
    return _with_labels(examples, column, task, expected="the training labels")


def _read_all(
    task: TaskSpec, sources: DataSources, *, divided: str
) -> dict[str, tuple[Examples, LabelColumn]]:
    """Returns each split that is a split already; train is one of them.

    Groups are read of the split that is to be divided alone.
    """
    if task.tfds and sources.data_dir is None and not sources.files:
        return tfds_source.read_splits(
            task, sources.tfds_data_dir, divided=divided
        )
    without_groups = dataclasses.replace(task, group_column=None)
    return {
        split: _read_labelled(
            task if split == divided else without_groups,
            path,
            # Those of `data_dir` are written as the task's files are.
            sources.text_format if split in sources.files else None,
            allow_empty_texts=sources.allow_empty_texts,
        )
        for split, path in sources.find_files(task).items()
    }


def load_train(
    task: TaskSpec, path: str, *, text_format: TextFormat | None = None
) -> tuple[TaskSpec, Examples]:
    """Reads the training file and fills in the label names from it."""
    task, splits = _label(
        task, {"train": _read_labelled(task, path, text_format)}
    )
    return task, splits["train"]


def _label(
    task: TaskSpec, columns: Mapping[str, tuple[Examples, LabelColumn]]
) -> tuple[TaskSpec, dict[str, Examples]]:
    """Labels every split; the names are those of the training data."""
    if not task.is_regression:
        _, column = columns["train"]
        check_two_classes(column)
        names = task.label_names or find_label_names(column)
        task = dataclasses.replace(task, label_names=names)
        _check_f1_is_binary(task)
    expected = {"train": "`label_names`"}
    splits = {
        split: _with_labels(
            examples,
            column,
            task,
            expected=expected.get(split, "the training labels"),
        )
        for split, (examples, column) in columns.items()
    }
    positive = positive_class.resolve(
        task.positive_label, task.label_names, splits["train"].labels
    )
    label = None if positive is None else positive.label
    return dataclasses.replace(task, positive_label=label), splits


def _read_labelled(
    task: TaskSpec,
    path: str,
    text_format: TextFormat | None = None,
    *,
    allow_empty_texts: bool = False,
) -> tuple[Examples, LabelColumn]:
    """Reads one file; the examples are still without their labels."""
    table, (label, *indices) = open_with_columns(
        path,
        text_format,
        label_column=task.label_column,
        text_column=task.text_column,
        text_pair_column=task.text_pair_column,
        group_column=task.group_column,
    )
    has_groups = task.group_column is not None
    text_indices = indices[:-1] if has_groups else indices
    columns: list[list[str]] = [[] for _ in text_indices]
    labels, numbers, numbers_in_file, groups = [], [], [], []
    paths: list[str] = []
    malformed: list[int] | None = [] if task.has_malformed_rows else None
    for row in table.rows(short_rows=malformed):
        needed = [row.fields[i] for i in (label, *text_indices)]
        if malformed is not None and not all(map(str.strip, needed)):
            malformed.append(row.number)
            continue
        if not allow_empty_texts:
            check_texts(table, row, text_indices)
        paths.append(row.path)
        numbers.append(row.number)
        numbers_in_file.append(row.number_in_file)
        labels.append(word_of(table, row, label, "label"))
        if has_groups:
            groups.append(word_of(table, row, indices[-1], "group"))
        for column, index in zip(columns, text_indices, strict=True):
            column.append(row.fields[index])
    examples = Examples(
        texts=tuple(columns[0]),
        text_pairs=tuple(columns[1]) if len(columns) == 2 else None,
        labels=None,
        row_numbers=np.array(numbers, np.int64),
        source=table.path,
        groups=tuple(groups) if has_groups else None,
    )
    if malformed:
        _log_malformed(examples, malformed)
    name = table.columns[label]
    return examples, LabelColumn(
        name, tuple(labels), table.path, tuple(paths), tuple(numbers_in_file)
    )


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
            "`metric` f1 is of two classes, one of them the positive one. "
            f"Received: {len(task.label_names)} classes "
            f"({', '.join(task.label_names[:20])}). Pass --metric=macro_f1."
        )


def _log_malformed(examples: Examples, numbers: list[int]) -> None:
    logging.info(
        "%d malformed rows of %s are left out (the published files of this "
        "task have some): rows %s.",
        len(numbers),
        examples.source,
        ", ".join(map(str, sorted(numbers)[:10])),
    )


def _log_sizes(data: TaskData) -> None:
    splits = data.splits()
    for split, rows in splits.items():
        logging.info("%s: %d rows of %s", split, len(rows), rows.source)
    for split in SPLITS:
        if split not in splits:
            logging.info("%s: none", split)
    if data.task.label_names:
        logging.info("labels: %s", ", ".join(data.task.label_names))
