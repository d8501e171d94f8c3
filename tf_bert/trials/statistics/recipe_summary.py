"""One recipe over its trials: where the scores lie, how sure that is.

The intervals are over trials, that is over seeds, on one and the same test
set. How much a score depends on the choice of the test rows is in
`row_intervals`. Trials are taken as independent. Those of a grid of seeds are
not quite: two that share a head or a data order are more alike, and the
intervals of a grid are somewhat too narrow.

Letters: N trials.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
from scipy import special, stats

from tf_bert.scoring.row_intervals import CONFIDENCE
from tf_bert.system import plurals
from tf_bert.trials.statistics import trial_columns
from tf_bert.trials.statistics.trial_columns import Trial

OVER_SEEDS = (
    "Intervals and p-values are over seeds: what other trainings on the same "
    "examples would give. They do not say what another test set would give."
)

# N -> how often the 95 % interval of the mean holds it, in %, where a fifth
# of all runs ends at chance: benchmarks/statistics_simulation.py.
COVERAGE_WHERE_A_FIFTH_FAILS = {5: 67, 10: 89, 20: 92}


@dataclasses.dataclass(frozen=True)
class RecipeSummary:
    """Where the scores of one recipe lie; None what is not defined.

    Args:
        num_trials: Trials that count: all but the next kind.
        num_errors: Trials stopped by an error, left out of all else.
        num_diverged: Of `num_trials`; each counts at the majority's score.
        num_failed: Of `num_trials`, diverged ones among them.
        num_degenerate: Of `num_trials`, diverged ones among them.
        num_constant: Of `num_trials`: predict the same for every row.
        std: Sample standard deviation, divisor N - 1. The paper does not say
            which divisor it has.
        lower_quartile: By linear interpolation, as is the upper one.
    """

    label: str
    num_trials: int
    num_errors: int
    num_diverged: int
    num_failed: int
    num_degenerate: int
    num_constant: int
    mean: float | None
    std: float | None
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None
    minimum: float | None
    maximum: float | None
    mean_interval: tuple[float, float] | None
    median_interval: tuple[float, float] | None


def summarize_recipe(label: str, trials: Sequence[Trial]) -> RecipeSummary:
    """Summarises the trials of one recipe, of any status.

    What each of them counts is said in `trial_columns.counted_score`.

    Example:
        >>> trials = [Trial(i, "ok", 0.8 + i / 10, 0.5) for i in range(2)]
        >>> summary = summarize_recipe("zhang", trials)
        >>> print(f"{summary.mean:.2f} {summary.std:.3f}")
        0.85 0.071
    """
    scores = np.array(list(trial_columns.counted_scores(trials).values()))
    counted = [x for x in trials if x.status in ("ok", "diverged")]
    return RecipeSummary(
        label=label,
        num_trials=len(counted),
        num_errors=sum(trial.status == "error" for trial in trials),
        num_diverged=sum(trial.status == "diverged" for trial in counted),
        num_failed=sum(trial.is_failed for trial in counted),
        num_degenerate=sum(trial.is_degenerate for trial in counted),
        num_constant=sum(trial.is_constant for trial in counted),
        **_locations(scores),
        std=float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        mean_interval=mean_interval(scores),
        median_interval=median_interval(scores),
    )


def varies(values: np.ndarray, *, size: float | None = None) -> bool:
    """Whether values differ by more than rounding.

    Args:
        values: `[N]`, N >= 1.
        size: Of the numbers that the values were computed from; None: the
            largest value.

    Example:
        >>> varies(np.array([0.3, 0.1 + 0.2]))  # 5e-17 apart.
        False
    """
    size = np.max(np.abs(values)) if size is None else size
    return bool(np.ptp(values) > 1e-12 * size)


def mean_interval(scores: np.ndarray) -> tuple[float, float] | None:
    """Returns Student's 95 % interval of the mean, ``m -+ t s / sqrt(N)``.

    Its confidence is right for normal scores of any N >= 2. Where a part of
    the runs fails, the scores have two heaps and few trials may hold none of
    the lower one: then it is too narrow or in the wrong place. None for N < 2
    or if all scores are the same, where it would have no width and claim to
    be sure.

    Example:
        >>> low, high = mean_interval(np.array([0.7, 0.8, 0.9]))
        >>> print(f"[{low:.3f}, {high:.3f}]")
        [0.552, 1.048]
    """
    if len(scores) < 2 or not varies(scores):
        return None
    low, high = stats.ttest_1samp(scores, 0).confidence_interval(CONFIDENCE)
    return float(low), float(high)


def median_interval(scores: np.ndarray) -> tuple[float, float] | None:
    """Returns the percentile bootstrap's 95 % interval of the median.

    The distribution of the median over all resamples is known in closed
    form, so none is drawn: this is the limit of the percentile bootstrap for
    many resamples, and needs no seed.

    Args:
        scores: `[N]`, N up to a few hundred.

    Returns:
        ``(low, high)``, each a score or the mean of two; the share of
        resamples whose median is below (above) it is at most 2.5 %. None for
        N < 2 or if all scores are the same. With up to 5 scores it is their
        whole range.

    Example:
        >>> median_interval(np.array([0.5, 0.9, 0.8, 0.7, 0.6, 0.4, 1.0]))
        (0.5, 0.9)

    References:
        Efron, 1979, "Bootstrap methods: another look at the jackknife",
        Section 3. https://doi.org/10.1214/aos/1176344552
    """
    if len(scores) < 2 or not varies(scores):
        return None
    lower, upper, probabilities = _middle_ranks(len(scores))
    ordered = np.sort(scores)
    medians = (ordered[lower] + ordered[upper]) / 2
    order = np.argsort(medians, kind="stable")
    medians, probabilities = medians[order], probabilities[order]
    tail = (1 - CONFIDENCE) / 2
    first = np.searchsorted(np.cumsum(probabilities), tail)
    last = np.searchsorted(np.cumsum(probabilities[::-1]), tail)
    return float(medians[first]), float(medians[::-1][last])


def summary_notes(summary: RecipeSummary) -> list[str]:
    """Returns what a reader of the summary must know, in sentences.

    They are of errors, diverged trials, constant predictions, failed runs.

    Example:
        >>> trials = [Trial(1, "ok", 0.9, 0.5), Trial(2, "error", None, 0.5)]
        >>> summary_notes(summarize_recipe("zhang", trials))
        ['zhang: 1 of 2 trials ended in an error and is left out.']
    """
    notes = []
    if summary.num_errors:
        started = summary.num_trials + summary.num_errors
        verb = "is" if summary.num_errors == 1 else "are"
        notes.append(
            f"{summary.num_errors} of {plurals.counted(started, 'trial')} "
            f"ended in an error and {verb} left out."
        )
    of_trials = f"of {plurals.counted(summary.num_trials, 'trial')}"
    if summary.num_diverged:
        notes.append(
            f"{summary.num_diverged} {of_trials} diverged; counted at the "
            "majority's score."
        )
    if summary.num_constant:
        notes.append(
            f"The same prediction for every example in {summary.num_constant} "
            f"{of_trials}; a correlation then counts as 0."
        )
    if summary.num_failed:
        notes.append(f"{summary.num_failed} {of_trials} failed.")
    return [f"{summary.label}: {note}" for note in notes]


def failed_runs_notes(summaries: Sequence[RecipeSummary]) -> list[str]:
    """Returns a warning of intervals where failed runs and few trials meet.

    It is one for all recipes of a task; `summary_notes` says which of them
    have failed runs.
    """
    few = max(COVERAGE_WHERE_A_FIFTH_FAILS)
    if not any(
        x.num_failed and x.num_trials <= few and x.mean_interval is not None
        for x in summaries
    ):
        return []
    found = ", ".join(
        f"{coverage} % of cases with {n} trials"
        for n, coverage in COVERAGE_WHERE_A_FIFTH_FAILS.items()
    )
    return [
        "With failed runs among few trials the interval of the mean cannot be "
        "trusted: if a fifth of all runs fail, it holds the mean in about "
        f"{found}, not in 95 %. Read the median and the single scores, or run "
        "more trials (--num_trials)."
    ]


def _locations(scores: np.ndarray) -> dict[str, float | None]:
    names = ("minimum", "lower_quartile", "median", "upper_quartile", "maximum")
    if not len(scores):
        return dict.fromkeys(("mean", *names))
    quantiles = np.quantile(scores, [0, 0.25, 0.5, 0.75, 1]).tolist()
    return {
        "mean": float(np.mean(scores)),
        **dict(zip(names, quantiles, strict=True)),
    }


@functools.lru_cache(maxsize=32)
def _middle_ranks(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns which of n sorted values are in the middle of a resample.

    For odd n = 2m - 1 the middle one has a rank up to a as often as m or more
    of n draws do: ``P(Binomial(n, a/n) >= m)``. For even n = 2m the two in
    the middle have ranks up to a and above b >= a as often as exactly m draws
    are up to a and the others above b:
    ``S(a, b) = C(n, m) (a/n)^m (1 - b/n)^m``.

    Returns:
        `(lower, upper, probabilities)`, each `[pairs]`: ranks from 0.
    """
    m = (n + 1) // 2
    share = np.arange(n + 1) / n
    # P(the m-th smallest draw = a), a = 1 .. n.
    middle = np.diff(special.betainc(m, n - m + 1, share))
    if n % 2:
        return np.arange(n), np.arange(n), middle
    log_choices = special.gammaln(n + 1) - 2 * special.gammaln(m + 1)
    # With 4^m drawn into the power neither factor leaves the floats.
    choices = math.exp(log_choices - m * math.log(4))
    # Above the diagonal the product is at most 1; below it nothing is used.
    product = np.minimum(4 * np.outer(share, 1 - share), 1)  # [n + 1, n + 1]
    both = choices * product**m
    # P(m-th = a, next = b) for a < b: the mixed difference of S.
    pairs = np.triu(-np.diff(np.diff(both, axis=0), axis=1), k=1)  # [n, n]
    np.fill_diagonal(pairs, middle - pairs.sum(axis=1))
    lower, upper = np.triu_indices(n)
    return lower, upper, np.maximum(pairs[lower, upper], 0)
