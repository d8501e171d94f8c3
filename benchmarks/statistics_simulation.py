"""Do the intervals of scores, and the tests over trials, keep their promise?

    python benchmarks/statistics_simulation.py [--quick]

Prints the table of `interval_simulation.py` and stores its numbers beside it.
Then draws many experiments of 5, 10 and 20 trials from scores whose truth is
known and prints two tables: how often the 95 % intervals hold the true mean
and median, and how often each test at the 5 % level rejects two equal recipes.
The whole takes four minutes on two cores; with --quick, which stores nothing,
seconds.

Normal scores are normal(0.9, 0.01). "A fifth fails": with probability 0.2 a
run ends at chance, 0.5 exactly, else it is normal(0.9, 0.01). Where no run of
an experiment happens to fail (0.8^5 = 33 % of those of 5 trials), the interval
of the mean misses 0.82 by far: more than 5 % of the time for any few trials.
"""

import argparse
from collections.abc import Callable
from concurrent import futures

import interval_simulation
import numpy as np
from scipy import special, stats

from tf_bert.trials.statistics import (
    recipe_summary,
    recipe_tests,
    two_sample_tests,
)

NUM_TRIALS = (5, 10, 20)
NUM_DRAWS = 10_000
_MEAN, _STD, _CHANCE, _SHARE_FAILED = 0.9, 0.01, 0.5, 0.2

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def draw_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Returns scores of a recipe of which no run fails."""
    return rng.normal(_MEAN, _STD, shape)


def draw_failing(
    rng: np.random.Generator, shape: tuple[int, ...]
) -> np.ndarray:
    """Returns scores of a recipe of which a fifth of the runs fails."""
    is_failed = rng.random(shape) < _SHARE_FAILED
    return np.where(is_failed, _CHANCE, draw_normal(rng, shape))


# What the scores are -> how they are drawn, their true mean and median.
SOURCES: dict[str, tuple[Draw, float, float]] = {
    "normal": (draw_normal, _MEAN, _MEAN),
    "a fifth fails": (
        draw_failing,
        _SHARE_FAILED * _CHANCE + (1 - _SHARE_FAILED) * _MEAN,
        # Half of all runs are below it: the failed and 3/8 of the others.
        _MEAN
        + _STD
        * special.ndtri((0.5 - _SHARE_FAILED) / (1 - _SHARE_FAILED)).item(),
    ),
}


def coverage(
    source: str, num_trials: int, *, num_draws: int = NUM_DRAWS, seed: int = 0
) -> tuple[float, float]:
    """Returns how often the intervals hold the true mean and median.

    An interval that is not defined, because all scores are the same, holds
    nothing.

    Args:
        source: A key of `SOURCES`.
        num_trials: Of one experiment.
        num_draws: Experiments.
        seed: Of the draws.

    Returns:
        ``(share of means, share of medians)``, each in [0, 1].
    """
    draw, mean, median = SOURCES[source]
    experiments = draw(np.random.default_rng(seed), (num_draws, num_trials))
    # All at once what `mean_interval` computes one by one, in a hundredth of
    # the time. Where all scores are the same it has no width.
    low, high = stats.ttest_1samp(experiments, 0, axis=1).confidence_interval()
    return (
        np.mean((low <= mean) & (mean <= high)).item(),
        np.mean(
            [
                _holds(recipe_summary.median_interval(scores), median)
                for scores in experiments
            ]
        ).item(),
    )


def rejections(
    num_trials: int, *, num_draws: int = NUM_DRAWS, seed: int = 0
) -> dict[str, float]:
    """Returns how often each test finds a difference between equal recipes.

    Args:
        num_trials: Of each of the two recipes, normal scores.
        num_draws: Experiments.
        seed: Of the draws.

    Returns:
        Key of `recipe_tests.TEST_NAMES` -> share of p-values up to 0.05.
    """
    shape = (2, num_draws, num_trials)
    a, b = draw_normal(np.random.default_rng(seed), shape)
    return {
        name: np.mean(two_sample_tests.TESTS[name](a, b) <= 0.05).item()
        for name in recipe_tests.TEST_NAMES
    }


def coverage_table(num_draws: int) -> str:
    """Returns the coverage of the 95 % intervals in Markdown."""
    rows = []
    for source in SOURCES:
        shares = [coverage(source, n, num_draws=num_draws) for n in NUM_TRIALS]
        for i, what in enumerate(("mean", "median")):
            rows.append([f"{what}, {source}", *(pair[i] for pair in shares)])
    return _table("95 % interval holds the true", rows)


def rejection_table(num_draws: int) -> str:
    """Returns the rejections of equal recipes in Markdown."""
    shares = [rejections(n, num_draws=num_draws) for n in NUM_TRIALS]
    return _table(
        "test rejects equal recipes (level 5 %)",
        [
            [title, *(row[name] for row in shares)]
            for name, title in recipe_tests.TEST_NAMES.items()
        ],
    )


def main() -> None:
    """Prints the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num_draws", type=int)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    num_draws = arguments.num_draws or (200 if arguments.quick else NUM_DRAWS)
    with futures.ProcessPoolExecutor(1 if arguments.quick else 2) as pool:
        found = interval_simulation.simulate_all(pool, quick=arguments.quick)
    if not arguments.quick:
        interval_simulation.write(found)
    print(interval_simulation.table(found), end="\n\n")
    print(f"{num_draws:,} experiments each.\n")
    print(coverage_table(num_draws), end="\n\n")
    print(rejection_table(num_draws))


def _holds(interval: tuple[float, float] | None, value: float) -> bool:
    return interval is not None and interval[0] <= value <= interval[1]


def _table(title: str, rows: list[list[str | float]]) -> str:
    heads = [f"{n} trials" for n in NUM_TRIALS]
    lines = [[title, *heads], ["---"] + ["---:"] * len(heads)]
    lines += [[name, *(f"{x:.1%}" for x in shares)] for name, *shares in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
