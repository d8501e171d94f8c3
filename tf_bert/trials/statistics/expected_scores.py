"""How good the best of n trials is expected to be, for n = 1 .. N.

"Best" is always by the validation score; what one gets is the test score.
The expected test score can fall with n: the trial that is best on few
validation rows is more and more often the luckiest one.

Letters: N trials that were run, n of them that a user would run, R
repetitions.
"""

import dataclasses

import numpy as np

NUM_REPETITIONS = 1000  # R, as in the paper.


@dataclasses.dataclass(frozen=True)
class ExpectedScores:
    """Scores of the trial that is best on the validation rows, among n.

    Args:
        test_mean: `[N]`, for n = 1 .. N: its expected test score.
        test_std: `[N]`: the spread of its test score.
        validation_mean: `[N]`: its expected validation score.
        validation_std: `[N]`: the spread of that.
    """

    test_mean: np.ndarray
    test_std: np.ndarray
    validation_mean: np.ndarray
    validation_std: np.ndarray


def expected_scores(
    validation: np.ndarray,
    test: np.ndarray,
) -> ExpectedScores:
    """Returns both curves; see the two functions that they are from.

    The two are drawn differently, each as its source has it: the test curve
    with replacement, the validation curve without.

    Args:
        validation: `[N]`, task metric of each trial's chosen checkpoint on
            the validation rows, finite, higher is better; N >= 1.
        test: `[N]`, the same on the test rows, of the same trials.
    """
    test_mean, test_std = expected_test_scores(validation, test)
    validation_mean, validation_std = expected_validation_scores(validation)
    return ExpectedScores(test_mean, test_std, validation_mean, validation_std)


