"""Packing examples of different lengths into few rows of fixed width."""

import numpy as np

# So many batches tell how wide rows should be.
_SAMPLED_BATCHES = 32


def first_fit_decreasing(
    lengths: np.ndarray, width: int
) -> tuple[np.ndarray, int]:
    """Places examples, longest first, each into the first row with room.

    Needs at most 11/9 of the fewest possible rows, plus one.

    Args:
        lengths: int `[B]`, each in [0, width], in tokens.
        width: Tokens of a row.

    Returns:
        int32 `[B]`, where each example begins in the rows laid end to end; and
        how many rows there are, at least 1.

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
    coarse a step; and attention grows with the width. A multiple of 8.
    """
    longest = max(-(-int(lengths.max(initial=1)) // 8) * 8, 8)
    stride = max(longest // 64 * 8, 8)
    costs = {}
    for width in range(longest, 2 * longest + 1, stride):
        _, num_rows = first_fit_decreasing(lengths, width)
        # Attention's share of a token's cost is W / 6H; H is 384 to 1024.
        costs[width] = num_rows * width * (1 + width / 4000)
    return min(costs, key=costs.get)


def common_width(lengths: np.ndarray, batch_size: int) -> int:
    """Chooses one width for all batches, for devices that want few shapes.

    A multiple of 32, so that similar data has the same width.

    Args:
        lengths: int `[N]`, in tokens, of all examples.
        batch_size: Of what is packed together.

    Example:
        >>> common_width(np.array([30, 17, 15, 14, 12, 9]), batch_size=6)
        64
    """
    num_batches = max(len(lengths) // batch_size, 1)
    # A batch is in random order, and so is every n-th example.
    widths = [
        choose_width(lengths[first::num_batches][:batch_size])
        for first in range(min(num_batches, _SAMPLED_BATCHES))
    ]
    width = max(int(np.median(widths)), int(lengths.max(initial=1)))
    return -(-width // 32) * 32


def shared_rows(num_rows: np.ndarray, steps_per_shape: int) -> np.ndarray:
    """Gives consecutive steps the same number of rows.

    The groups of steps differ little: at most 16 numbers occur, often one or
    two.

    Args:
        num_rows: int `[K]`, rows that each step needs.
        steps_per_shape: At least 1.

    Example:
        >>> shared_rows(np.array([2, 3, 3, 4, 1]), 2)
        array([3, 3, 4, 4, 1])
        >>> shared_rows(np.array([20, 31, 30, 29]), 2)
        array([32, 32, 30, 30])
    """
    unit = max(-(-int(num_rows.max(initial=1)) // 16), 1)
    shared = num_rows.copy()
    for first in range(0, len(num_rows), steps_per_shape):
        group = slice(first, first + steps_per_shape)
        shared[group] = -(-num_rows[group].max() // unit) * unit
    return shared
