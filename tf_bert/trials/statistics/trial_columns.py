"""Which trials came to nothing, and what such a trial counts in a mean.

Three words for three facts: a trial is *failed* if its last step is no better
than chance on the validation rows (Mosbach et al., 2021), *degenerate* if its
chosen checkpoint is no better than the majority class on the test rows (Zhang
et al., 2021), and *diverged* if a loss or logit was not finite. A trial with
the status `error` is none of them: the machine stopped it.
"""

import dataclasses
import math
from collections.abc import Hashable, Sequence

import numpy as np

STATUSES = ("ok", "diverged", "error")

# Two ways to compute one share differ by rounding; the shares of two counts
# of rows differ by far more.
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Trial:
    """What the statistics need to know of one trial.

    Args:
        seeds: What the same trial of another recipe shares with this one:
            its seeds, in a form that can be a key.
        status: One of `STATUSES`.
        score: Task metric of the chosen checkpoint on the split that is
            summarised, higher is better. Without effect unless `status` is
            ``ok``.
        majority: The same metric of the majority class (regression: 0).
        is_failed: See `is_failed`.
        is_degenerate: See `is_degenerate`.
        is_constant: See `is_constant`.
    """

    seeds: Hashable
    status: str
    score: float | None
    majority: float
    is_failed: bool = False
    is_degenerate: bool = False
    is_constant: bool = False


def is_failed(*, status: str, last_score: float | None, chance: float) -> bool:
    """Whether training ended no better than chance.

    It looks at the last step, not at the chosen checkpoint: early stopping
    can hide that a run collapsed.

    Args:
        status: One of `STATUSES`; any but ``ok`` is failed.
        last_score: On the validation rows after the last step: accuracy,
            whatever the task's metric is; the task's correlation for
            regression. None (not defined) is failed.
        chance: Share of the most frequent class among these rows; 0 for
            regression. Constant predictions have a correlation of 0 here
            (`tf_bert.scoring.metrics`), so they fail.

    Returns:
        True if the score is not above `chance`.

    Example:
        >>> is_failed(status="ok", last_score=0.527, chance=0.527)
        True

    References:
        Mosbach et al., 2021, "failed run". https://arxiv.org/abs/2006.04884
    """
    return status != "ok" or not _is_above(last_score, chance)


def is_degenerate(
    *, status: str, test_score: float | None, majority_score: float
) -> bool:
    """Whether the chosen checkpoint is no better than the majority class.

    The paper calls a model degenerate that fails "to outperform the random
    baseline" and gives no threshold. Here it is the majority baseline on the
    same rows and by the same metric; the paper's example, RTE below 55 %, is
    a little above that (52.5 %).

    Args:
        status: One of `STATUSES`; any but ``ok`` is degenerate.
        test_score: Task metric of the chosen checkpoint on the test rows,
            higher is better; None (not defined) is degenerate.
        majority_score: The same metric of the majority class of the training
            rows; 0 for regression.

    Returns:
        True if the score is not above the majority's.

    Example:
        >>> is_degenerate(status="ok", test_score=0.81, majority_score=0.812)
        True

    References:
        Zhang et al., 2021. https://arxiv.org/abs/2006.05987
    """
    return status != "ok" or not _is_above(test_score, majority_score)


def is_constant(predictions: np.ndarray) -> bool:
    """Whether every row gets one and the same class or score.

    Args:
        predictions: `[N]`, class ids or scores, N >= 1.

    Example:
        >>> is_constant(np.array([1, 1, 1]))
        True
    """
    return bool(np.ptp(np.asarray(predictions)) == 0)


def counted_score(trial: Trial) -> float | None:
    """Returns what a trial counts in a mean; None if it does not count.

    A diverged trial has no score, yet leaving it out would flatter a recipe
    for the very runs that it ruins. Such a run is worth as much as always
    saying the majority class, and counts as that. A trial stopped by an
    error says nothing about its recipe and is left out; the summary counts
    it, so that nobody takes ten trials less three for seven.

    Args:
        trial: Of any status.

    Raises:
        ValueError: If the status is unknown or a score that counts is not a
            finite number.

    Example:
        >>> counted_score(Trial(1, "diverged", None, majority=0.5))
        0.5
    """
    if trial.status not in STATUSES:
        raise ValueError(
            "`status` must be one of the known ones. Received: "
            f"status={trial.status!r}, seeds={trial.seeds}. Choose one of: "
            f"{', '.join(STATUSES)}."
        )
    if trial.status == "error":
        return None
    score = trial.score if trial.status == "ok" else trial.majority
    if score is None or not math.isfinite(score):
        raise ValueError(
            "A trial that counts must have a finite score. Received: "
            f"score={score}, status={trial.status!r}, seeds={trial.seeds}. "
            "Give a trial without a score the status 'diverged', or delete "
            "its file and run it again."
        )
    return float(score)


def counted_scores(trials: Sequence[Trial]) -> dict[Hashable, float]:
    """Returns the scores that count by their seeds, for `compare_recipes`.

    Args:
        trials: Of one recipe, no two with the same seeds.

    Raises:
        ValueError: If two trials have the same seeds, or as `counted_score`.

    Example:
        >>> counted_scores([Trial(1, "ok", 0.9, 0.5), Trial(2, "error", None,
        ...     0.5)])
        {1: 0.9}
    """
    seeds = [trial.seeds for trial in trials]
    if len(set(seeds)) < len(seeds):
        twice = next(s for s in seeds if seeds.count(s) > 1)
        raise ValueError(
            "No two trials of a recipe may have the same seeds. Received: "
            f"seeds={twice} twice. Pass a folder of trials only once."
        )
    scores = {trial.seeds: counted_score(trial) for trial in trials}
    return {key: score for key, score in scores.items() if score is not None}


def _is_above(score: float | None, chance: float) -> bool:
    # NaN is above nothing.
    return score is not None and score > chance + _ROUNDING
