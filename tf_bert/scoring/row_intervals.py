"""How sure a metric is: its interval over the rows of one split.

Pure functions of arrays and a seed: the same input gives the same output, in
whatever order the rows come. Nothing here knows a metric by name; a metric is
a function that can be computed for many resamples at once (see
`WeightedMetric`). No TensorFlow.

Letters: N rows, K distinct rows, R resamples.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from scipy import stats

# Counts held at once: 1.6 MB as float64, small enough for a processor's cache
# to help, large enough that the loop over chunks costs nothing.
MAX_COUNTS_IN_MEMORY = 200_000


class WeightedMetric(Protocol):
    """A metric over rows that may be taken more than once, or not at all."""

    def __call__(
        self,
        labels: np.ndarray,
        predictions: np.ndarray,
        counts: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns `[...]` for counts `[..., N]`, one value for None."""
        ...


def wilson_interval(
    num_successes: int, num_trials: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Returns Wilson's score interval of a proportion.

    It is honest at the borders: 20 right of 20 give [0.839, 1], where every
    resample is all right and the bootstrap would give [1, 1].

    Args:
        num_successes: In 0 .. `num_trials`.
        num_trials: >= 1.
        confidence: In (0, 1).

    Returns:
        ``(low, high)``, within [0, 1] and never of width 0.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> low, high = wilson_interval(181, 200)
        >>> print(f"[{low:.3f}, {high:.3f}]")
        [0.856, 0.938]

    References:
        Wilson, 1927, "Probable inference, the law of succession, and
        statistical inference". https://doi.org/10.2307/2276774
    """
    check_confidence(confidence)
    if num_trials < 1 or not 0 <= num_successes <= num_trials:
        raise ValueError(
            "`num_successes` must lie between 0 and `num_trials`, which must "
            f"be at least 1. Received: num_successes={num_successes}, "
            f"num_trials={num_trials}. Evaluate on at least one row."
        )
    low, high = stats.binomtest(num_successes, num_trials).proportion_ci(
        confidence, method="wilson"
    )
    return float(low), float(high)


def bootstrap_interval(
    metric: WeightedMetric,
    labels: np.ndarray,
    predictions: np.ndarray,
    *,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Returns the percentile bootstrap interval of any metric.

    It answers how much the value would change on other rows of the same kind,
    the trained model being fixed. Other seeds of the training are not in it.

    Args:
        metric: From `tf_bert.scoring.metrics.METRICS`. Of classes, those in
            `class_intervals` hold the true value more often.
        labels: `[N]`, N >= 1.
        predictions: `[N]`.
        num_resamples: R, >= 1. 2000 fix the ends to about 0.05 of the
            interval's width.
        confidence: In (0, 1).
        seed: Of the resampling.

    Returns:
        ``(low, high)``.

    Raises:
        ValueError: If `num_resamples` or `confidence` is out of its range.

    References:
        Efron and Tibshirani, 1993, "An Introduction to the Bootstrap",
        Section 13.3. https://doi.org/10.1201/9780429246593
    """
    rows, chunks = _resample(
        [labels, predictions], num_resamples=num_resamples, seed=seed
    )
    labels, predictions = rows
    values = [metric(labels, predictions, counts) for counts in chunks]
    return _percentiles(np.concatenate(values), confidence)


def _resample(
    columns: Sequence[np.ndarray], *, num_resamples: int, seed: int
) -> tuple[list[np.ndarray], Iterator[np.ndarray]]:
    """Draws rows with replacement; equal rows are kept once and counted.

    Returns:
        The columns of the K distinct rows, each `[K]`, and an iterator over
        counts `[chunk, K]` with R rows in all, each row of sum N.
    """
    if num_resamples < 1:
        raise ValueError(
            "`num_resamples` must be at least 1. Received: "
            f"num_resamples={num_resamples}. Use 2000 or more."
        )
    columns = [np.asarray(column) for column in columns]
    _, first, sizes = np.unique(
        np.stack(columns, axis=1),
        axis=0,
        return_index=True,
        return_counts=True,
    )
    rng = np.random.default_rng(seed)
    return (
        [column[first] for column in columns],
        _draw_counts(sizes, num_resamples=num_resamples, rng=rng),
    )


def _draw_counts(
    sizes: np.ndarray, *, num_resamples: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    num_rows, num_distinct = int(sizes.sum()), len(sizes)
    # Drawing the counts costs as much per distinct row as drawing and
    # counting about 8 rows.
    draws_counts = 8 * num_distinct < num_rows
    width = num_distinct if draws_counts else num_rows
    chunk = max(1, MAX_COUNTS_IN_MEMORY // width)
    group_of_row = np.repeat(np.arange(num_distinct), sizes)
    for start in range(0, num_resamples, chunk):
        size = min(chunk, num_resamples - start)
        if draws_counts:
            yield rng.multinomial(num_rows, sizes / num_rows, size=size)
            continue
        drawn = group_of_row[rng.integers(num_rows, size=(size, num_rows))]
        drawn += num_distinct * np.arange(size)[:, None]  # One bin each.
        counts = np.bincount(drawn.ravel(), minlength=size * num_distinct)
        yield counts.reshape(size, num_distinct)


def _percentiles(values: np.ndarray, confidence: float) -> tuple[float, float]:
    check_confidence(confidence)
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def check_confidence(confidence: float) -> None:
    """Refuses what is no share between 0 and 1.

    Raises:
        ValueError: If it is out of its range.
    """
    if not 0 < confidence < 1:
        raise ValueError(
            "`confidence` must lie between 0 and 1. Received: "
            f"confidence={confidence}. Pass 0.95 for a 95 % interval."
        )
