"""The numbers behind the pictures of scored rows.

One run, or several trials of one recipe on the same rows. No TensorFlow.

Letters: T trials, N rows, C classes, G points of recall.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from sklearn import metrics as sklearn_metrics

from tf_bert.scoring import metrics
from tf_bert.scoring.scored_rows import ScoredRows

# Where precision is taken, so that curves can be averaged.
RECALLS = np.arange(1, 201) / 200


@dataclasses.dataclass(frozen=True, eq=False)
class ClassCurve:
    """Precision against recall of one class against the rest.

    Attributes:
        base_rate: share of its rows: the precision of guessing.
        precision: float64 `[T, G]`, at `RECALLS`. At a recall r it is that of
            the fewest rows that reach r, so its mean over r is the average
            precision; nothing is interpolated.
        average_precision: float64 `[T]`.
    """

    class_id: int
    num_rows: int
    base_rate: float
    precision: np.ndarray
    average_precision: np.ndarray

    @property
    def mean(self) -> float:
        """The average precision, as the mean over the trials."""
        return float(self.average_precision.mean())


def confusion_counts(
    trials: Sequence[ScoredRows], num_classes: int
) -> np.ndarray:
    """Returns how often each class is taken for each other one.

    int64 `[C, C]`, the sum over the trials: row = label, column = prediction.
    """
    return np.sum(
        [
            metrics.confusion_matrix(
                rows.labels, rows.predictions, num_classes=num_classes
            )
            for rows in trials
        ],
        axis=0,
    )


def class_curves(trials: Sequence[ScoredRows]) -> list[ClassCurve]:
    """Returns the curve of every class that has one, hardest class first.

    A class has one if it has a row, and another class too. They are sorted by
    mean average precision, of equals by id.
    """
    labels = trials[0].labels
    sizes = np.bincount(labels, minlength=trials[0].probabilities.shape[1])
    curves = [
        _class_curve(trials, class_id, int(sizes[class_id]))
        for class_id in np.flatnonzero((0 < sizes) & (sizes < len(labels)))
    ]
    return sorted(curves, key=lambda curve: curve.mean)


def macro_average(curves: Sequence[ClassCurve]) -> float:
    """Returns the average precision as the mean over the classes."""
    return float(np.mean([curve.mean for curve in curves]))


def rarer_class(curves: Sequence[ClassCurve]) -> ClassCurve:
    """Returns the curve of the class of two that has fewer rows.

    Of equally frequent classes it is that of 1, the positive one.
    """
    return min(curves, key=lambda curve: (curve.num_rows, -curve.class_id))


def _class_curve(
    trials: Sequence[ScoredRows], class_id: int, num_rows: int
) -> ClassCurve:
    scored = [
        (rows.labels == class_id, rows.probabilities[:, class_id])
        for rows in trials
    ]
    return ClassCurve(
        class_id=int(class_id),
        num_rows=num_rows,
        base_rate=num_rows / len(trials[0].labels),
        precision=np.array([_precision_at_recalls(*s) for s in scored]),
        average_precision=np.array(
            [sklearn_metrics.average_precision_score(*s) for s in scored]
        ),
    )


def _precision_at_recalls(
    is_class: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Returns `[G]`: of the fewest rows whose recall is at least that."""
    precision, recall, _ = sklearn_metrics.precision_recall_curve(
        is_class, shares
    )
    # From the highest threshold down: recall rises. It is a multiple of
    # 1 / rows, but for rounding.
    places = np.searchsorted(recall[::-1], RECALLS - 1e-9)
    return precision[::-1][places]
