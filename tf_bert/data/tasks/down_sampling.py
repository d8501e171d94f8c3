"""Fewer training rows, as many of each class: `--max_train_examples`."""

import numpy as np
from absl import logging

from tf_bert.data.tasks.stratified_split import SAMPLE, shuffled_groups


def balanced_sample(
    labels: np.ndarray, num_examples: int, *, num_classes: int | None, seed: int
) -> np.ndarray:
    """Draws rows to train on, as many of each class.

    Each class gives ``num_examples // num_classes`` rows, as in the code of
    Zhang et al. (2021): 1000 of MNLI's three classes are 999. A class that
    has fewer gives all, which is logged. Every row draws one number, and the
    smallest are taken, so that a larger sample holds a smaller one.

    Their code also cut the dev set of STS-B to this size; here nothing but
    the training rows is ever sampled.

    Args:
        labels: `[N]`. Integers are class ids, floating-point scores are one
            group.
        num_examples: At least `num_classes`.
        num_classes: C; None for regression.
        seed: In [0, 2**64).

    Returns:
        int64 `[M]`, M <= `num_examples`: positions in `labels`, in ascending
        (file) order.

    Raises:
        ValueError: `num_examples` is below the number of classes.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 1, 1])
        >>> sample = balanced_sample(labels, 5, num_classes=2, seed=0)
        >>> labels[sample].tolist()
        [0, 0, 1, 1]
    """
    num_groups = num_classes or 1
    quota = num_examples // num_groups
    if quota < 1:
        raise ValueError(
            "`max_train_examples` must be at least the number of classes, so "
            "that there is a row of each. Received: max_train_examples="
            f"{num_examples}, {num_groups} classes. Pass "
            f"--max_train_examples={num_groups} or more, or 0 for all rows."
        )
    chosen = []
    for members in shuffled_groups(labels, seed, SAMPLE):
        if num_classes and len(members) < quota:
            logging.info(
                "Class %d has %d training rows only, of %d asked for.",
                labels[members[0]],
                len(members),
                quota,
            )
        chosen.append(members[:quota])
    return np.sort(np.concatenate(chosen))