def expected_test_scores(
    validation: np.ndarray,
    test: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns what the best of n trials by validation scores on test rows.

    The paper's bootstrap: draw n of the N trials with replacement, take the
    one with the best validation score, record its test score; R times. Of
    equally good ones the first drawn is taken. A repetition goes on from n
    to n + 1 with one more draw, so that the curve is smooth; each n by itself
    is drawn as in the paper.

    Returns:
        ``(mean, std)`` over the repetitions, each `[N]`, for n = 1 .. N. The
        standard deviation has the divisor R.

    Example:
        >>> mean, std = expected_test_scores([0.6, 0.9], [0.8, 0.8])
        >>> print(mean, std.round(9))
        [0.8 0.8] [0. 0.]

    References:
        Zhang et al., 2021, Figure 4. https://arxiv.org/abs/2006.05987
    """
    validation, test = np.asarray(validation), np.asarray(test)
    num_trials = len(test)
    rng = np.random.default_rng(0)
    drawn = rng.integers(num_trials, size=(num_trials, NUM_REPETITIONS))
    best = drawn[0]  # [R]
    mean, std = np.empty(num_trials), np.empty(num_trials)
    for i, further in enumerate(drawn):
        is_better = validation[further] > validation[best]
        best = np.where(is_better, further, best)
        mean[i], std[i] = np.mean(test[best]), np.std(test[best])
    return mean, std


def expected_validation_scores(
    validation: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the expected maximum of n validation scores, without bias.

    With ``v_(1) <= .. <= v_(N)``, the mean over all ways to take n of the N
    trials: ``E = sum_i w_i v_(i)``, ``w_i = C(i-1, n-1) / C(N, n)``. Dodge et
    al. take them with replacement, ``w_i = (i/N)^n - ((i-1)/N)^n``, which
    expects too little of n close to N.

    Returns:
        ``(mean, std)``, each `[N]`, for n = 1 .. N, where
        ``std^2 = sum_i w_i (v_(i) - E)^2``: 0 for n = N, where there is only
        one way.

    Example:
        >>> mean, std = expected_validation_scores([3.0, 1.0, 2.0])
        >>> print(mean.round(3), std.round(3))
        [2.    2.667 3.   ] [0.816 0.471 0.   ]

    References:
        Tang et al., 2020, "Showing Your Work Doesn't Always Work".
        https://arxiv.org/abs/2004.13705
        Dodge et al., 2019, "Show Your Work", Section 3.
        https://arxiv.org/abs/1909.03004
    """
    ordered = np.sort(validation)
    num_trials = len(ordered)
    weights = _largest_of(num_trials)
    mean = weights @ ordered
    variance = np.sum(weights * (ordered - mean[:, None]) ** 2, axis=1)
    return mean, np.sqrt(variance)


def worthwhile_trials(expected: ExpectedScores) -> int:
    """Returns how many trials are worth running: as few as do.

    The smallest n whose expected test score is within one standard error of
    the highest of the curve, at n'. N trials hold N / n' groups of n', so
    that the standard error there is ``std(n') sqrt(n' / N)``: the best of
    all N trials is a single observation, and no reason to run as many.

    References:
        Breiman et al., 1984, "Classification and Regression Trees", Section
        3.4.3, for the rule of one standard error.
    """
    enough = np.max(expected.test_mean) - _standard_error(expected)
    return int(np.argmax(expected.test_mean >= enough)) + 1


def trials_advice(expected: ExpectedScores) -> str:
    """Returns how many trials are worth it, in sentences.

    They say, too, if all N trials are expected to give a test score that is
    lower than the highest by more than a standard error.

    Example:
        >>> same = [0.8, 0.8, 0.8]
        >>> print(trials_advice(expected_scores(same, same)))
        All 3 trials have one test score (0.800): to choose one gains nothing.
    """
    mean = expected.test_mean
    num_trials = len(mean)
    if num_trials == 1:
        return (
            "One trial says nothing about how many are worth it: run more "
            "(--num_trials)."
        )
    if expected.test_std[0] <= 1e-12:  # Rounding.
        return (
            f"All {num_trials} trials have one test score ({mean[0]:.3f}): "
            "to choose one gains nothing."
        )
    n, peak = worthwhile_trials(expected), int(np.argmax(mean))
    error = _standard_error(expected)
    sentences = [_worth_it(mean, n, peak, error)]
    if mean[-1] < mean[peak] - error:
        sentences.append(
            f"More can hurt: the best of {num_trials} is expected to score "
            f"{mean[-1]:.3f}, because the best of many on the validation "
            "examples is more and more often only the luckiest."
        )
    return " ".join(sentences)


def _largest_of(num_trials: int) -> np.ndarray:
    """Returns `[N, N]`: how often the i-th of N is the largest of n of them.

    Row n - 1, column i - 1, from ``w_N = n / N`` downwards by ``w_i / w_(i+1)
    = (i - n + 1) / i``: the binomials themselves leave the floats.
    """
    n = np.arange(1, num_trials + 1)[:, None]
    i = np.arange(num_trials - 1, 0, -1)[None, :]
    ratios = np.maximum(i - n + 1, 0) / i  # [N, N - 1]
    falling = np.cumprod(np.hstack([n / num_trials, ratios]), axis=1)
    return falling[:, ::-1]


def _worth_it(mean: np.ndarray, n: int, peak: int, error: float) -> str:
    if n == 1:
        return (
            "More than one trial is not clearly worth it: one is expected to "
            f"score {mean[0]:.3f} on the test examples, and the best of up to "
            f"{len(mean)} by validation gains no more than "
            f"{mean[peak] - mean[0]:.3f}, within one standard error "
            f"({error:.3f})."
        )
    return (
        f"{n} trials are worth it: the best of {n} by validation is expected "
        f"to score {mean[n - 1]:.3f} on the test examples, one alone "
        f"{mean[0]:.3f}; no other number up to {len(mean)} gains more than "
        f"one standard error ({error:.3f}) on that."
    )


def _standard_error(expected: ExpectedScores) -> float:
    """Of the highest expected test score."""
    peak = int(np.argmax(expected.test_mean))
    share = (peak + 1) / len(expected.test_mean)
    return float(expected.test_std[peak] * share**0.5)
