"""Tests of two samples: are the means, or the spreads, the same?

Every test takes many pairs of samples at once, `a` of shape `[..., N]` and
`b` of `[..., M]`, and returns their p-values, `[...]`. Where one is not
defined (nothing varies, or a sample is too small) is for the caller to know;
see `recipe_tests`.

Letters: N and M scores of the two samples, S splits.
"""

import functools
import itertools
import math
import warnings
from typing import Any

import numpy as np
from scipy import stats

from tf_bert.scoring.row_intervals import CONFIDENCE

# 10 scores against 10 have 184,756 splits: a second, and nothing is sampled.
_MAX_SPLITS = 200_000
NUM_RESAMPLES = 9999
_MAX_VALUES_IN_MEMORY = 4_000_000


def welch_p_values(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns two-sided p-values of Welch's t, of equal means.

    References:
        Welch, 1947. https://doi.org/10.1093/biomet/34.1-2.28
    """
    return _t_test(a, b, equal_var=False).pvalue


def welch_interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Returns Welch's 95 % interval of the difference of two means, a - b.

    It is without 0 where the p-value of `welch_p_values` is below 0.05.
    """
    result = _t_test(a, b, equal_var=False)
    low, high = result.confidence_interval(CONFIDENCE)
    return float(low), float(high)


def student_p_values(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns one-tailed p-values of Student's t, that `a` is not better.

    The paper's test (Tables 1 and 2). It takes equal spreads for granted,
    which unstable recipes do not have, and a known direction.

    References:
        Zhang et al., 2021, Table 1. https://arxiv.org/abs/2006.05987
    """
    return _t_test(a, b, equal_var=True, alternative="greater").pvalue


def paired_p_values(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns two-sided p-values of the paired t, of a mean difference of 0."""
    return stats.ttest_rel(a, b, axis=-1).pvalue


def levene_p_values(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns p-values of Levene's test, centred at the median.

    With few scores it is cautious: of 5 against 5 of equal spread it rejects
    0.6 % at the 5 % level, of 20 against 20 3.7 % (measured by
    benchmarks/statistics_simulation.py), so that it finds large differences
    only.

    References:
        Brown and Forsythe, 1974. https://doi.org/10.1080/01621459.1974.10482955
    """
    return stats.levene(a, b, center="median", axis=-1).pvalue


def permutation_p_values(
    a: np.ndarray, b: np.ndarray, *, seed: int = 0
) -> np.ndarray:
    """Returns two-sided p-values of a permutation test of the means.

    The share of ways to split all N + M scores into N and M whose means
    differ by as much or more. Up to 200,000 ways, all are taken; of more,
    9,999 are drawn and one added to both counts, so that p is never 0.
    (`scipy.stats.permutation_test` doubles the smaller tail instead, which
    is the same for N = M, and else up to twice as much.)

    Args:
        a: `[..., N]`, N >= 1.
        b: `[..., M]`, M >= 1.
        seed: Of the splits that are drawn; without effect where all are.

    Example:
        >>> a, b = np.array([7, 8, 9, 10, 11]), np.arange(5)
        >>> print(permutation_p_values(a, b) * 252)
        2.0

    References:
        Phipson and Smyth, 2010, "Permutation p-values should never be zero".
        https://doi.org/10.2202/1544-6115.1585
    """
    n, m = np.shape(a)[-1], np.shape(b)[-1]
    pooled = np.concatenate([a, b], axis=-1).astype(np.float64)
    flat = pooled.reshape(-1, n + m)
    splits = _splits(n, m, seed)
    chunk = max(1, _MAX_VALUES_IN_MEMORY // len(splits))
    counts = [
        _count_as_extreme(flat[start : start + chunk], splits, n)
        for start in range(0, len(flat), chunk)
    ]
    count = np.concatenate(counts).reshape(pooled.shape[:-1])
    added = 0 if is_exact(n, m) else 1
    return (count + added) / (len(splits) + added)


def smallest_permutation_p(n: int, m: int) -> float:
    """Returns the smallest p that `permutation_p_values` can give.

    ``1 / C(n + m, n)``; twice that for n = m, where each split has a mirror
    image that differs as much; 1 / 10,000 where splits are drawn.

    Example:
        >>> print(f"{smallest_permutation_p(5, 5):.4f}")
        0.0079
    """
    if not is_exact(n, m):
        return 1 / (NUM_RESAMPLES + 1)
    return (2 if n == m else 1) / math.comb(n + m, n)


def is_exact(n: int, m: int) -> bool:
    """Whether `permutation_p_values` takes every split of n and m scores."""
    return math.comb(n + m, n) <= _MAX_SPLITS


TESTS = {
    "welch": welch_p_values,
    "permutation": permutation_p_values,
    "paired": paired_p_values,
    "levene": levene_p_values,
    "student": student_p_values,
}


def _t_test(a: np.ndarray, b: np.ndarray, **options: Any) -> Any:
    with warnings.catch_warnings():
        # SciPy warns where the scores of one sample are all the same. The
        # other one varies: the result is right.
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        return stats.ttest_ind(a, b, axis=-1, **options)


@functools.lru_cache(maxsize=4)
def _splits(n: int, m: int, seed: int) -> np.ndarray:
    """Returns `[S, n + m]`: 1 for the n scores of one part, 0 for the rest."""
    if not is_exact(n, m):
        one = np.repeat([1.0, 0.0], [n, m])
        rows = np.tile(one, (NUM_RESAMPLES, 1))
        return np.random.default_rng(seed).permuted(rows, axis=1)
    num_splits = math.comb(n + m, n)
    chosen = np.fromiter(
        itertools.chain.from_iterable(itertools.combinations(range(n + m), n)),
        dtype=np.intp,
        count=num_splits * n,
    ).reshape(num_splits, n)
    splits = np.zeros((num_splits, n + m))
    np.put_along_axis(splits, chosen, 1, axis=1)
    return splits


def _count_as_extreme(
    pooled: np.ndarray, splits: np.ndarray, n: int
) -> np.ndarray:
    """Returns `[B]`: splits of `[B, n + m]` that differ as much or more."""
    # Centred, the sum over one part alone says how much the means differ.
    centred = pooled - pooled.mean(axis=1, keepdims=True)
    sums = np.abs(centred @ splits.T)  # [B, S]
    observed = np.abs(centred[:, :n].sum(axis=1))
    # Equal sums, added in another order, must count as equal.
    rounding = 1e-12 * np.abs(pooled).max(axis=1)
    return np.count_nonzero(sums >= (observed - rounding)[:, None], axis=1)
