"""Which rows are held out of a training file.

Pure NumPy: a split depends on the labels, the proportion and the seed, and
on nothing else (no generator state, no trial seed, no library version).
"""

import numpy as np


def stratified_split(
    labels: np.ndarray, proportion: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divides rows into a kept and a held-out part.

    Every row draws one 64-bit number; in each class the rows with the
    smallest numbers are held out. So a larger proportion holds out the same
    rows and some more. The numbers are the raw output of Philox, which NumPy
    promises never to change, as it does not for `Generator.permutation`.

    Args:
        labels: `[N]`. Integers are class ids, and each class is divided by
            itself. Floating-point scores are divided as one group.
        proportion: In [0, 1); 0 holds nothing out. A class of n rows gives
            ``n * proportion`` of them, rounded half up, but at least one and
            at most n - 1; a class of a single row keeps it.
        seed: In [0, 2**64). The same seed gives the same split for ever.

    Returns:
        Tuple ``(kept, held_out)`` of int64 arrays: positions in `labels`, in
        ascending (file) order. Together they hold every position once.

    Raises:
        ValueError: `proportion` or `seed` is out of range, or no row can be
            held out because no class has two.

    Example:
        >>> kept, held_out = stratified_split(np.array([0, 0, 1, 1]), 0.5, 0)
        >>> sorted([*kept, *held_out]) == [0, 1, 2, 3], len(held_out)
        (True, 2)
    """
    _check_arguments(proportion, seed)
    labels = np.asarray(labels)
    is_score = np.issubdtype(labels.dtype, np.floating)
    groups = np.zeros(len(labels), np.int64) if is_score else labels
    draws = np.random.Philox(key=seed).random_raw(len(labels))
    is_held_out = np.zeros(len(labels), dtype=bool)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        shuffled = members[np.argsort(draws[members], kind="stable")]
        count = _held_out_count(len(members), proportion)
        is_held_out[shuffled[:count]] = True
    if proportion > 0 and not is_held_out.any():
        raise ValueError(
            "A part can be held out only if a class has two rows or more. "
            f"Received: proportion={proportion}, {len(labels)} rows. Add "
            "rows, or pass --validation_proportion=0 and --test_proportion=0."
        )
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def _held_out_count(size: int, proportion: float) -> int:
    """Rounds half up, but leaves each side at least one row of two."""
    if proportion == 0 or size < 2:
        return 0
    return min(max(int(size * proportion + 0.5), 1), size - 1)


def _check_arguments(proportion: float, seed: int) -> None:
    if not 0 <= proportion < 1:
        raise ValueError(
            "`proportion` must be at least 0 and below 1. Received: "
            f"proportion={proportion}. Correct --validation_proportion or "
            "--test_proportion."
        )
    if not 0 <= seed < 2**64:
        raise ValueError(
            "`split_seed` must be at least 0 and below 2**64. Received: "
            f"split_seed={seed}. Correct --split_seed."
        )
