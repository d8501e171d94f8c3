"""Is one recipe better than another? Tests over their trials.

Each recipe against one baseline, never all against all: k recipes give k - 1
questions. All tests are two-sided but the paper's.

Letters: N and M trials of the recipe and of the baseline.
"""

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from tf_bert.scoring.number_texts import p_value
from tf_bert.trials.statistics import two_sample_tests
from tf_bert.trials.statistics.recipe_summary import OVER_SEEDS, varies

# The key of a p-value -> what its column is called.
TEST_NAMES = {
    "welch": "Welch t",
    "permutation": "permutation",
    "paired": "paired t (same seeds)",
    "levene": "Levene (median)",
    "student": "Student one-tailed (the paper's test)",
}


@dataclasses.dataclass(frozen=True)
class PValue:
    """The outcome of one test.

    Args:
        value: None where it is not defined: the scores of both recipes do not
            vary, or there are too few.
        holm: `value` after Holm's correction over the same test of all
            recipes; None where `value` is, and for the paper's test, which
            the paper does not correct.
    """

    value: float | None
    holm: float | None


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One recipe against the baseline.

    Args:
        num_trials: N.
        num_baseline_trials: M.
        difference: Mean of the recipe less that of the baseline; None if
            either has no trial.
        interval: 95 % interval of the difference, by Welch's t; None where
            that test is not defined.
        p_values: Key of `TEST_NAMES` -> outcome. ``levene`` is about the
            spread, the others are about the mean.
        smallest_p: The smallest that the permutation test can give for N and
            M trials, before Holm's correction.
    """

    label: str
    baseline: str
    num_trials: int
    num_baseline_trials: int
    difference: float | None
    interval: tuple[float, float] | None
    p_values: dict[str, PValue]
    smallest_p: float


def compare_recipes(
    scores: Mapping[str, Mapping[Hashable, float]],
    *,
    baseline: str | None = None,
) -> list[Comparison]:
    """Compares each recipe with one baseline, within one task.

    The tests of the mean: Welch's t, which allows different spreads; the
    permutation test, which needs no normal scores; the paired t over trials
    with the same seeds, which is sharper where a seed is good or bad for
    both. (The paired test is the t, not sign flips: five pairs have 32 of
    them, so that no p could be below 0.06.) Decide which of them counts
    before looking at the scores, not by which p is smallest.

    Args:
        scores: Label -> seeds -> score, finite, higher is better; see
            `trial_columns.counted_scores`. Trials with equal seeds are pairs.
        baseline: A label of `scores`; None takes the first.

    Returns:
        One comparison for each other label, in their order.

    Example:
        >>> mine = {1: 0.91, 2: 0.93, 3: 0.92}
        >>> base = {1: 0.81, 2: 0.84, 3: 0.80}
        >>> result = compare_recipes({"base": base, "mine": mine})[0]
        >>> print(f"{result.difference:+.3f}")
        +0.103
        >>> p_values = result.p_values
        >>> print(f"{p_values['welch'].value:.4f} {result.smallest_p:.1f}")
        0.0052 0.1
    """
    if not scores:
        return []
    baseline = _chosen_baseline(scores, baseline)
    others = [label for label in scores if label != baseline]
    p_values = _with_holm(
        [_raw_p_values(scores[label], scores[baseline]) for label in others]
    )
    return [
        _comparison(label, baseline, scores, outcome)
        for label, outcome in zip(others, p_values, strict=True)
    ]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Returns p-values corrected for how many there are, by Holm's method.

    With ``p_(1) <= .. <= p_(k)``: ``max_{j <= i} (k - j + 1) p_(j)``, at
    most 1. The chance of any wrong rejection stays at the level, however the
    tests depend on each other. None is not counted, and stays None.

    References:
        Holm, 1979, "A simple sequentially rejective multiple test procedure".

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    corrected: list[float | None] = [None] * len(p_values)
    defined = [i for i, p in enumerate(p_values) if p is not None]
    largest = 0.0
    for j, i in enumerate(sorted(defined, key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(defined) - j) * p_values[i]))
        corrected[i] = largest
    return corrected


def comparison_notes(comparisons: Sequence[Comparison]) -> list[str]:
    """Returns what a reader of the p-values must know, in sentences.

    How the permutations were taken and the smallest p they can give, once for
    each pair of counts; what Holm's correction covers; why a p is not defined;
    and over what intervals and p-values are. Empty without a comparison.

    Example:
        >>> recipes = {name: dict(enumerate(range(5))) for name in "ab"}
        >>> print(comparison_notes(compare_recipes(recipes))[0])
        5 against 5 trials: permutation over all 252 splits, smallest p 0.008.
    """
    if not comparisons:
        return []
    counts = [
        (c.num_trials, c.num_baseline_trials)
        for c in comparisons
        if c.num_trials and c.num_baseline_trials
    ]
    notes = [
        _permutation_note(n, m, len(counts)) for n, m in dict.fromkeys(counts)
    ]
    if len(comparisons) > 1:
        notes.append(
            "Each test is corrected by Holm's method over its "
            f"{len(comparisons)} comparisons, but for the paper's own."
        )
    p_values = [p for c in comparisons for p in c.p_values.values()]
    if any(p.value is None for p in p_values):
        notes.append(
            "A p-value is not defined where there are too few scores, or "
            "where they, their differences or their distances from the median "
            "do not vary."
        )
    return [*notes, OVER_SEEDS]


def _permutation_note(n: int, m: int, num_comparisons: int) -> str:
    smallest = two_sample_tests.smallest_permutation_p(n, m)
    splits = math.comb(n + m, n)
    taken = (
        f"all {splits:,} splits"
        if two_sample_tests.is_exact(n, m)
        else f"{two_sample_tests.NUM_RESAMPLES:,} drawn splits"
    )
    note = (
        f"{n} against {m} trials: permutation over {taken}, smallest p "
        f"{p_value(smallest)}"
    )
    if num_comparisons > 1:
        smallest = min(1.0, smallest * num_comparisons)
        note += f" ({p_value(smallest)} after Holm's correction)"
    if smallest <= 0.05:
        return f"{note}."
    return (
        f"{note}. Whatever the scores are, it calls no difference significant "
        "at 5 %: run more trials (--num_trials)."
    )


def _with_holm(
    raw: Sequence[Mapping[str, float | None]],
) -> list[dict[str, PValue]]:
    """Returns each recipe's p-values, corrected test by test."""
    outcomes: list[dict[str, PValue]] = [{} for _ in raw]
    for test in TEST_NAMES:
        values = [p_values[test] for p_values in raw]
        is_papers = test == "student"
        corrected = [None] * len(raw) if is_papers else holm(values)
        for outcome, value, holm_value in zip(
            outcomes, values, corrected, strict=True
        ):
            outcome[test] = PValue(value, holm_value)
    return outcomes


