"""The metrics as closed forms over counts.

Each function takes labels and predictions of N rows and *counts*, how often
each row is taken. Counts of one give the plain value; counts drawn with
replacement give all the values of a bootstrap at once, from the same few
lines. A metric that is undefined on the rows taken has the value 0.

`tf_bert.scoring.metrics` names them and is what to call. No TensorFlow here.

Args of all:
    labels: `[N]`, class ids (int, from 0 up) or scores (float, finite).
    predictions: `[N]`, of the same kind.
    counts: float64 `[..., N]`, >= 0, of sum 1 or more.

All return float64 `[...]`.

Letters: N rows, C classes.
"""

import numpy as np

# Centred values lie in [-1, 1], so their variance carries a rounding error of
# some 1e-16. A variance below this bound is that error, not variation.
_SMALLEST_VARIANCE = 1e-14


def accuracy(
    labels: np.ndarray, predictions: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Returns the share of rows whose predicted class is the label."""
    return counts @ (labels == predictions) / counts.sum(axis=-1)


def f1(
    labels: np.ndarray,
    predictions: np.ndarray,
    counts: np.ndarray,
    *,
    positive_id: int = 1,
) -> np.ndarray:
    """Returns F1 of one class; 0 where it is neither true nor predicted."""
    is_true, is_predicted = labels == positive_id, predictions == positive_id
    return _ratio(
        2 * (counts @ (is_true & is_predicted)),
        counts @ is_true + counts @ is_predicted,
    )


def macro_f1(
    labels: np.ndarray, predictions: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Returns the mean F1 of the classes that are true or predicted.

    A class that occurs in neither says nothing, and is left out, as in
    scikit-learn; it may be absent from a resample only.
    """
    hits, true, predicted = _class_totals(labels, predictions, counts)
    occurs = true + predicted > 0  # [..., C]
    class_f1 = _ratio(2 * hits, true + predicted)
    return class_f1.sum(axis=-1) / occurs.sum(axis=-1)


def matthews(
    labels: np.ndarray, predictions: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Returns Matthews' correlation coefficient, for two classes or more.

    It is 0 where the labels or the predictions are all one class.

    References:
        Gorodkin, 2004, "Comparing two K-category assignments by a K-category
        correlation coefficient". https://doi.org/10.1016/j.compbiolchem.2004.09.006
    """
    hits, true, predicted = _class_totals(labels, predictions, counts)
    total = counts.sum(axis=-1)
    covariance = hits.sum(axis=-1) * total - (true * predicted).sum(axis=-1)
    true_variance = total**2 - (true**2).sum(axis=-1)
    predicted_variance = total**2 - (predicted**2).sum(axis=-1)
    return _ratio(covariance, np.sqrt(true_variance * predicted_variance))


def pearson(
    labels: np.ndarray, predictions: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Returns Pearson's correlation; 0 where either side is constant."""
    x, y = _centred(labels), _centred(predictions)
    columns = np.stack([x, y, x * x, y * y, x * y], axis=-1)  # [N, 5]
    moments = counts @ columns / counts.sum(axis=-1)[..., None]  # [..., 5]
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = np.moveaxis(moments, -1, 0)
    return _correlation(
        mean_xy - mean_x * mean_y, mean_xx - mean_x**2, mean_yy - mean_y**2
    )


def spearman(
    labels: np.ndarray, predictions: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Returns Spearman's rank correlation; 0 where either side is constant.

    Equal values share the mean of their ranks, within each resample.
    """
    x, y = _centred_ranks(labels, counts), _centred_ranks(predictions, counts)
    return _correlation(
        np.einsum("...n,...n,...n", counts, x, y),
        np.einsum("...n,...n,...n", counts, x, x),
        np.einsum("...n,...n,...n", counts, y, y),
    )


def mean_squared_error(
    labels: np.ndarray, predictions: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Returns the mean squared difference of the rows."""
    difference = predictions.astype(np.float64) - labels
    return counts @ difference**2 / counts.sum(axis=-1)


def mean_absolute_error(
    labels: np.ndarray, predictions: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Returns the mean absolute difference of the rows."""
    difference = predictions.astype(np.float64) - labels
    return counts @ np.abs(difference) / counts.sum(axis=-1)


def _class_totals(
    labels: np.ndarray, predictions: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns hits, true rows, predicted rows of each class, `[..., C]`."""
    one_hot = np.eye(max(labels.max(), predictions.max()) + 1)
    is_true, is_predicted = one_hot[labels], one_hot[predictions]  # [N, C]
    return (
        counts @ (is_true * is_predicted),
        counts @ is_true,
        counts @ is_predicted,
    )


def _centred(values: np.ndarray) -> np.ndarray:
    """Moves and scales values into [-1, 1]; all zeros if they are equal."""
    values = values.astype(np.float64)
    low, high = values.min(), values.max()
    if low == high:
        return np.zeros_like(values)
    scaled = (values - low) / (high - low)
    return scaled - scaled.mean()


def _centred_ranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns ranks within each resample, less their mean. `[..., N]`"""
    _, group_of_row, group_sizes = np.unique(
        values, return_inverse=True, return_counts=True
    )
    starts = np.cumsum(group_sizes) - group_sizes
    by_value = np.take(counts, np.argsort(values, kind="stable"), axis=-1)
    totals = np.add.reduceat(by_value, starts, axis=-1)  # [..., groups]
    ranks = np.cumsum(totals, axis=-1) - (totals - 1) / 2
    mean_rank = (counts.sum(axis=-1) + 1) / 2
    return np.take(ranks - mean_rank[..., None], group_of_row, axis=-1)


def _correlation(
    covariance: np.ndarray, variance_x: np.ndarray, variance_y: np.ndarray
) -> np.ndarray:
    varies = np.minimum(variance_x, variance_y) > _SMALLEST_VARIANCE
    scale = np.sqrt(np.where(varies, variance_x * variance_y, 0.0))
    return np.clip(_ratio(covariance, scale), -1.0, 1.0)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divides; 0 where the denominator is 0."""
    is_defined = denominator > 0
    return np.where(is_defined, numerator, 0.0) / np.where(
        is_defined, denominator, 1.0
    )
