"""Which trials came to nothing, and what such a trial counts in a mean."""

import dataclasses
import math
from collections.abc import Hashable, Sequence

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
        status: One of `STATUSES`. Diverged: a loss or logit was not finite;
            error: the machine stopped it.
        score: Task metric of the chosen checkpoint on the split that is
            summarised, higher is better. Without effect unless `status` is
            ``ok``.
        majority: The same metric of the majority class (regression: 0).
        is_failed: Its training ended no better than chance. It is the last
            step that counts, by accuracy on the validation rows (regression:
            the task's correlation): the choice of a checkpoint can hide that
            a run collapsed.
        is_degenerate: Its chosen checkpoint is no better than the majority
            class, by the task's metric on the test rows. The paper says "fail
            to outperform the random baseline" and gives no threshold; its
            example, RTE below 55 %, is a little above this one (52.5 %).
        is_constant: Every row gets one and the same class or score.

    References:
        Mosbach et al., 2021, "failed run". https://arxiv.org/abs/2006.04884
        Zhang et al., 2021, "degenerate". https://arxiv.org/abs/2006.05987
    """

    seeds: Hashable
    status: str
    score: float | None
    majority: float
    is_failed: bool = False
    is_degenerate: bool = False
    is_constant: bool = False


def is_above(score: float | None, other: float) -> bool:
    """Whether a score is above another one by more than rounding.

    What is not defined (None or NaN) is above nothing.

    Example:
        >>> is_above(0.1 + 0.2, 0.3), is_above(0.31, 0.3), is_above(None, 0.0)
        (False, True, False)
    """
    return score is not None and score > other + _ROUNDING


def counted_score(trial: Trial) -> float | None:
    """Returns what a trial counts in a mean; None if it does not count.

    A diverged trial has no score, yet leaving it out would flatter a recipe
    for the very runs that it ruins. Such a run is worth as much as always
    saying the majority class, and counts as that. A trial stopped by an
    error says nothing about its recipe and is left out; the summary counts
    it, so that nobody takes ten trials less three for seven.

    Example:
        >>> counted_score(Trial(1, "diverged", None, majority=0.5))
        0.5
    """
    if trial.status not in STATUSES:
        raise ValueError(
            "There is no such status of a trial. Received: "
            f"status={trial.status!r}, seeds={trial.seeds}. Choose one of: "
            f"{', '.join(STATUSES)}."
        )
    if trial.status == "error":
        return None
    score = trial.score if trial.status == "ok" else trial.majority
    if score is None or not math.isfinite(score):
        raise ValueError(
            "A trial that counts has no finite score. Received: "
            f"score={score}, status={trial.status!r}, seeds={trial.seeds}. "
            "Give a trial without a score the status 'diverged', or delete "
            "its file and run it again."
        )
    return float(score)


def counted_scores(trials: Sequence[Trial]) -> dict[Hashable, float]:
    """Returns the scores of one recipe that count, by their seeds."""
    seeds = [trial.seeds for trial in trials]
    if len(set(seeds)) < len(seeds):
        twice = next(s for s in seeds if seeds.count(s) > 1)
        raise ValueError(
            "Two trials of a recipe have the same seeds. Received: "
            f"seeds={twice} twice. Pass a folder of trials only once."
        )
    scores = {trial.seeds: counted_score(trial) for trial in trials}
    return {key: score for key, score in scores.items() if score is not None}
