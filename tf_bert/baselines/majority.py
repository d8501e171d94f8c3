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
        probabilities: float64 `[C]`, the classes' shares of the training
            rows; None for regression.
    """

    prediction: int | float
    probabilities: np.ndarray | None = None

    def predict(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> np.ndarray:
        """Returns the answer for each of N texts, int64 or float64 `[N]`."""
        del text_pairs
        return np.full(len(texts), self.prediction)

    def predict_probabilities(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> np.ndarray:
        """Returns the training shares for each of N texts, `[N, C]`.

        Raises:
            ValueError: If the model is one for regression.
        """
        del text_pairs
        if self.probabilities is None:
            raise ValueError(
                "Probabilities exist for classes only. Received: a baseline "
                f"for regression, prediction={self.prediction}. Use "
                "`predict`."
            )
        return np.tile(self.probabilities, (len(texts), 1))


def fit_majority(
    texts: Sequence[str],
    text_pairs: Sequence[str] | None,
    labels: np.ndarray,
    *,
    num_classes: int,
) -> ConstantBaseline:
    """Returns the model that always answers the most frequent class.

    Args:
        texts: M training texts; not looked at.
        text_pairs: M second texts or None; not looked at.
        labels: int `[M]`, each in 0 .. C - 1; M >= 1.
        num_classes: C.

    Returns:
        The model. Of equally frequent classes it answers the lowest id.

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
    return ConstantBaseline(
        prediction=int(class_sizes.argmax()),
        probabilities=class_sizes / len(labels),
    )


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
