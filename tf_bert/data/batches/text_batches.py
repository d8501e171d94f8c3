"""Texts to predict, packed into batches of a few shapes that never change.

A batch is a number of rows, all of one width, and a row holds as many texts as
fit. Which widths and numbers of rows there are does not follow from the texts.
NumPy only; a training's batches are those of `batch_plan.py`.

Letters: N texts, P replicas, R rows of a replica, W tokens of a row, E texts
that a replica has room for.
"""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from tf_bert.data.tokens.tokenization import EncodedTexts

# Rows of 64 tokens or fewer cost the same for each token, as measured.
_SMALLEST_WIDTH = 64
# A text counts as so many tokens at least, so that E is R x W / 4.
_SMALLEST_LENGTH = 4
# A new row is so many times as wide as its first, longest text, unless that
# is wider than the limit: attention takes memory by the square of the width.
_STRETCHES = (1, 2, 3)
_WIDEST_STRETCHED = 256
# Wider rows are fewer, so that a batch has no more tokens.
_WIDTH_OF_MOST_ROWS = 128
# A token costs by 1 + W / 1000, about as measured with MiniLM on a CPU.
_WIDTH_OF_DOUBLE_COST = 1000


@dataclasses.dataclass(frozen=True)
class TextBatch:
    """Some of the texts, as the model takes them.

    Attributes:
        numbers: int64 `[n]`, which of the N texts these are.
        slots: int64 `[n]`, where their outputs are among all `[P * E]`.
        inputs: `input_ids`, `token_type_ids`, `position_ids`, `example_ids`
            (0 for padding) int32 `[P, R, W]`, and `cls_positions` `[P, E]`.
    """

    numbers: np.ndarray
    slots: np.ndarray
    inputs: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class _Rows:
    """Where texts go: `row` and `start` int `[N]`, `widths` int `[rows]`."""

    row: np.ndarray
    start: np.ndarray
    widths: np.ndarray

    def cost(self) -> float:
        return (self.widths * (1 + self.widths / _WIDTH_OF_DOUBLE_COST)).sum()


def pack(
    texts: EncodedTexts,
    *,
    most_rows: int,
    num_replicas: int = 1,
    is_one_height: bool = False,
) -> Iterator[TextBatch]:
    """Packs N texts into batches, each text into one, in the order of length.

    Args:
        texts: Tokenised.
        most_rows: The largest R, >= 1, of rows up to 128 wide.
        num_replicas: P.
        is_one_height: Whether all batches of a width have the same R, for
            devices for which each shape is compiled; else few texts get few
            rows.
    """
    lengths = np.diff(texts.row_splits)
    rows = _place(np.maximum(lengths, _SMALLEST_LENGTH))
    for width in map(int, np.unique(rows.widths)):
        counts = row_counts(most_rows, width)
        most = counts[-1] * num_replicas
        (of_width,) = np.nonzero(rows.widths == width)
        for first in range(0, len(of_width), most):
            chosen = of_width[first : first + most]
            needed = counts[-1] if is_one_height else len(chosen) / num_replicas
            count = next(count for count in counts if count >= needed)
            yield _assemble(texts, rows, chosen, (num_replicas, count, width))


def row_counts(most_rows: int, width: int) -> list[int]:
    """Returns the numbers of rows that batches of a width have, ascending.

    Example:
        >>> row_counts(32, width=64), row_counts(32, width=512)
        ([1, 2, 4, 8, 16, 32], [1, 2, 4, 8])
    """
    most = max(most_rows * min(_WIDTH_OF_MOST_ROWS, width) // width, 1)
    return [most >> power for power in reversed(range(most.bit_length()))]


def _place(lengths: np.ndarray) -> _Rows:
    """Places texts in rows so that these cost least."""
    return min(
        (_best_fit_decreasing(lengths, stretch) for stretch in _STRETCHES),
        key=_Rows.cost,
    )


def _best_fit_decreasing(lengths: np.ndarray, stretch: int) -> _Rows:
    """Places texts, longest first, each into the row with the least room."""
    longest = int(lengths.max(initial=1))
    widths = _widths(max(longest, min(stretch * longest, _WIDEST_STRETCHED)))
    row_of, start_of = np.empty([2, len(lengths)], np.int64)
    row_widths: list[int] = []
    by_room: list[list[int]] = [[] for _ in range(widths[-1] + 1)]
    rooms = 0  # Bit r is set where a row has room for r tokens more.
    for i in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[i])
        if fitting := rooms >> length:
            room = length + (fitting & -fitting).bit_length() - 1
            row = by_room[room].pop()
            if not by_room[room]:
                rooms ^= 1 << room
        else:
            wanted = max(length, min(stretch * length, _WIDEST_STRETCHED))
            row, room = len(row_widths), next(w for w in widths if w >= wanted)
            row_widths.append(room)
        row_of[i], start_of[i] = row, row_widths[row] - room
        room -= length
        by_room[room].append(row)
        rooms |= 1 << room
    return _Rows(row_of, start_of, np.array(row_widths, np.int64))


def _widths(longest: int) -> list[int]:
    """Returns 64, 96, 128, 192, 256, ... up to one that holds `longest`.

    Example:
        >>> _widths(100)
        [64, 96, 128]
    """
    widths = []
    for power in itertools.count():
        for width in (2, 3):
            widths.append(width * _SMALLEST_WIDTH // 2 << power)
            if widths[-1] >= longest:
                return widths


def _assemble(
    texts: EncodedTexts,
    rows: _Rows,
    chosen: np.ndarray,
    shape: tuple[int, int, int],
) -> TextBatch:
    """Builds the batch of the rows with these numbers; `shape` is P, R, W."""
    num_replicas, count, width = shape
    place_of_row = np.full(len(rows.widths), -1)
    place_of_row[chosen] = np.arange(len(chosen))
    (numbers,) = np.nonzero(place_of_row[rows.row] >= 0)
    place = place_of_row[rows.row[numbers]]  # In [0, P * R).
    numbers = numbers[np.argsort(place, kind="stable")]
    place = np.sort(place)
    replica = place // count
    # Counted from 0 within each replica, whose texts lie behind each other.
    slot = np.arange(len(numbers)) - np.searchsorted(replica, replica)
    begin = place * width + rows.start[numbers]  # In [0, P * R * W).
    capacity = count * width // _SMALLEST_LENGTH
    cls_positions = np.zeros([num_replicas, capacity], np.int32)
    cls_positions[replica, slot] = begin - replica * count * width

    sizes = np.diff(texts.row_splits)[numbers]
    text = np.repeat(np.arange(len(numbers)), sizes)  # [tokens]
    inside = np.arange(len(text)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    where = begin[text] + inside

    def put(values: np.ndarray) -> np.ndarray:
        flat = np.zeros(num_replicas * count * width, np.int32)
        flat[where] = values
        return flat.reshape(shape)

    inputs = {
        "input_ids": put(
            texts.input_ids[texts.row_splits[numbers][text] + inside]
        ),
        "token_type_ids": put(inside >= texts.first_lengths[numbers][text]),
        "position_ids": put(inside),
        "example_ids": put(slot[text] + 1),
        "cls_positions": cls_positions,
    }
    return TextBatch(numbers, replica * capacity + slot, inputs)
