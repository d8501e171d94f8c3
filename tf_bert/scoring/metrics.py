"""How good predictions are: the metrics by name, and what is reported.

`METRICS` holds the metrics that have an interval; their formulas are in
`weighted_metrics.py`. The two that rank probabilities (ROC AUC and average
precision) are only reported. What to conclude from a value is in
`score_intervals.py` and `paired_rows.py`. No TensorFlow here.

Letters: N rows, C classes.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from absl import logging
from sklearn import metrics as sklearn_metrics

from tf_bert.data.tasks.positive_class import PositiveClass
from tf_bert.data.tasks.task_spec import metric_advice
from tf_bert.scoring import weighted_metrics

MetricFn = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Metric:
    """One metric: a function with what its users have to know about it.

    Args:
        title: Name in a sentence and, capitalised, over a table column.
        function: Maps ``(labels [N], predictions [N], counts [..., N])`` to
            values of shape ``[...]``.
        needs: What labels and predictions are: class ids, or real numbers.
        higher_is_better: False for errors.
        is_proportion: Whether the value is the share of rows that are right,
            so that an exact interval for a proportion applies.
        span: The largest possible value less the smallest.
        positive_id: The class that it is about; None: all classes, or none.
    """

    title: str
    function: MetricFn
    needs: Literal["classes", "scores"] = "classes"
    higher_is_better: bool = True
    is_proportion: bool = False
    span: float = 1.0
    positive_id: int | None = None

    def __call__(
        self,
        labels: np.ndarray,
        predictions: np.ndarray,
        counts: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns the metric, once or for many resamples.

        Args:
            labels: `[N]`. int class ids from 0 up, or float scores; N >= 1.
            predictions: `[N]`, of the same kind.
            counts: `[..., N]`, >= 0. How often each row is taken. None takes
                every row once, for a single value.
        """
        labels, predictions = np.asarray(labels), np.asarray(predictions)
        if self.needs == "scores":
            _check_finite("predictions", predictions)
        if counts is None:
            counts = np.ones(len(labels))
        return self.function(
            labels, predictions, np.asarray(counts, np.float64)
        )


METRICS: dict[str, Metric] = {
    "accuracy": Metric(
        "accuracy", weighted_metrics.accuracy, is_proportion=True
    ),
    "f1": Metric("F1", weighted_metrics.f1, positive_id=1),
    "macro_f1": Metric("macro F1", weighted_metrics.macro_f1),
    "matthews": Metric(
        "Matthews correlation", weighted_metrics.matthews, span=2.0
    ),
    "pearson": Metric(
        "Pearson correlation", weighted_metrics.pearson, "scores", span=2.0
    ),
    "spearman": Metric(
        "Spearman correlation", weighted_metrics.spearman, "scores", span=2.0
    ),
    "mse": Metric(
        "mean squared error",
        weighted_metrics.mean_squared_error,
        "scores",
        higher_is_better=False,
        span=math.inf,
    ),
    "mae": Metric(
        "mean absolute error",
        weighted_metrics.mean_absolute_error,
        "scores",
        higher_is_better=False,
        span=math.inf,
    ),
}


# What is reported beside them, without an interval.
_FURTHER_TITLES = {
    "loss": "loss",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
}
# In the order of a table.
REPORTED = (*METRICS, *_FURTHER_TITLES)
_OF_ONE_CLASS = ("f1", "average_precision")
# Titles stand over columns of tables that are 80 characters wide.
_MAX_SHOWN = 16


def metric_fn(name: str, positive: PositiveClass | None = None) -> Metric:
    """Returns the metric of that name, to be called on labels, predictions.

    Args:
        name: A key of `METRICS`.
        positive: The class that F1 is about, which its title then names;
            None: class 1. Without effect on the others.

    Example:
        >>> float(metric_fn("accuracy")([0, 1, 1, 0], [0, 1, 1, 1]))
        0.75
        >>> fraud = metric_fn("f1", PositiveClass(0, "fraud"))
        >>> fraud.title, float(fraud([0, 1, 1, 1], [1, 1, 1, 1]))
        ('F1 (fraud)', 0.0)
    """
    if name not in METRICS:
        raise ValueError(
            f"There is no such metric. Received: metric={name!r}. "
            f"{metric_advice(name)}Choose one of: {', '.join(METRICS)}."
        )
    metric = METRICS[name]
    if positive is None or metric.positive_id is None:
        return metric
    return dataclasses.replace(
        metric,
        title=title_of(name, positive.label),
        function=functools.partial(metric.function, positive_id=positive.id),
        positive_id=positive.id,
    )