def _raw_p_values(
    recipe: Mapping[Hashable, float], baseline: Mapping[Hashable, float]
) -> dict[str, float | None]:
    a, b = np.array(list(recipe.values())), np.array(list(baseline.values()))
    pairs = _pairs(recipe, baseline)
    is_possible = {
        "permutation": min(len(a), len(b)) > 0,
        "welch": _has_t(a, b),
        "student": _has_t(a, b),
        "paired": pairs.shape[1] > 1
        and varies(pairs[0] - pairs[1], size=np.max(np.abs(pairs))),
        "levene": _has_t(a, b) and _spreads_vary(a, b),
    }
    p_values: dict[str, float | None] = {}
    for name in TEST_NAMES:
        samples = pairs if name == "paired" else (a, b)
        p_values[name] = None
        if is_possible[name]:
            p_values[name] = float(two_sample_tests.TESTS[name](*samples))
    return p_values


def _pairs(
    recipe: Mapping[Hashable, float], baseline: Mapping[Hashable, float]
) -> np.ndarray:
    """Returns `[2, pairs]`: both scores of the seeds that both have."""
    seeds = [key for key in recipe if key in baseline]
    return np.array(
        [[scores[key] for key in seeds] for scores in (recipe, baseline)]
    )


def _has_t(a: np.ndarray, b: np.ndarray) -> bool:
    # Else the difference would be divided by a spread of 0, or by none.
    return min(len(a), len(b)) > 1 and (varies(a) or varies(b))


def _spreads_vary(a: np.ndarray, b: np.ndarray) -> bool:
    size = max(np.max(np.abs(a)), np.max(np.abs(b)))
    return any(varies(np.abs(x - np.median(x)), size=size) for x in (a, b))


def _comparison(
    label: str,
    baseline: str,
    scores: Mapping[str, Mapping[Hashable, float]],
    p_values: dict[str, PValue],
) -> Comparison:
    a, b = (np.array(list(scores[name].values())) for name in (label, baseline))
    n, m = len(a), len(b)
    interval = two_sample_tests.welch_interval(a, b) if _has_t(a, b) else None
    return Comparison(
        label=label,
        baseline=baseline,
        num_trials=n,
        num_baseline_trials=m,
        difference=float(a.mean() - b.mean()) if n and m else None,
        interval=interval,
        p_values=p_values,
        smallest_p=two_sample_tests.smallest_permutation_p(n, m),
    )


def _chosen_baseline(labels: Sequence[str], baseline: str | None) -> str:
    if baseline is None:
        return next(iter(labels))
    if baseline not in labels:
        raise ValueError(
            f"There is no such recipe. Received: baseline={baseline!r}. Pass "
            f"--baseline with one of: {', '.join(map(repr, labels))}."
        )
    return baseline
