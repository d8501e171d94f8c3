"""Rows that repeat others, and labels that contradict each other.

A row is its text or, in a task of pairs, both texts. It repeats an earlier
one as a copy, see `data/copies.py`, or nearly: as sets of word pieces, see
`similarity.py`. Rows with an empty text are reported elsewhere, and neither
repeat nor contradict anything here. No TensorFlow.

Letters: N rows of a split, T tokens of all its rows.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from tf_bert.data.tasks.copies import CopyKey, copy_keys
from tf_bert.data.tasks.examples import Examples
from tf_bert.inspection import similarity

# Of the word pieces of two texts together, the share that both must have.
NEAR_DUPLICATE = 0.8


@dataclasses.dataclass(frozen=True)
class Overlap:
    """Rows of a split that repeat rows of this or another split.

    Attributes:
        earlier: the split that holds what they repeat; may be the same one.
        exact: pairs of row numbers: a row, and the first row that it is a
            copy of.
        near: pairs of row numbers: a row that is no copy, and one row that it
            resembles.
    """

    split: str
    earlier: str
    exact: list[tuple[int, int]]
    near: list[tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class Contradiction:
    """One text with different labels.

    Attributes:
        text: the text, or the first of the pair, as its first row has it.
    """

    text: str
    rows: list[tuple[str, int, str | float]]


def find_overlaps(
    splits: Mapping[str, Examples], sets: similarity.PieceSets
) -> list[Overlap]:
    """Finds what is repeated within each split and across any two.

    Args:
        splits: name -> rows, in the order of their importance: a row of a
            later split is said to repeat one of an earlier split.
        sets: word pieces of the rows of all splits, in this order.
    """
    ends = itertools.accumulate(map(len, splits.values()))
    offsets = dict(zip(splits, [0, *ends], strict=False))
    keys = {split: copy_keys(examples) for split, examples in splits.items()}
    pairs = [(split, split) for split in splits]
    pairs += [(x, first) for first, x in itertools.combinations(splits, 2)]
    overlaps = []
    for split, earlier in pairs:
        first_rows = _first_rows(keys[earlier])
        exact, others = {}, []
        for row, text in enumerate(keys[split]):
            first = first_rows.get(text)
            if first is not None and (split != earlier or first != row):
                exact[row] = first
            elif text is not None:
                others.append(row)
        found = similarity.find_similar(
            sets,
            np.array(others, np.int64) + offsets[split],
            np.fromiter(first_rows.values(), np.int64) + offsets[earlier],
            threshold=NEAR_DUPLICATE,
        )
        near = {
            row: int(other) - offsets[earlier]
            for row, other in zip(others, found, strict=True)
            if other >= 0
        }
        numbers = splits[split].row_numbers, splits[earlier].row_numbers
        overlaps.append(
            Overlap(
                split, earlier, _named(exact, *numbers), _named(near, *numbers)
            )
        )
    return overlaps


def find_contradictions(
    splits: Mapping[str, Examples],
    *,
    label_names: Sequence[str] | None,
    tolerance: float = 0.0,
) -> list[Contradiction]:
    """Finds texts that have different labels, within and across splits.

    Args:
        tolerance: >= 0. Scores of a regression contradict each other if they
            are further apart than this.
    """
    rows: dict[CopyKey, list] = {}
    for split, examples in splits.items():
        for i, text in enumerate(copy_keys(examples)):
            if text is not None:
                rows.setdefault(text, []).append((split, i))
    contradictions = []
    for places in rows.values():
        labels = [splits[split].labels[i].item() for split, i in places]
        if max(labels) - min(labels) > tolerance:
            names = labels
            if label_names is not None:
                names = [label_names[label] for label in labels]
            numbered = [
                (split, int(splits[split].row_numbers[i]), name)
                for (split, i), name in zip(places, names, strict=True)
            ]
            split, i = places[0]
            text = splits[split].texts[i]
            contradictions.append(Contradiction(text, numbered))
    return contradictions


def _first_rows(texts: list[CopyKey | None]) -> dict[CopyKey, int]:
    """Returns each text's first row."""
    first: dict[CopyKey, int] = {}
    for row, text in enumerate(texts):
        if text is not None:
            first.setdefault(text, row)
    return first


def _named(
    pairs: Mapping[int, int], numbers: np.ndarray, others: np.ndarray
) -> list[tuple[int, int]]:
    """Turns positions in the splits into row numbers of their files."""
    return [(int(numbers[x]), int(others[other])) for x, other in pairs.items()]
