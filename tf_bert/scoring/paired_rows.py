"""Is one model better than another on the same rows? Tests and intervals.

Pure functions of arrays and a seed. A test and its interval come from one
computation, so that they cannot disagree: 0 lies inside the 95 % interval
where p is 0.05 or more, and outside where it is less. No TensorFlow.

Letters: N rows, M rows that the models disagree on, R patterns of exchange.
"""

import dataclasses
import functools

import numpy as np
from scipy import optimize, special

from tf_bert.scoring.metrics import Metric
from tf_bert.scoring.row_exchange import RowKinds
from tf_bert.scoring.row_intervals import CONFIDENCE

NUM_SAMPLES = 10_000

_NUM_NODES = 256  # Of the quadrature: ends are exact to some 1e-8.


@dataclasses.dataclass(frozen=True)
class PairedResult:
    """By how much one model is better than another on the same rows.

    Args:
        difference: Metric of the first model less that of the second.
        low: Lower end of the 95 % interval of the difference.
        high: Upper end. 0 lies in the closed interval exactly if `p_value` is
            at least 0.05.
        p_value: Two-sided, at most 1: how often two equally good models
            differ as much as these, or more.
        num_disagreements: Rows that decide: for accuracy those that one
            model alone has right, for other metrics those that the two
            predict differently.
    """

    difference: float
    low: float
    high: float
    p_value: float
    num_disagreements: int


def compare_on_rows(
    metric: Metric,
    labels: np.ndarray,
    predictions_a: np.ndarray,
    predictions_b: np.ndarray,
    *,
    num_samples: int = NUM_SAMPLES,
    seed: int = 0,
) -> PairedResult:
    """Compares two models by the test that suits the metric.

    Args:
        metric: A proportion (accuracy) gets the exact binomial test, see
            `compare_right_rows`; every other metric the exchange test, see
            `exchange_test`.
        labels: `[N]`, N >= 1.
        predictions_a: `[N]`, of the model whose gain is asked for.
        predictions_b: `[N]`, of the model it is compared with.
        num_samples: Patterns of the exchange test where they are sampled.
        seed: Of the sampling.

    Returns:
        The difference a - b. With a and b exchanged it changes its sign,
        and so do the ends of the interval; the p-value stays.
    """
    if metric.is_proportion:
        a, b = (
            np.asarray(predictions) == labels
            for predictions in (predictions_a, predictions_b)
        )
        return compare_right_rows(
            int(np.sum(a & ~b)), int(np.sum(b & ~a)), len(a)
        )
    return exchange_test(
        metric,
        labels,
        predictions_a,
        predictions_b,
        num_samples=num_samples,
        seed=seed,
    )


def compare_right_rows(only_a: int, only_b: int, num_rows: int) -> PairedResult:
    """Compares two shares of right rows: McNemar's exact test.

    Rows that both models have right, or both wrong, say nothing. On the M
    others each is as likely to be the one that is right, if they are equally
    good: ``only_a`` follows Binomial(M, 1/2). The p-value is twice the
    smaller tail, without mid-p: 5 : 0 gives 0.0625, 6 : 0 gives 0.031.

    The interval inverts this test. The difference is the rate of
    disagreements times ``2 pi - 1``, where pi is the share of them that are
    right in a. Clopper and Pearson's interval of pi inverts the test given
    M; as M is random, too, its distribution is melded with that of the rate.
    Whether 0 is inside, pi decides alone. Models that never disagree are not
    the same for certain: 20 rows give [-0.168, 0.168].

    Args:
        only_a: Rows that a alone has right, >= 0.
        only_b: Rows that b alone has right, >= 0.
        num_rows: N >= 1, at least the sum of both.

    Example:
        >>> result = compare_right_rows(34, 6, 200)
        >>> print(f"{result.difference:+.3f}, p {result.p_value:.6f}")
        +0.140, p 0.000008
        >>> print(f"{result.low:+.3f} to {result.high:+.3f}")
        +0.074 to +0.205

    References:
        McNemar, 1947. https://doi.org/10.1007/BF02295996
        Fay and Lumbard, 2021, "Confidence intervals for difference in
        proportions for matched pairs compatible with exact McNemar's or sign
        tests". https://doi.org/10.1002/sim.8829
    """
    tail = (1 - CONFIDENCE) / 2
    return PairedResult(
        difference=(only_a - only_b) / num_rows,
        low=_melded_low(only_a, only_b, num_rows, tail),
        high=-_melded_low(only_b, only_a, num_rows, tail),
        p_value=min(
            1.0,
            2 * min(_upper_tail(only_a, only_b), _upper_tail(only_b, only_a)),
        ),
        num_disagreements=only_a + only_b,
    )


def _upper_tail(only_a: int, only_b: int) -> float:
    """Returns P(X >= only_a) for X of Binomial(M, 1/2)."""
    if not only_a:
        return 1.0
    return float(special.betainc(only_a, only_b + 1, 0.5))


