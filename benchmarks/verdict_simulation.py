"""Does the verdict on two models keep what it promises?

    python benchmarks/verdict_simulation.py [--quick]

Draws test sets from a population in which the labels and the predictions of
two models have known probabilities, compares the models on each as a run
compares BERT with TF-IDF, and prints in how many of them the 95 % interval
holds the true difference, and in how many the verdict is that one model is
better. Where the models are equally good, that should be 5 % at most. Takes
some minutes on two cores.

Where both models are right in 0.9 of each class, nine tenths of their
predictions are shared in "alike" and half of them in "unlike".
"""

import argparse
import dataclasses

import numpy as np

from tf_bert.scoring import paired_rows
from tf_bert.scoring.metrics import METRICS

NUM_ROWS = (50, 200)
NUM_DRAWS = 1000
# Fewer than a run takes, for speed: p-values are the same on average.
_NUM_SAMPLES = 1000
_LEVEL = 0.05


@dataclasses.dataclass(frozen=True)
class Models:
    """Two models of some quality.

    Args:
        title: Of the table's row.
        right: Share of each class that the first and the second has right;
            wrong predictions are spread evenly over the other classes.
        shared: Share of the rows where the second predicts as the first, as
            far as their qualities allow.
    """

    title: str
    right: tuple[float, float]
    shared: float


MODELS = (
    Models("0.9 and 0.9, alike", (0.9, 0.9), 0.9),
    Models("0.9 and 0.9, unlike", (0.9, 0.9), 0.5),
    Models("0.9 and 0.8", (0.9, 0.8), 0.5),
    Models("0.95 and 0.6", (0.95, 0.6), 1.0),
)
# Title -> metric, probability of each class.
TASKS: dict[str, tuple[str, tuple[float, ...]]] = {
    "accuracy": ("accuracy", (0.5, 0.5)),
    "F1, half positive": ("f1", (0.5, 0.5)),
    "F1, a tenth positive": ("f1", (0.9, 0.1)),
    "macro F1, 5 classes": ("macro_f1", (0.2,) * 5),
    "macro F1, 20 classes": ("macro_f1", (0.05,) * 20),
    "Matthews, a tenth positive": ("matthews", (0.9, 0.1)),
}


def population(shares: tuple[float, ...], models: Models) -> np.ndarray:
    """Returns the probability of each label with each pair of predictions.

    Args:
        shares: `[C]`, of the classes.
        models: Of which the predictions are.

    Returns:
        float64 `[C, C, C]`, of sum 1: label, first and second prediction.
    """
    num_classes = len(shares)
    result = np.empty((num_classes,) * 3)
    for label, share in enumerate(shares):
        a, b = (
            np.where(
                np.arange(num_classes) == label,
                right,
                (1 - right) / (num_classes - 1),
            )
            for right in models.right
        )
        both = np.minimum(a, b)
        shared = np.diag(both)
        if both.sum() < 1 - 1e-12:
            shared += np.outer(a - both, b - both) / (1 - both.sum())
        result[label] = share * (
            models.shared * shared + (1 - models.shared) * np.outer(a, b)
        )
    return result


def outcome(
    task: str, models: Models, num_rows: int, *, num_draws: int = NUM_DRAWS
) -> tuple[float, float]:
    """Returns how often the interval is right, and a difference is found.

    Args:
        task: A key of `TASKS`.
        models: Which are compared.
        num_rows: Of each test set.
        num_draws: Test sets.

    Returns:
        ``(share of intervals that hold the true difference, share of verdicts
        that one model is better)``, each in [0, 1].
    """
    name, shares = TASKS[task]
    metric, probabilities = METRICS[name], population(shares, models).ravel()
    labels, a, b = np.unravel_index(
        np.arange(probabilities.size), (len(shares),) * 3
    )
    true = metric(labels, a, probabilities) - metric(labels, b, probabilities)
    rng = np.random.default_rng(0)
    held, found = 0, 0
    for seed in range(num_draws):
        rows = rng.choice(probabilities.size, num_rows, p=probabilities)
        result = paired_rows.compare_on_rows(
            metric,
            labels[rows],
            a[rows],
            b[rows],
            num_samples=_NUM_SAMPLES,
            seed=seed,
        )
        held += result.low <= true + 1e-12 and true - 1e-12 <= result.high
        found += result.p_value < _LEVEL
    return held / num_draws, found / num_draws


def table(num_draws: int) -> str:
    """Returns all outcomes in Markdown."""
    heads = ["metric", "share right", *(f"{n} examples" for n in NUM_ROWS)]
    lines = [heads, ["---"] * 2 + ["---:"] * len(NUM_ROWS)]
    for task in TASKS:
        for models in MODELS:
            outcomes = [
                outcome(task, models, n, num_draws=num_draws) for n in NUM_ROWS
            ]
            cells = [f"{held:.1%} / {found:.1%}" for held, found in outcomes]
            lines.append([task, models.title, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="20 test sets each."
    )
    num_draws = 20 if parser.parse_args().quick else NUM_DRAWS
    print(
        f"{num_draws:,} test sets each: how many intervals hold the true "
        "difference / how many verdicts call one model better.\n"
    )
    print(table(num_draws))


if __name__ == "__main__":
    main()
