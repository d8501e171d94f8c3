"""Which rows are held out of a training file, or make half of a dev set.

Pure NumPy: a split depends on the labels, the proportion and the seed, and
on nothing else (no generator state, no trial seed, no library version).
"""

from collections.abc import Iterator

import numpy as np

# What the numbers of a seed are drawn for: each has a stream of its own.
HOLD_OUT, HALVE, SAMPLE = range(3)


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
    is_held_out = np.zeros(len(labels), dtype=bool)
    for members in shuffled_groups(labels, seed, HOLD_OUT):
        count = _held_out_count(len(members), proportion)
        is_held_out[members[:count]] = True
    if proportion > 0 and not is_held_out.any():
        raise ValueError(
            "A part can be held out only if a class has two rows or more. "
            f"Received: proportion={proportion}, {len(labels)} rows. Add "
            "rows, or pass --validation_proportion=0 and --test_proportion=0."
        )
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def halves(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a dev set into validation and test.

    The rule of Zhang et al. (2021, section 3): the first floor(n / 2) rows of
    each class, after a shuffle, are validation, the others test. Their code
    shuffles each class by itself with NumPy's RandomState(1); here one seed
    shuffles all rows, as everywhere in this module. So the sizes are theirs,
    but not the rows. Their code also takes each score of STS-B for a class of
    its own, by which rare scores all go to test; here scores are one group,
    which is cut in the middle.

    Args:
        labels: `[N]`. Integers are class ids; floating-point scores are one
            group.
        seed: In [0, 2**64).

    Returns:
        Tuple ``(validation, test)`` of int64 arrays: positions in `labels`,
        in ascending (file) order. Together they hold every position once.

    Raises:
        ValueError: `seed` is out of range, or no class has two rows.

    Example:
        >>> validation, test = halves(np.array([0] * 131 + [1] * 146), 0)
        >>> len(validation), len(test)  # The dev set of RTE.
        (138, 139)
    """
    _check_seed(seed)
    is_validation = np.zeros(len(labels), dtype=bool)
    for members in shuffled_groups(labels, seed, HALVE):
        is_validation[members[: len(members) // 2]] = True
    if not is_validation.any():
        raise ValueError(
            "A dev set can be cut in half only if a class has two rows or "
            f"more. Received: {len(labels)} rows. Add rows, or leave out "
            "--split_dev_in_half."
        )
    return np.flatnonzero(is_validation), np.flatnonzero(~is_validation)


def shuffled_groups(
    labels: np.ndarray, seed: int, stream: int
) -> Iterator[np.ndarray]:
    """Yields the rows of each class in the order of their random numbers.

    Args:
        labels: `[N]`. Integers are class ids; floating-point scores are one
            group.
        seed: In [0, 2**64).
        stream: `HOLD_OUT`, `HALVE` or `SAMPLE`.

    Yields:
        int64 arrays: positions in `labels`, class by class.
    """
    labels = np.asarray(labels)
    is_score = np.issubdtype(labels.dtype, np.floating)
    groups = np.zeros(len(labels), np.int64) if is_score else labels
    # The upper half of Philox's 128-bit key is free for the stream.
    key = (stream << 64) + seed
    draws = np.random.Philox(key=key).random_raw(len(labels))
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        yield members[np.argsort(draws[members], kind="stable")]


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
    _check_seed(seed)


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**64:
        raise ValueError(
            "`split_seed` must be at least 0 and below 2**64. Received: "
            f"split_seed={seed}. Correct --split_seed."
        )