def title_of(name: str, positive_label: str | None) -> str:
    """Returns what people call a metric.

    Args:
        name: Of `REPORTED`.
        positive_label: Of the run; None: it has not two classes, or is not
            known. A long one is shown without its middle.

    Example:
        >>> title_of("average_precision", "spam")
        'average precision (spam)'
        >>> title_of("f1", "complaint about delivery")
        'F1 (complai...livery)'
    """
    title = _FURTHER_TITLES.get(name) or METRICS[name].title
    if positive_label is None or name not in _OF_ONE_CLASS:
        return title
    line = " ".join(positive_label.split())
    if len(line) > _MAX_SHOWN:
        half = (_MAX_SHOWN - 3) // 2
        line = f"{line[: _MAX_SHOWN - 3 - half]}...{line[-half:]}"
    return f"{title} ({line})"


def classification_metrics(
    labels: np.ndarray,
    probabilities: np.ndarray,
    *,
    positive: PositiveClass | None = None,
) -> dict[str, float | None]:
    """Returns every metric of predicted class probabilities.

    The predicted class is the most probable one (the lowest id of equals).
    For two classes, F1 and average precision are those of the positive one
    (ROC AUC is the same of either). For more, ROC AUC and average precision
    are the mean over classes, each against the rest. They compare rows of a
    class with rows of other classes: where the split lacks either, they are
    None, and a note is logged.

    Args:
        labels: int `[N]`, each in 0 .. C - 1; N >= 1.
        probabilities: float `[N, C]`, finite; C >= 2. After the softmax:
            logits would rank the rows differently.
        positive: Of two classes; None: class 1.

    Returns:
        ``accuracy``, ``f1`` (two classes only), ``macro_f1``, ``matthews``,
        ``roc_auc``, ``average_precision``.

    Example:
        >>> scores = classification_metrics(
        ...     [0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]
        ... )
        >>> print(f"{scores['accuracy']:.3f} {scores['roc_auc']:.3f}")
        0.667 1.000
    """
    labels = np.asarray(labels)
    probabilities = np.asarray(probabilities, np.float64)
    _check_finite("probabilities", probabilities.ravel())
    predictions = probabilities.argmax(axis=-1)
    num_classes = probabilities.shape[1]
    names = ["accuracy", "f1", "macro_f1", "matthews"]
    if num_classes > 2:
        names.remove("f1")
    values = {
        name: float(metric_fn(name, positive)(labels, predictions))
        for name in names
    }
    class_ids = range(num_classes)
    if num_classes == 2:
        class_ids = [1 if positive is None else positive.id]
    return values | _ranking_metrics(labels, probabilities, class_ids)


def regression_metrics(
    labels: np.ndarray, predictions: np.ndarray
) -> dict[str, float]:
    """Returns every metric of predicted scores: pearson, spearman, mse, mae.

    Args:
        labels: float `[N]`, finite; N >= 1.
        predictions: float `[N]`, finite. Constant predictions have
            correlation 0, where SciPy has NaN.

    Example:
        >>> regression_metrics([1.0, 2.0, 3.0], [5.0, 5.0, 5.0])["pearson"]
        0.0
    """
    return {
        name: float(METRICS[name](labels, predictions))
        for name in ("pearson", "spearman", "mse", "mae")
    }


def confusion_matrix(
    labels: np.ndarray, predictions: np.ndarray, *, num_classes: int
) -> list[list[int]]:
    """Returns C lists of C counts: row = label, column = prediction.

    Args:
        labels: int `[N]`, each in 0 .. C - 1.
        predictions: int `[N]`, in the same range.
        num_classes: C.

    Example:
        >>> confusion_matrix([0, 0, 1], [0, 1, 1], num_classes=2)
        [[1, 1], [0, 1]]
    """
    cells = np.bincount(
        np.asarray(labels, np.int64) * num_classes + predictions,
        minlength=num_classes**2,
    )
    return cells.reshape(num_classes, num_classes).tolist()


def _ranking_metrics(
    labels: np.ndarray, probabilities: np.ndarray, class_ids: Sequence[int]
) -> dict[str, float | None]:
    class_sizes = np.bincount(labels, minlength=probabilities.shape[1])
    if 0 in class_sizes:
        logging.info(
            "roc_auc and average_precision are undefined: class %s has no "
            "example among the %s of this split.",
            int(class_sizes.argmin()),
            f"{len(labels):,}",
        )
        return {"roc_auc": None, "average_precision": None}
    return {
        name: float(
            np.mean([fn(labels == k, probabilities[:, k]) for k in class_ids])
        )
        for name, fn in (
            ("roc_auc", sklearn_metrics.roc_auc_score),
            ("average_precision", sklearn_metrics.average_precision_score),
        )
    }


def _check_finite(name: str, values: np.ndarray) -> None:
    bad_rows = np.flatnonzero(~np.isfinite(values))
    if bad_rows.size:
        raise ValueError(
            f"The {name} are not all finite. Received: {name}"
            f"[{bad_rows[0]}]={values[bad_rows[0]]} ({bad_rows.size:,} of "
            f"{values.size:,}). If training diverged, lower --learning_rate."
        )
