"""Packing examples of different lengths into few rows of fixed width."""

import numpy as np


def first_fit_decreasing(
    lengths: np.ndarray, width: int
) -> tuple[np.ndarray, int]:
    """Places examples, longest first, each into the first row with room.

    Needs at most 11/9 of the fewest possible rows, plus one.

    Args:
        lengths: int `[B]`, each in [0, width], in tokens.
        width: tokens of a row.

    Returns:
        Tuple `(places, num_rows)`: int32 `[B]`, where each example begins in
        the rows laid end to end; and how many rows there are, at least 1.

    Example:
        >>> first_fit_decreasing(np.array([3, 6, 4]), width=8)
        (array([12,  0,  8], dtype=int32), 2)

    References:
        Johnson, 1973, "Near-optimal bin packing algorithms".
    """
    free = []
    places = np.empty(len(lengths), np.int32)
    for i in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[i])
        row = next((r for r, room in enumerate(free) if room >= length), None)
        if row is None:
            row = len(free)
            free.append(width)
        places[i] = (row + 1) * width - free[row]
        free[row] -= length
    return places, max(len(free), 1)


def choose_width(lengths: np.ndarray) -> int:
    """Chooses the width of the rows for one batch, so as to compute least.

    Wider rows leave less room unused, until one row more or less is too
    coarse a step; and attention grows with the width.

    Args:
        lengths: int `[B]`, in tokens.

    Returns:
        A multiple of 8, at least the longest example's length.

    Example:
        >>> choose_width(np.array([30, 17, 15, 14, 12, 9]))
        56
    """
    longest = max(-(-int(lengths.max(initial=1)) // 8) * 8, 8)
    stride = max(longest // 64 * 8, 8)
    costs = {}
    for width in range(longest, 2 * longest + 1, stride):
        _, num_rows = first_fit_decreasing(lengths, width)
        # Attention's share of a token's cost is W / 6H; H is 384 to 1024.
        costs[width] = num_rows * width * (1 + width / 4000)
    return min(costs, key=costs.get)
