"""Numbers of rows as `splits.json` has them: a short text."""

import itertools
from collections.abc import Iterable

import numpy as np


def format_rows(numbers: Iterable[int]) -> str:
    """Returns row numbers as a short text, in their order.

    Example:
        >>> format_rows([1, 2, 3, 7, 9, 10])
        '1-3,7,9-10'
    """
    # Of consecutive numbers, all have the same distance from their places.
    runs = itertools.groupby(
        enumerate(map(int, numbers)), key=lambda pair: pair[1] - pair[0]
    )
    parts = []
    for _, run in runs:
        first, *rest = (number for _, number in run)
        parts.append(f"{first}-{rest[-1]}" if rest else f"{first}")
    return ",".join(parts)


def parse_rows(text: str) -> np.ndarray:
    """Returns the numbers that `format_rows` wrote, int64 `[N]`.

    Example:
        >>> parse_rows("1-3,7").tolist()
        [1, 2, 3, 7]
    """
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return np.array(numbers, np.int64)
