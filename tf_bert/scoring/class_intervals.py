"""Intervals of F1, macro F1 and Matthews, in closed form.

Pure functions of the confusion matrix. The percentile bootstrap, which they
replace, is too narrow where rows of a class are few, and has no width where
every row is right: no resample is worse. How often these intervals hold the
true value is in docs/verdict.md, from benchmarks/statistics_simulation.py.

What they have in common: where counts of rows say nothing about the spread,
because all of them are right or wrong, an interval of a proportion still
does. F1 = 2 s / (1 + s) is such a proportion in disguise, where s is the
share of rows that are right among those that are of the class or taken for
it. No TensorFlow.

Args of all:
    confusion: `[..., C, C]`, whole numbers: row = label, column = prediction,
        C >= 2. At least one row in all.

Returns of all: ``(low, high)``, each float64 `[...]`; the metric's own value
lies between them.

Letters: C classes.
"""

import numpy as np
from scipy import special

from tf_bert.scoring import weighted_metrics
from tf_bert.scoring.row_intervals import CONFIDENCE

# What an interval of a proportion adds to the hits, for its low end, and to
# the errors, for its high end: 0 rows (Clopper and Pearson: never too narrow,
# often too wide), 1/2 (Jeffreys: right on average) or something between.
_EXACT, _NEARLY_EXACT, _BETWEEN = 0.0, 0.25, 0.35

# Of a class, as a share of its own half width: see `macro_f1_interval`.
_LEAST_HALF_WIDTH = 0.6

Interval = tuple[np.ndarray, np.ndarray]


def f1_interval(confusion: np.ndarray, *, positive: int = 1) -> Interval:
    """Returns the interval of the F1 of the class `positive`.

    Given how many rows are of the class or taken for it, the number of hits
    among them is binomial, and F1 rises with their share.

    Example:
        >>> low, high = f1_interval(np.array([[80, 10], [5, 25]]))
        >>> print(f"[{low:.3f}, {high:.3f}]")  # F1 = 50 / 65 = 0.769.
        [0.636, 0.867]
    """
    hits, related = _class_counts(confusion)
    low, high = _share_interval(
        hits[..., positive], related[..., positive], added=_BETWEEN
    )
    return _f1(low), _f1(high)


def macro_f1_interval(confusion: np.ndarray) -> Interval:
    """Returns the interval of macro F1, from those of the classes.

    The distances from the classes' values to the ends of their intervals are
    added like standard deviations (the method of variance estimates recovery,
    MOVER). A row of class i that is taken for class j counts against both, so
    the classes rise and fall together.

    References:
        Zou and Donner, 2008, "Construction of confidence limits about effect
        measures". https://doi.org/10.1002/sim.3095
    """
    hits, related = _class_counts(confusion)
    occurs = related > 0  # [..., C]
    weights = occurs / occurs.sum(axis=-1, keepdims=True)
    share = hits / np.maximum(related, 1)
    low, high = map(_f1, _share_interval(hits, related, added=_EXACT))
    # F1 bends downwards, so its mean over splits lies below its true value.
    spread = share * (1 - share) / np.maximum(related - 1, 1)
    bias = 2 * spread / (1 + share) ** 3
    value = _f1(share) + bias
    # A class without an error has nothing above it and yet may be worse.
    least = _LEAST_HALF_WIDTH * (high - low) / 2
    below = weights * np.maximum(value - low, least)
    above = weights * np.maximum(high - value, least)
    together = _correlation_of_classes(confusion)
    centre = (weights * value).sum(axis=-1)
    plain = (weights * _f1(share)).sum(axis=-1)
    is_perfect = (hits == related).all(axis=-1)
    return _within(
        centre - _norm(below, together),
        np.where(is_perfect, 1.0, centre + _norm(above, together)),
        plain,
        lowest=0.0,
    )


def matthews_interval(confusion: np.ndarray) -> Interval:
    """Returns the interval of Matthews' correlation coefficient R.

    (1 + R) / 2 is taken for the share of right rows among as many as would
    give it the spread that it has by the delta method: an effective number of
    rows, as for samples that were not drawn row by row. For the spread one
    row is added before, a part to each cell, so that no class is sure.

    References:
        Korn and Graubard, 1998, "Confidence intervals for proportions with
        small expected number of positive counts estimated from survey data".
        Survey Methodology 24.
    """
    confusion = np.asarray(confusion, np.float64)
    num_classes = confusion.shape[-1]
    num_rows = confusion.sum(axis=(-1, -2))
    value = _matthews(confusion)
    spread_evenly = confusion + 1 / num_classes**2
    rows = _effective_rows(spread_evenly, num_rows)
    # Where hardly a row of a class is right, R varies less than a little
    # above it: the high end takes the spread, and the value, of a few more.
    hits = np.eye(num_classes)
    fewer = np.minimum(
        rows, _effective_rows(spread_evenly + 2 * hits, num_rows)
    )
    better = np.maximum(value, _matthews(confusion + hits / num_classes))
    low, _ = _share_interval((1 + value) / 2 * rows, rows, added=_BETWEEN)
    _, high = _share_interval(
        (1 + better) / 2 * fewer, fewer, added=_NEARLY_EXACT
    )
    is_perfect = np.isclose(value, 1)
    return _within(
        2 * low - 1, np.where(is_perfect, 1.0, 2 * high - 1), value, lowest=-1.0
    )


