"""From the strings in a label column to class ids or scores.

White space around a label is not part of it. A class may be spelt in more
than one way, as programs and formats write it: a whole number with or without
zeros behind the point (`1`, `1.0`), and true and false in capitals or not
(`True`, `TRUE`, `true`). Other words differ as soon as a letter does.
"""

import dataclasses
import re
from collections.abc import Callable, Sequence

import numpy as np
from absl import logging

# Beyond these, a column of classes is taken for a column of texts or scores.
_MAX_CLASSES = 1000
_MAX_DISTINCT_SHARE = 0.5
_MIN_ROWS_FOR_SHARE = 50

# What float() accepts and a spreadsheet writes: no "nan", "inf" or "1_000".
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# No zeros in front: 007 and 7 may well be two codes.
_WHOLE_NUMBER = re.compile(r"(-?(?:0|[1-9]\d*))\.0+", re.ASCII)

# As a float32, anything larger would become infinite.
_MAX_SCORE = float(np.finfo(np.float32).max)


@dataclasses.dataclass(frozen=True)
class LabelColumn:
    """The label column of one file.

    Args:
        name: Name in the header, or `column_2`.
        values: One string per data row, in file order, stripped.
        source: Path of the file, or a pattern, for messages.
        paths: The file of each value; empty: `source`.
        row_numbers: Of each value in its file; empty: counted from 1.
    """

    name: str
    values: tuple[str, ...]
    source: str
    paths: tuple[str, ...] = ()
    row_numbers: tuple[int, ...] = ()

    def __post_init__(self):
        self.refuse(
            lambda value: not value,
            f"A row has no label in `{self.name}`.",
            "Fill in the label, or delete the row.",
        )

    def at(self, index: int) -> str:
        """Returns ``name='value' in file, row n`` for a message."""
        path = self.paths[index] if self.paths else self.source
        row = self.row_numbers[index] if self.row_numbers else index + 1
        return f"{self.name}={self.values[index]!r} in {path}, row {row}"

    def refuse(
        self, is_wrong: Callable[[str], bool], what: str, advice: str
    ) -> None:
        """Raises `ValueError` at the first wrong value, if there is one."""
        for index, value in enumerate(self.values):
            if is_wrong(value):
                raise ValueError(f"{what} Received: {self.at(index)}. {advice}")


def class_key(label: str) -> str:
    """Returns what two spellings of one class have in common.

    Example:
        >>> [class_key(label) for label in ("1.0", "TRUE", "Maybe", "1.5")]
        ['1', 'true', 'Maybe', '1.5']
    """
    if whole := _WHOLE_NUMBER.fullmatch(label):
        return whole[1]
    lower = label.lower()
    return lower if lower in ("true", "false") else label


def find_label_names(column: LabelColumn) -> tuple[str, ...]:
    """Returns the different labels of a training file, in the order of ids.

    Sorted by Unicode code point or, if all are numbers, by value. A class
    that is spelt in one way has that name, else its `class_key`.

    Raises:
        ValueError: A value is `nan`, or the values look like scores or texts:
            a number that is not whole, more than half of 50 or more rows
            distinct, or more than 1000 classes.
    """
    column.refuse(
        lambda value: value.lower() == "nan",
        f"A row has no label in `{column.name}`: NaN is how programs write "
        "that there is none.",
        "Fill in the label, delete the row, or pass --label_names=... with "
        "every value if it is a class.",
    )
    column.refuse(
        lambda value: (
            _NUMBER.fullmatch(value) and not float(value).is_integer()
        ),
        f"`{column.name}` holds scores, where classification needs names of "
        "classes.",
        "Pass --task_type=regression, or --label_names=... with every value "
        "if these are names of classes.",
    )
    names = _merge_spellings(set(column.values))
    _check_number_of_classes(column, len(names))
    if all(_NUMBER.fullmatch(name) for name in names):
        return tuple(sorted(names, key=lambda name: (float(name), name)))
    return tuple(sorted(names))


def encode_classes(
    column: LabelColumn, label_names: Sequence[str], *, expected: str
) -> np.ndarray:
    """Returns the class ids of a label column, int32 `[N]`.

    Args:
        column: Its values are class names, spelt so or in another way.
        label_names: C names, in the order of their ids.
        expected: What `label_names` is, for the message: "the training
            labels".
    """
    ids = {name: index for index, name in enumerate(label_names)}
    keys = [class_key(name) for name in label_names]
    for value in set(column.values).difference(ids):
        key = class_key(value)
        # Names that differ in their spelling alone are told apart by it.
        if keys.count(key) == 1:
            ids[value] = keys.index(key)
    for index, value in enumerate(column.values):
        if value not in ids:
            more = (*label_names, value)
            raise ValueError(
                f"`{column.name}` holds a value that is not in {expected}. "
                f"Received: {column.at(index)} (labels: "
                f"{_listing(label_names, ', ')}). Correct the row, or pass "
                f"--label_names={_listing(more, ',')}."
            )
    return np.array([ids[value] for value in column.values], np.int32)


def parse_scores(column: LabelColumn) -> np.ndarray:
    """Returns the scores of a regression task, float32 `[N]`, all finite."""
    column.refuse(
        lambda value: (
            not _NUMBER.fullmatch(value) or abs(float(value)) > _MAX_SCORE
        ),
        f"`{column.name}` holds no finite number (3.5, for example), as "
        "regression needs it.",
        "Correct the row, or pass --task_type=classification.",
    )
    return np.array([float(value) for value in column.values], np.float32)


def check_two_classes(column: LabelColumn) -> None:
    """Raises `ValueError` if all labels of a training file are the same."""
    if len({class_key(value) for value in column.values}) < 2:
        raise ValueError(
            "All training examples have the same label. Received: "
            f"{column.name}={column.values[0]!r} in each of the "
            f"{len(column.values)} rows of {column.source}. Add rows of "
            "another class, or correct --label_column."
        )


def _merge_spellings(values: set[str]) -> set[str]:
    """Returns one name for each class."""
    spellings: dict[str, list[str]] = {}
    for value in sorted(values):
        spellings.setdefault(class_key(value), []).append(value)
    for key, same in spellings.items():
        if len(same) > 1:
            logging.info("Labels %s: one class, %s.", ", ".join(same), key)
    return {
        same[0] if len(same) == 1 else key for key, same in spellings.items()
    }


def _check_number_of_classes(column: LabelColumn, num_classes: int) -> None:
    rows = len(column.values)
    is_mostly_distinct = num_classes > rows * _MAX_DISTINCT_SHARE
    if num_classes > _MAX_CLASSES or (
        rows >= _MIN_ROWS_FOR_SHARE and is_mostly_distinct
    ):
        raise ValueError(
            f"`{column.name}` must hold class names: at most {_MAX_CLASSES} "
            "classes, and with "
            f"{_MIN_ROWS_FOR_SHARE} rows or more at most half as many "
            f"classes as rows. Received: {num_classes} different values in "
            f"the {rows} rows of {column.source}; this looks like a column "
            "of texts or scores. Correct --label_column, or pass "
            "--task_type=regression for scores."
        )


def _listing(names: Sequence[str], separator: str) -> str:
    """Joins names; of many, the first and the last ones."""
    if len(names) > 20:
        names = (*names[:10], "...", *names[-5:])
    return separator.join(names)
