"""What is written down of a run's splits, so that anyone can rebuild them."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tf_bert.data.tasks.examples import Examples


def describe(splits: Mapping[str, Examples]) -> dict[str, dict[str, Any]]:
    """Returns the content of `splits.json`, without the flags.

    Args:
        splits: By name.

    Returns:
        Split -> ``source``, ``num_rows`` and ``rows``: the numbers of the
        source's data rows, see `parse_rows`.
    """
    return {
        split: {
            "source": examples.source,
            "num_rows": len(examples),
            "rows": format_rows(examples.row_numbers),
        }
        for split, examples in splits.items()
    }


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
    """Returns the row numbers of `splits.json`; the inverse of `format_rows`.

    Args:
        text: Numbers and ranges, whose two ends belong to them.

    Returns:
        int64 `[N]`. Rows are counted from 1, and a header is not counted. For
        a source that starts with ``tfds:`` they are the dataset's `idx` + 1
        or, where it has none, the places in its stored order.

    Example:
        >>> parse_rows("1-3,7").tolist()
        [1, 2, 3, 7]
    """
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return np.array(numbers, np.int64)
