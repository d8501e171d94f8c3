"""How sure a metric is: its bootstrap interval over the rows of one split.

Pure functions of arrays: the same input gives the same output, in whatever
order the rows come. No TensorFlow.

Letters: N rows, K distinct rows, R resamples.
"""

from collections.abc import Iterator

import numpy as np

from tf_bert.scoring.metrics import Metric

CONFIDENCE = 0.95  # Of every interval.

# Counts held at once: 1.6 MB as float64, small enough for a processor's cache
# to help, large enough that the loop over chunks costs nothing.
MAX_COUNTS_IN_MEMORY = 200_000


def bootstrap_interval(
    metric: Metric,
    labels: np.ndarray,
    predictions: np.ndarray,
    *,
    num_resamples: int = 2000,
) -> tuple[float, float]:
    """Returns the percentile bootstrap interval of any metric.

    It answers how much the value would change on other rows of the same kind,
    the trained model being fixed. Other seeds of the training are not in it.

    Args:
        metric: Of classes, the intervals in `class_intervals` hold the true
            value more often.
        labels: `[N]`, N >= 1.
        predictions: `[N]`.
        num_resamples: R. 2000 fix the ends to about 0.05 of the interval's
            width.

    References:
        Efron and Tibshirani, 1993, "An Introduction to the Bootstrap",
        Section 13.3. https://doi.org/10.1201/9780429246593
    """
    columns = [np.asarray(labels), np.asarray(predictions)]
    _, first, sizes = np.unique(
        np.stack(columns, axis=1),
        axis=0,
        return_index=True,
        return_counts=True,
    )
    labels, predictions = (column[first] for column in columns)
    values = [
        metric(labels, predictions, counts)
        for counts in _draw_counts(sizes, num_resamples)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(values), [tail, 1 - tail])
    return float(low), float(high)


def _draw_counts(sizes: np.ndarray, num_resamples: int) -> Iterator[np.ndarray]:
    """Yields resamples: how often each distinct row is drawn, `[chunk, K]`.

    Args:
        sizes: `[K]`, of sum N: how often each distinct row is there.
        num_resamples: R, of all chunks together.
    """
    rng = np.random.default_rng(0)
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
