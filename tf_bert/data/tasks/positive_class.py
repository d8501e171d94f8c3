"""Which of two classes F1 and average precision are about.

Both are asymmetric: of the rare class and of the frequent one they are two
different numbers. Every score of a run is of one class, which is chosen here
when the training data is read, unless `--positive_label` names it.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from absl import logging

from tf_bert.data.tasks.labels import class_key

# What the found class is called, whatever the other one is; in lower case.
_WORDS = frozenset({"yes", "true", "positive", "spam"})


@dataclasses.dataclass(frozen=True)
class PositiveClass:
    """One of two classes, of id 0 or 1: the one that is to be found."""

    id: int
    label: str


def resolve(
    label: str | None, label_names: Sequence[str] | None, labels: np.ndarray
) -> str | None:
    """Returns the positive class of a task; None unless there are two classes.

    Args:
        label: That was asked for, or that the task has. None: `1` beside `0`,
            or the only class that is called yes, true, positive or spam, in
            capitals or not; else the one of fewer examples; of equals, the
            second.
        label_names: In the order of their ids; None for a regression.
        labels: int `[M]` of the training data as it is read, before any is
            held out: so it depends neither on a split nor on its seed.
    """
    if label_names is not None and len(label_names) == 2:
        if label is None:
            return _choose(label_names, np.bincount(labels, minlength=2))
        return find(label, label_names).label
    if label is None:
        return None
    kind = "regression"
    if label_names is not None:
        kind = f"{len(label_names)} classes ({', '.join(label_names[:20])})"
    raise ValueError(
        "`positive_label` is for two classes alone, to take F1 of one of "
        f"them. Received: positive_label={label!r}, {kind}. Leave out "
        "--positive_label."
    )


def find(label: str, label_names: Sequence[str]) -> PositiveClass:
    """Returns the class of that name, which must be one of the two."""
    if label not in label_names:
        raise ValueError(
            f"`positive_label` must be one of: {', '.join(label_names)}. "
            f"Received: positive_label={label!r}. Correct --positive_label."
        )
    return PositiveClass(list(label_names).index(label), label)


def recorded(
    label: str | None, label_names: Sequence[str] | None
) -> str | None:
    """Returns the class that the scores of a run or trial are of.

    Args:
        label: That it has stored; None: it was written when that was always
            the second class, or has not two classes.
        label_names: Of its model; None for a regression.
    """
    if label_names is None or len(label_names) != 2:
        return None
    return find(label_names[1] if label is None else label, label_names).label


def _choose(label_names: Sequence[str], sizes: Sequence[int]) -> str:
    found, reason = _by_name(label_names), "by its name"
    if found is None:
        found, reason = int(sizes[1] <= sizes[0]), "the rarer one"
        if sizes[0] == sizes[1]:
            reason = "the second of equally frequent ones"
    logging.info(
        "F1 and average precision are of class %s, %s (--positive_label).",
        label_names[found],
        reason,
    )
    return label_names[found]


def _by_name(label_names: Sequence[str]) -> int | None:
    """The id of the class whose name says that it is the positive one."""
    keys = [class_key(name) for name in label_names]
    if set(keys) == {"0", "1"}:
        return keys.index("1")
    named = [i for i, x in enumerate(label_names) if x.lower() in _WORDS]
    return named[0] if len(named) == 1 else None
