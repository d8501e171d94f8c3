"""`scored_rows.tsv`: what a model says of every labelled row, kept exactly.

No text of the data stands in it: a row is told by its place in its split.
Pictures, paired tests and lists of mistakes come from this file, without the
model. No TensorFlow.

Letters: N rows of a split, C classes.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

_COLUMNS = ("split", "row", "label", "prediction")
_DECIMALS = 8
# Each of C rounded shares is off by half of 1e-8.
_SUM_TOLERANCE = 1e-6


class ScoredRows(NamedTuple):
    """The rows of one split, in the order in which the data is read.

    Args:
        labels: `[N]`. int64 class ids, or float64 scores for a regression.
        predictions: `[N]`, of the same kind.
        probabilities: float64 `[N, C]`, of each class; None for a regression.
    """

    labels: np.ndarray
    predictions: np.ndarray
    probabilities: np.ndarray | None = None

    def is_wrong(self) -> np.ndarray:
        """bool `[N]`: where the predicted class is not the label."""
        return self.predictions != self.labels


def write(
    splits: Mapping[
        str, tuple[np.ndarray, np.ndarray, np.ndarray | None] | ScoredRows
    ],
) -> str:
    """Returns the file's text; the same rows give the same text.

    Labels and scores are written so that they are read back without loss,
    probabilities with 8 decimals. With no split the file is a header alone.

    Example:
        >>> rows = ([1], [0], [[0.75, 0.25]])
        >>> print(write({"test": rows}).expandtabs(11), end="")
        split      row        label      prediction p_0        p_1
        test       0          1          0          0.75       0.25
    """
    rows = {split: ScoredRows(*parts) for split, parts in splits.items()}
    lines = ["\t".join([*_COLUMNS, *_class_columns(rows)])]
    for split, (labels, predictions, probabilities) in rows.items():
        shares = [()] * len(labels)
        if probabilities is not None:
            shares = np.asarray(probabilities, np.float64).tolist()
        for number, (label, prediction, row_shares) in enumerate(
            zip(labels, predictions, shares, strict=True)
        ):
            # str() of a NumPy float32 is the shortest text that is read back
            # as the same float32.
            fields = [split, str(number), str(label), str(prediction)]
            fields += [repr(round(share, _DECIMALS)) for share in row_shares]
            lines.append("\t".join(fields))
    return "\n".join(lines) + "\n"


def _class_columns(splits: Mapping[str, ScoredRows]) -> list[str]:
    first = next(iter(splits.values()), None)
    if first is None or first.probabilities is None:
        return []
    return [f"p_{i}" for i in range(np.shape(first.probabilities)[1])]


def read(text: str, path: str) -> dict[str, ScoredRows]:
    """Returns what `write` was given: split -> rows, in their order.

    Args:
        text: Content of the file.
        path: Where it was read, for messages.

    Example:
        >>> rows = ([3.8], [np.float32(2.5)], None)
        >>> read(write({"test": rows}), "scored_rows.tsv")["test"].labels
        array([3.8])
    """
    if not text.endswith("\n"):
        raise _damaged(path, "it does not end with a line break")
    header, *lines = text[:-1].split("\n")
    columns = header.split("\t")
    num_classes = len(columns) - len(_COLUMNS)
    expected = [*_COLUMNS, *(f"p_{i}" for i in range(num_classes))]
    if columns != expected or num_classes == 1:
        raise _damaged(path, f"its header is {header!r}")
    splits: dict[str, list[tuple]] = {}
    last = None
    for number, line in enumerate(lines, start=2):
        split, *fields = line.split("\t")
        rows = splits.setdefault(split, [])
        is_next = fields[:1] == [str(len(rows))] and (split == last or not rows)
        if len(fields) != len(columns) - 1 or not is_next:
            raise _damaged(path, f"line {number} is not the next row")
        last = split
        try:
            rows.append(_parse(fields[1:], num_classes))
        except ValueError as error:
            raise _damaged(path, f"line {number}: {error}") from error
    return {split: _gather(rows) for split, rows in splits.items()}


def _parse(fields: list[str], num_classes: int) -> tuple:
    """Returns label, prediction and probabilities of one line."""
    numbers = [float(field) for field in fields]
    if not np.isfinite(numbers).all():
        raise ValueError("a number is not finite")
    if not num_classes:
        return (*numbers, None)
    ids = [int(field) for field in fields[:2]]
    if min(ids) < 0 or max(ids) >= num_classes:
        raise ValueError(f"a class id is not in 0 .. {num_classes - 1}")
    shares = numbers[2:]
    if min(shares) < 0 or abs(sum(shares) - 1) > _SUM_TOLERANCE:
        raise ValueError("the probabilities do not sum to 1")
    return (*ids, shares)


def _gather(rows: list[tuple]) -> ScoredRows:
    labels, predictions, shares = zip(*rows, strict=True)
    return ScoredRows(
        np.array(labels),
        np.array(predictions),
        None if shares[0] is None else np.array(shares),
    )


def _damaged(path: str, reason: str) -> ValueError:
    return ValueError(
        f"The file of scored rows is damaged: {reason}. Received: {path}. "
        "It was changed by hand or cut off: restore it, or train again "
        "(--overwrite_output_dir; for a trial, remove its JSON file)."
    )
