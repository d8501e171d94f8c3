"""Baselines that do not read the text: the majority class and the mean.

A model that does not beat them has learned nothing. No TensorFlow.

Letters: N rows, M training rows, C classes.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class ConstantBaseline:
    """A model that gives every row the same answer.

    Args:
        prediction: The answer: a class id or a score.
    """

    prediction: int | float

    def predict(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> np.ndarray:
        """Returns the answer for each of N texts, int64 or float64 `[N]`."""
        del text_pairs
        return np.full(len(texts), self.prediction)


def fit_majority(
    texts: Sequence[str],
    text_pairs: Sequence[str] | None,
    labels: np.ndarray,
    *,
    num_classes: int,
    scored_labels: np.ndarray | None = None,
) -> ConstantBaseline:
    """Returns the model that always answers the most frequent class.

    Args:
        texts: M training texts; not looked at.
        text_pairs: M second texts or None; not looked at.
        labels: int `[M]`, each in 0 .. C - 1; M >= 1.
        num_classes: C.
        scored_labels: int `[N]` of the rows that it is scored on. A balanced
            sample has no majority: of classes that are equally frequent in
            training, but for one row, it answers the one that is most
            frequent here. Otherwise what it has to beat would be too low:
            0.32, not 0.68, on MRPC. None takes the lowest id.

    Returns:
        The model.

    Raises:
        ValueError: If there are no training rows.

    Example:
        >>> model = fit_majority(
        ...     ["a", "b", "c"], None, np.array([1, 0, 1]), num_classes=2
        ... )
        >>> model.predict(["d", "e"]).tolist()
        [1, 1]
    """
    del texts, text_pairs
    _check_not_empty(labels)
    class_sizes = np.bincount(labels, minlength=num_classes)
    if scored_labels is not None:
        scored_sizes = np.bincount(scored_labels, minlength=num_classes)
        is_majority = class_sizes >= class_sizes.max() - 1
        class_sizes = np.where(is_majority, scored_sizes, -1)
    return ConstantBaseline(prediction=int(class_sizes.argmax()))


def fit_mean(
    texts: Sequence[str],
    text_pairs: Sequence[str] | None,
    labels: np.ndarray,
) -> ConstantBaseline:
    """Returns the model that always answers the mean training score.

    Args:
        texts: M training texts; not looked at.
        text_pairs: M second texts or None; not looked at.
        labels: float `[M]`; M >= 1.

    Raises:
        ValueError: If there are no training rows.
    """
    del texts, text_pairs
    _check_not_empty(labels)
    return ConstantBaseline(prediction=float(np.mean(labels, dtype=np.float64)))


def _check_not_empty(labels: np.ndarray) -> None:
    if not len(labels):
        raise ValueError(
            "A baseline needs at least one training row. Received: 0 labels. "
            "Check --train_file or --data_dir."
        )
