"""How the labels of a split are distributed."""

from collections.abc import Sequence

import numpy as np

from tf_bert.data.tasks.examples import Examples


def class_counts(
    examples: Examples, label_names: Sequence[str]
) -> dict[str, int]:
    """Returns class -> rows, of every class, in the order of their ids.

    Example:
        >>> rows = Examples(
        ...     ("a", "b"), None, np.array([1, 1]), np.array([1, 2]), "x.csv"
        ... )
        >>> class_counts(rows, ("no", "yes"))
        {'no': 0, 'yes': 2}
    """
    counts = np.bincount(examples.labels, minlength=len(label_names))
    return dict(zip(label_names, counts.tolist(), strict=True))


def score_summary(examples: Examples) -> dict[str, float]:
    """Returns the smallest, mean and largest score, and their spread.

    Example:
        >>> rows = Examples(
        ...     ("a", "b"), None, np.array([1, 3]), np.array([1, 2]), "x.csv"
        ... )
        >>> score_summary(rows)
        {'min': 1.0, 'mean': 2.0, 'max': 3.0, 'std': 1.0}
    """
    scores = examples.labels.astype(np.float64)
    return {
        "min": float(scores.min()),
        "mean": float(scores.mean()),
        "max": float(scores.max()),
        "std": float(scores.std()),
    }