def _class_counts(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns hits, and rows of a class or taken for it; each `[..., C]`."""
    confusion = np.asarray(confusion)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return hits, confusion.sum(axis=-1) + confusion.sum(axis=-2) - hits


def _share_interval(
    hits: np.ndarray, trials: np.ndarray, *, added: float
) -> Interval:
    """Returns the interval of a proportion; `hits` need not be whole."""
    tail = (1 - CONFIDENCE) / 2
    errors = np.maximum(trials - hits, 0)
    # At the borders 0 and 1, where a distribution that adds nothing has no
    # shape; what stands in for it there is not looked at.
    low = special.betaincinv(
        np.maximum(hits + added, 1e-9), errors + 1 - added, tail
    )
    high = special.betaincinv(
        hits + 1 - added, np.maximum(errors + added, 1e-9), 1 - tail
    )
    return np.where(hits == 0, 0.0, low), np.where(errors == 0, 1.0, high)


def _f1(share: np.ndarray) -> np.ndarray:
    return 2 * share / (1 + share)


def _correlation_of_classes(confusion: np.ndarray) -> np.ndarray:
    """Returns how the F1 of two classes rise and fall together, `[..., C, C]`.

    By the delta method it is the share of their errors that are between the
    two, times the root of the product of their shares of hits. One error more
    for each class, spread over the others, keeps it defined without errors.
    """
    num_classes = confusion.shape[-1]
    hits, related = _class_counts(confusion)
    others = 1 - np.eye(num_classes)
    between = (confusion + np.swapaxes(confusion, -1, -2)) * others
    errors = np.sqrt(related - hits + 1)
    root = np.sqrt((hits + 0.5) / (related + 1))
    factor = root / errors
    between = between + others / (num_classes - 1)
    between *= factor[..., :, None] * factor[..., None, :]
    return between + np.eye(num_classes)


def _norm(distances: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Returns the size of a sum of correlated deviations, `[...]`."""
    return np.sqrt(
        np.einsum("...i,...ij,...j", distances, correlation, distances)
    )


def _matthews(confusion: np.ndarray) -> np.ndarray:
    num_classes = confusion.shape[-1]
    labels, predictions = np.divmod(np.arange(num_classes**2), num_classes)
    cells = np.reshape(confusion, (*confusion.shape[:-2], -1))
    return weighted_metrics.matthews(labels, predictions, cells)


def _effective_rows(confusion: np.ndarray, num_rows: np.ndarray) -> np.ndarray:
    """Returns how many rows give a proportion the spread of (1 + R) / 2."""
    shares = confusion / confusion.sum(axis=(-1, -2), keepdims=True)
    true, predicted = shares.sum(axis=-1), shares.sum(axis=-2)  # [..., C]
    true_spread = 1 - (true**2).sum(axis=-1)[..., None, None]
    predicted_spread = 1 - (predicted**2).sum(axis=-1)[..., None, None]
    value = _matthews(shares)
    # What one row more in a cell adds to R, but for a factor: its slope.
    hits = np.trace(shares, axis1=-2, axis2=-1)[..., None, None]
    covariance = (
        hits
        + np.eye(shares.shape[-1])
        - predicted[..., :, None]
        - true[..., None, :]
    )
    slope = covariance / np.sqrt(true_spread * predicted_spread) - value[
        ..., None, None
    ] * (
        (1 - true)[..., :, None] / true_spread
        + (1 - predicted)[..., None, :] / predicted_spread
    )
    variance = (shares * slope**2).sum(axis=(-1, -2)) / num_rows
    return (1 - value**2) / variance


def _within(
    low: np.ndarray, high: np.ndarray, value: np.ndarray, *, lowest: float
) -> Interval:
    """Returns the interval within the metric's range and round its value."""
    return (
        np.clip(np.minimum(low, value), lowest, 1),
        np.clip(np.maximum(high, value), lowest, 1),
    )