def _melded_low(only_a: int, only_b: int, num_rows: int, tail: float) -> float:
    """Returns the lower end of the difference's interval.

    It is the `tail` quantile of ``V = rate * (2 pi - 1)``, where pi is
    Beta(only_a, only_b + 1), whose quantiles are Clopper and Pearson's lower
    ends, and the rate Beta(M, N - M + 1) where V is positive, Beta(M + 1,
    N - M) where it is negative: the more cautious of Clopper and Pearson's
    two. P(V <= 0) is the one-sided p-value of the test.
    """
    num_disagreements = only_a + only_b
    p_value = _upper_tail(only_a, only_b)
    is_positive = p_value < tail
    ends = (p_value, 1.0) if is_positive else (0.0, p_value)
    places, weights = _nodes()
    levels = ends[0] + (ends[1] - ends[0]) * (places + 1) / 2
    weights = (ends[1] - ends[0]) * weights / 2
    pi = special.betaincinv(only_a, only_b + 1, levels) if only_a else 0.0
    gain = np.maximum(np.abs(2 * pi - 1), np.finfo(float).tiny)

    def excess(size: float) -> float:
        """P(V <= end) - tail, at the end of that size."""
        rate = size / gain
        if is_positive:
            below = special.bdtrc(
                num_disagreements - 1, num_rows, np.minimum(rate, 1)
            )
            return p_value + float(np.sum(weights * below)) - tail
        above = special.bdtr(num_disagreements, num_rows, np.minimum(rate, 1))
        return float(np.sum(weights * np.where(rate > 1, 0, above))) - tail

    if is_positive:
        return float(optimize.brentq(excess, 0, 1))
    if excess(0) <= 0:
        return 0.0
    return -1.0 if excess(1) >= 0 else -float(optimize.brentq(excess, 0, 1))


@functools.cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Gauss and Legendre's places in (-1, 1) and their weights."""
    return special.roots_legendre(_NUM_NODES)


def exchange_test(
    metric: Metric,
    labels: np.ndarray,
    predictions_a: np.ndarray,
    predictions_b: np.ndarray,
    *,
    num_samples: int = NUM_SAMPLES,
    seed: int = 0,
) -> PairedResult:
    """Compares two models by exchanging their predictions row by row.

    If both are equally good, each row's two predictions might as well have
    come the other way round: the observed difference is one among those of
    all patterns of exchange. The p-value is the share of patterns whose
    difference is as large, in size, as the observed one. Up to 16
    disagreements all 2^M patterns are taken; beyond, `num_samples` are drawn,
    and the observed one is counted among them, so that p is never 0.

    The interval inverts this test for shifted differences: with q the largest
    size that 5 % of the patterns reach, it holds the differences that the
    observed one is not further from than q. The patterns know only the
    disagreements there are; where these are few, a true difference beyond the
    observed one would rest on rows that happen not to be among the N. So, as
    in a score interval, the variance grows with the difference that is tried
    (`_shifted_ends`): by that of one row for each row that it takes beyond
    the observed difference, or to the other side of 0. At 0 itself nothing is
    added: the interval holds 0 exactly if the test does not reject it.

    The arguments are those of `compare_on_rows`.

    References:
        Fisher, 1935, "The Design of Experiments", Section 21.
        Yeh, 2000, "More accurate tests for the statistical significance of
        result differences". https://aclanthology.org/C00-2137
        Phipson and Smyth, 2010. https://doi.org/10.2202/1544-6115.1585
    """
    kinds = RowKinds.of(labels, predictions_a, predictions_b)
    patterns, weights = kinds.patterns(num_samples, seed)
    differences = kinds.differences(metric, patterns)
    observed, sizes = float(differences[0]), np.abs(differences)
    p_value = float(weights @ (sizes >= sizes[0]) / weights.sum())
    low, high = _shifted_ends(
        observed,
        _reached(sizes, weights, round(1 - CONFIDENCE, 12)),
        kinds.size_of_one_row(metric, sizes, weights),
        z=float(special.ndtri((1 + CONFIDENCE) / 2)),
    )
    return PairedResult(
        difference=observed,
        low=max(low, -metric.span),
        high=min(high, metric.span),
        p_value=p_value,
        num_disagreements=kinds.num_disagreements,
    )


def _reached(sizes: np.ndarray, weights: np.ndarray, share: float) -> float:
    """Returns the largest size that a share of the patterns reaches."""
    values, place = np.unique(sizes, return_inverse=True)
    weight = np.bincount(place, weights)
    at_least = np.cumsum(weight[::-1])[::-1] / weight.sum()
    return float(values[at_least >= share].max())


def _shifted_ends(
    observed: float, reached: float, one_row: float, *, z: float
) -> tuple[float, float]:
    """Returns the ends of the differences that fit the observed one.

    Those are all delta with ``(observed - delta)^2 <= reached^2 + z^2 one_row
    further``, where `further` is how far delta lies beyond the observed
    difference, seen from 0, or on the other side of 0; and 0 between both.

    Args:
        observed: The difference.
        reached: From `_reached`.
        one_row: By how much one row changes the difference.
        z: 1.96 for 95 %.
    """
    size, step = abs(observed), z**2 * one_row
    outer = size + (step + (step**2 + 4 * reached**2) ** 0.5) / 2
    inner = size - reached
    if inner <= 0:  # 0 fits, and so does something on its other side.
        slope = 2 * size - step
        root = (slope**2 + 4 * (reached**2 - size**2)) ** 0.5
        inner = (slope - root) / 2
    return (inner, outer) if observed >= 0 else (-outer, -inner)
