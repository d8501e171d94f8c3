"""The 95 % interval of a score, or why there is none.

No TensorFlow. Letters: N rows, C classes.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from tf_bert.data.tasks.positive_class import PositiveClass
from tf_bert.scoring import class_intervals, number_texts, row_intervals
from tf_bert.scoring.metrics import confusion_matrix, metric_fn
from tf_bert.scoring.row_intervals import CONFIDENCE

# Down to these the intervals hold what they promise; see docs/verdict.md.
MIN_ROWS_OF_TWO_CLASSES = 10
MIN_ROWS_OF_A_CLASS = 5


@dataclasses.dataclass(frozen=True)
class ScoreInterval:
    """What is known of a score beside its value.

    Args:
        ends: ``(low, high)``; None where there is no interval.
        note: Why there is none, as in "too few examples of class x"; else "".
    """

    ends: tuple[float, float] | None
    note: str = ""

    def __str__(self) -> str:
        if self.ends is None:
            return f"[{self.note}]"
        return number_texts.bracketed(self.ends)

    def as_json(self, name: str) -> dict[str, Any]:
        """Returns ``{name_ci: [low, high]}``; None and a note without one."""
        if self.ends is None:
            return {f"{name}_ci": None, f"{name}_ci_note": self.note}
        return {f"{name}_ci": list(self.ends)}


def stored(scores: Mapping[str, Any], name: str) -> ScoreInterval | None:
    """Returns the interval of a metric among stored scores, if it has one.

    Args:
        scores: Metric -> value, with what `ScoreInterval.as_json` returns.
        name: Of the metric.
    """
    if f"{name}_ci" not in scores:
        return None
    ends = scores[f"{name}_ci"]
    return ScoreInterval(
        None if ends is None else tuple(ends), scores.get(f"{name}_ci_note", "")
    )


def score_interval(
    name: str,
    labels: np.ndarray,
    predictions: np.ndarray,
    *,
    label_names: Sequence[str] | None,
    positive: PositiveClass | None = None,
) -> ScoreInterval:
    """Returns the interval that suits the metric.

    It answers how much the value would change on other rows of the same kind,
    the trained model being fixed. Other seeds of the training are not in it.

    A proportion (accuracy) has Wilson's interval. F1, macro F1 and Matthews
    have those of `class_intervals`, where there are enough rows: of two
    classes 10 of each (F1: of its own), of more classes 5 of each. All others
    have the bootstrap.

    Args:
        name: Key of `METRICS`.
        labels: `[N]`, N >= 1.
        predictions: `[N]`.
        label_names: The C names in the order of their ids; None for a
            regression.
        positive: The class that F1 is about; None: class 1.

    Example:
        >>> labels = np.array([0] * 12 + [1] * 8)
        >>> names = ("no", "yes")
        >>> print(score_interval("f1", labels, labels, label_names=names))
        [too few examples of class yes]
        >>> print(score_interval("accuracy", labels, labels, label_names=names))
        [0.839, 1.000]
    """
    metric = metric_fn(name, positive)
    if metric.is_proportion:
        num_right = round(float(metric(labels, predictions)) * len(labels))
        low, high = stats.binomtest(num_right, len(labels)).proportion_ci(
            CONFIDENCE, method="wilson"
        )
        return ScoreInterval((float(low), float(high)))
    if name not in ("f1", "macro_f1", "matthews"):
        return ScoreInterval(
            row_intervals.bootstrap_interval(metric, labels, predictions)
        )
    confusion = np.array(
        confusion_matrix(labels, predictions, num_classes=len(label_names))
    )
    classes = range(len(label_names))
    if name == "f1":
        classes = [1 if positive is None else positive.id]
    note = _too_few(confusion.sum(axis=1), classes, label_names)
    if note:
        return ScoreInterval(None, note)
    low, high = {
        "f1": functools.partial(
            class_intervals.f1_interval, positive=classes[0]
        ),
        "macro_f1": class_intervals.macro_f1_interval,
        "matthews": class_intervals.matthews_interval,
    }[name](confusion)
    return ScoreInterval((float(low), float(high)))


def _too_few(
    sizes: np.ndarray, classes: Sequence[int], label_names: Sequence[str]
) -> str:
    """Says which of the classes have too few examples; "" if none has."""
    least = MIN_ROWS_OF_TWO_CLASSES if len(sizes) == 2 else MIN_ROWS_OF_A_CLASS
    few = sorted(
        (k for k in classes if sizes[k] < least), key=sizes.__getitem__
    )
    if not few:
        return ""
    further = f" and {len(few) - 1} more" if len(few) > 1 else ""
    return f"too few examples of class {label_names[few[0]]}{further}"
