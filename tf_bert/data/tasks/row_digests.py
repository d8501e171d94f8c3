"""Digests of rows: whether data is still what it was, and where it is not.

They hold no texts. Each row has two: one of what its copies have too, which
tells whether a row was trained on, and one of its exact texts and its label.

Letters: N rows.
"""

import base64
import collections
import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tf_bert.data.tasks.copies import copy_keys
from tf_bert.data.tasks.examples import Examples
from tf_bert.system.plurals import counted

# Bytes. With a million rows beside a million others, the chance that any two
# have one key by accident is 1 in 280; that an edited row is overlooked, 2^-32.
_KEY_SIZE, _CONTENT_SIZE = 6, 4
_NUM_LISTED = 10


@dataclasses.dataclass(frozen=True, eq=False)
class RowDigests:
    """The digests of the rows of one file, or of a split of a dataset.

    Args:
        source: Path of the file, for messages.
        numbers: int64 `[N]`, as `Examples.row_numbers`.
        keys: N digests of 6 bytes, which copies have in common.
        contents: N digests of 4 bytes, of texts and label.
    """

    source: str
    numbers: np.ndarray
    keys: tuple[bytes, ...]
    contents: tuple[bytes, ...]

    def as_json(self) -> dict[str, Any]:
        """Returns what `splits.json` holds: some 14 characters for a row."""
        return {
            "source": self.source,
            "num_rows": len(self.keys),
            "rows": format_rows(self.numbers),
            "copy_keys": _join(self.keys),
            "contents": _join(self.contents),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "RowDigests":
        """The inverse of `as_json`; raises what damaged content leads to."""
        digests = cls(
            source=content["source"],
            numbers=parse_rows(content["rows"]),
            keys=_cut(content["copy_keys"], _KEY_SIZE),
            contents=_cut(content["contents"], _CONTENT_SIZE),
        )
        sizes = {len(x) for x in (digests.numbers, digests.keys)}
        if sizes != {len(digests.contents)}:
            raise ValueError("There is not one digest for each row.")
        return digests


def digest_rows(
    examples: Examples, label_names: Sequence[str] | None
) -> RowDigests:
    """Returns the digests of examples; unlabelled ones have no label in them.

    Classes go by their names (None for scores), so that it does not matter
    which others there are.
    """
    labels = [""] * len(examples)
    if examples.labels is not None:
        labels = [
            repr(x) if label_names is None else label_names[x]
            for x in examples.labels.tolist()
        ]
    rows = zip(
        examples.texts, examples.text_pairs or labels, labels, strict=True
    )
    return RowDigests(
        source=examples.source,
        numbers=examples.row_numbers,
        keys=tuple(_digest(k or (), _KEY_SIZE) for k in copy_keys(examples)),
        contents=tuple(_digest(row, _CONTENT_SIZE) for row in rows),
    )


def difference(old: RowDigests, new: RowDigests) -> str:
    """Says in which rows data differs from what it was; empty if in none.

    A row that is changed is one whose place another row has taken. As in
    "mine.csv: 1 row changed (12), 2 rows missing (31,40)", by the numbers of
    the old rows; those of new rows are of the new data.
    """
    before, after = (
        list(zip(x.keys, x.contents, strict=True)) for x in (old, new)
    )
    numbers = old.numbers.tolist(), new.numbers.tolist()
    missing, added = _unmatched(before, after, *numbers)
    changed = missing & added
    found = {
        "changed": changed,
        "missing": missing - changed,
        "new": added - changed,
    }
    said = [
        f"{counted(len(rows), 'row')} {what} ({list_rows(rows)})"
        for what, rows in found.items()
        if rows
    ]
    if not said and (before, numbers[0]) != (after, numbers[1]):
        said = ["the same rows in other places"]
    return f"{new.source}: {', '.join(said)}" if said else ""


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
    """Returns the numbers that `format_rows` wrote, int64 `[N]`."""
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return np.array(numbers, np.int64)


def list_rows(numbers: set[int] | Sequence[int]) -> str:
    """Returns the first of some row numbers, for a message."""
    listed = format_rows(sorted(numbers)[:_NUM_LISTED])
    return f"{listed}, ..." if len(numbers) > _NUM_LISTED else listed


def _unmatched(
    old: Sequence[tuple],
    new: Sequence[tuple],
    old_numbers: Sequence[int],
    new_numbers: Sequence[int],
) -> tuple[set[int], set[int]]:
    """The numbers of rows without an equal one on the other side.

    Of copies, those are equal that are in the same place, counted from the
    start or from the end of the file, and then any two.
    """
    size = min(len(old), len(new))
    start = next((i for i in range(size) if old[i] != new[i]), size)
    size -= start
    end = next((i for i in range(size) if old[~i] != new[~i]), size)
    of_old, of_new = (
        dict(enumerate(rows[start : len(rows) - end])) for rows in (old, new)
    )
    for place in of_old.keys() & of_new.keys():
        if of_old[place] == of_new[place]:
            del of_old[place], of_new[place]
    return tuple(
        {numbers[start + place] for place in _surplus(rows, others)}
        for rows, others, numbers in (
            (of_old, of_new, old_numbers),
            (of_new, of_old, new_numbers),
        )
    )


def _surplus(
    rows: Mapping[int, tuple], others: Mapping[int, tuple]
) -> Iterator[int]:
    """Yields the places of rows that others do not have as often."""
    left = collections.Counter(others.values())
    for place, row in rows.items():
        if left[row]:
            left[row] -= 1
        else:
            yield place


def _digest(parts: Sequence[str], size: int) -> bytes:
    # JSON may hold halves of a character, which have no UTF-8.
    content = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=size).digest()


def _join(digests: Sequence[bytes]) -> str:
    return base64.b64encode(b"".join(digests)).decode("ascii")


def _cut(text: str, size: int) -> tuple[bytes, ...]:
    joined = base64.b64decode(text, validate=True)
    if len(joined) % size:
        raise ValueError("A digest is cut off.")
    return tuple(joined[i : i + size] for i in range(0, len(joined), size))
