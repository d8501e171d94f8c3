"""Labelled data: from files or tensorflow-datasets to `Examples`.

It is read whole, since a split is used many times; rows to predict stream,
see `unlabelled.py`.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from absl import logging

from tf_bert.config import Config
from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.columns import (
    check_texts,
    open_with_columns,
    word_of,
)
from tf_bert.data.tasks import positive_class, tfds_source
from tf_bert.data.tasks.data_sources import find_files, given_files
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.labels import (
    LabelColumn,
    check_two_classes,
    encode_classes,
    find_label_names,
    parse_scores,
)
from tf_bert.data.tasks.row_digests import RowDigests
from tf_bert.data.tasks.task_spec import TaskSpec


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


def read_splits(
    task: TaskSpec, config: Config, *, divided: str
) -> tuple[TaskSpec, dict[str, Examples]]:
    """Reads and labels the splits that a task has, in file order.

    Without any file, a task that stands in tensorflow-datasets is read from
    there. The label names are those of the training data.

    Args:
        task: Of `run_data.get_task`.
        config: Says where its data is. In mode inspect, which reports them,
            empty texts are let through.
        divided: The split that is to be divided, the only one whose groups
            are read.
    """
    files = given_files(config)
    if task.tfds and config.data_dir is None and not files:
        columns = tfds_source.read_splits(
            task, config.tfds_data_dir, divided=divided
        )
        return _label(task, columns)
    without_groups = dataclasses.replace(task, group_column=None)
    columns = {
        split: _read_labelled(
            task if split == divided else without_groups,
            path,
            # Those of `data_dir` are written as the task's files are.
            config.text_format if split in files else None,
            allow_empty_texts=config.mode == "inspect",
        )
        for split, path in find_files(task, config).items()
    }
    return _label(task, columns)


def load_split(
    task: TaskSpec, path: str, *, text_format: TextFormat | None = None
) -> Examples:
    """Reads one labelled file of a task whose labels are known."""
    task = dataclasses.replace(task, group_column=None)
    examples, column = _read_labelled(task, path, text_format)
    return _with_labels(examples, column, task, expected="the training labels")


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
    splits = {}
    for split, (examples, column) in columns.items():
        named = "`label_names`" if split == "train" else "the training labels"
        splits[split] = _with_labels(examples, column, task, expected=named)
    label = positive_class.resolve(
        task.positive_label, task.label_names, splits["train"].labels
    )
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
        logging.info(
            "%d malformed rows of %s are left out (the published files of "
            "this task have some): rows %s.",
            len(malformed),
            table.path,
            ", ".join(map(str, sorted(malformed)[:10])),
        )
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
