"""The predictions of two models, exchanged row by row.

What `paired_rows.exchange_test` counts with. Rows that are alike are counted
once, so that the cost is that of the kinds of rows. No TensorFlow.

Letters: N rows, M rows that the models disagree on, K kinds of rows, D kinds
that the models disagree on, R patterns of exchange.
"""

import dataclasses
import itertools

import numpy as np
from scipy import special

from tf_bert.scoring.metrics import Metric
from tf_bert.scoring.row_intervals import MAX_COUNTS_IN_MEMORY

# Up to so many disagreements every pattern is taken: 2^16 = 65,536.
MAX_EXACT = 16

_DECIMALS = 12  # Differences that are closer than that are equal.


@dataclasses.dataclass(frozen=True)
class RowKinds:
    """Rows that are alike in label and both predictions, counted once.

    Which model a prediction is from is not part of the kind: rows that only an
    exchange tells apart are of one kind, so that exchanging the models gives
    the same patterns.

    Args:
        labels: `[K]`.
        lower: `[K]`, the smaller of both predictions.
        upper: `[K]`, the larger; the same where the models agree.
        sizes: int `[K]`, >= 1: rows of each kind; of sum N.
        num_upper: int `[K]`: rows whose first prediction is the larger; 0
            where the models agree.
    """

    labels: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    sizes: np.ndarray
    num_upper: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> "RowKinds":
        """Counts the rows of labels, first and second predictions."""
        labels, a, b = np.asarray(labels), np.asarray(a), np.asarray(b)
        columns = (labels, np.minimum(a, b), np.maximum(a, b))
        _, first, kind, sizes = np.unique(
            np.stack(columns, axis=1),
            axis=0,
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        return cls(
            *(column[first] for column in columns),
            sizes=sizes,
            num_upper=np.bincount(kind, a > b, len(sizes)).astype(np.int64),
        )

    @property
    def differ(self) -> np.ndarray:
        """bool `[K]`, D of them true."""
        return self.lower != self.upper

    @property
    def num_disagreements(self) -> int:
        """M."""
        return int(self.sizes[self.differ].sum())

    def patterns(
        self, num_samples: int, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns in how many rows of each kind a has the larger prediction.

        Returns:
            int `[1 + R, D]`, first the observed pattern, and how often each
            counts, `[1 + R]`: the observed one 0 times where all are there.
        """
        sizes = self.sizes[self.differ]
        observed = self.num_upper[self.differ][None]
        if self.num_disagreements > MAX_EXACT:
            rng = np.random.default_rng(seed)
            drawn = rng.binomial(sizes, 0.5, size=(num_samples, len(sizes)))
            return np.concatenate([observed, drawn]), np.ones(num_samples + 1)
        every = list(itertools.product(*(range(n + 1) for n in sizes)))
        every = np.array(every, np.int64).reshape(len(every), len(sizes))
        weights = np.round(special.comb(sizes, every).prod(axis=1))
        return np.concatenate([observed, every]), np.append(0.0, weights)

    def differences(self, metric: Metric, patterns: np.ndarray) -> np.ndarray:
        """Returns the metric of a less that of b, float64 `[R]`.

        It is rounded: what differs by rounding is equal.

        Args:
            metric: Of both.
            patterns: int `[R, D]`, of `patterns`.
        """
        labels, predictions = self._rows()
        chunk = max(1, MAX_COUNTS_IN_MEMORY // len(labels))
        values = [
            metric(labels, predictions, self._counts(num_upper))
            - metric(
                labels,
                predictions,
                self._counts(self.sizes[self.differ] - num_upper),
            )
            for start in range(0, len(patterns), chunk)
            for num_upper in [patterns[start : start + chunk]]
        ]
        return np.round(np.concatenate(values), _DECIMALS) + 0.0

    def size_of_one_row(
        self, metric: Metric, sizes: np.ndarray, weights: np.ndarray
    ) -> float:
        """Returns by how much one more disagreement changes the difference.

        The root mean square over the disagreements there are, which is that
        of the patterns' differences divided by root M. Where there are few
        of them also the largest change that another prediction for one row
        brings to either model.
        """
        if self.num_disagreements > MAX_EXACT:
            variance = weights @ sizes**2 / weights.sum()
            return float((variance / self.num_disagreements) ** 0.5)
        observed = self.num_upper[self.differ]
        return max(
            self._largest_change(metric, self._counts(num_upper[None])[0])
            for num_upper in (observed, self.sizes[self.differ] - observed)
        )

    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels and predictions that `_counts` counts, each `[K + D]`."""
        return (
            np.concatenate([self.labels, self.labels[self.differ]]),
            np.concatenate([self.lower, self.upper[self.differ]]),
        )

    def _counts(self, num_upper: np.ndarray) -> np.ndarray:
        """Rows of one model, int `[R, K + D]`, by the larger predictions."""
        lower = np.tile(self.sizes, (len(num_upper), 1))
        lower[:, self.differ] -= num_upper
        return np.hstack([lower, num_upper])

    def _largest_change(self, metric: Metric, counts: np.ndarray) -> float:
        """By how much another prediction for one row changes the metric."""
        labels, predictions = self._rows()
        others = _other_predictions(labels, predictions, counts)
        changed = np.flatnonzero((others != predictions) & (counts > 0))
        if not changed.size:
            return 0.0
        places, num_rows = np.arange(len(changed)), len(labels)
        changes = np.zeros((len(changed) + 1, 2 * num_rows))
        changes[:, :num_rows] = counts
        changes[places, changed] -= 1
        changes[places, num_rows + changed] += 1
        values = metric(
            np.tile(labels, 2), np.concatenate([predictions, others]), changes
        )
        return float(np.max(np.abs(values[:-1] - values[-1])))


def _other_predictions(
    labels: np.ndarray, predictions: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """The label where it is missed, else the most frequent other label."""
    values, place = np.unique(labels, return_inverse=True)
    by_size = values[np.argsort(-np.bincount(place, counts), kind="stable")]
    others = labels
    if len(by_size) > 1:
        others = np.where(labels == by_size[0], by_size[1], by_size[0])
    others = np.where(predictions == labels, others, labels)
    return others.astype(predictions.dtype)
