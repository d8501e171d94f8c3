"""Texts that are nearly the same: an exact search among many, in NumPy.

A text is the set of its word pieces, and two texts are alike if the Jaccard
similarity of their sets, ``|x & y| / |x | y|``, reaches a threshold. Nothing is
sampled or hashed: a pair at the threshold is always found. Only pairs that
share one of their rarest pieces are compared, since sets that are alike must
(prefix filtering), which makes 100,000 short texts a matter of seconds.

Letters: N rows, T tokens of all rows, P pieces of all sets.
"""

import dataclasses

import numpy as np

# Candidates are compared a few at a time, so that texts made from a template,
# where everything resembles everything, cost one short comparison each.
_CANDIDATES_AT_ONCE = 256

# Keeps 0.8 * 5 from being rounded up to 5 pieces.
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class PieceSets:
    """The set of word pieces of every row.

    Attributes:
        pieces: int32 `[P]`, the sets end to end; each ascending, in numbers
            that grow with how many rows have the piece: rarest first.
        starts: int64 `[N + 1]`; row i is ``pieces[starts[i]:starts[i + 1]]``.
    """

    pieces: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> np.ndarray:
        """int64 `[N]`."""
        return np.diff(self.starts)


def piece_sets(ids: np.ndarray, row_splits: np.ndarray) -> PieceSets:
    """Returns the sets of rows, whose order and repetitions are forgotten.

    Args:
        ids: int `[T]`, >= 0. The tokens of all rows, end to end; those that
            say nothing (special tokens, [UNK]) are left out by the caller.
        row_splits: int64 `[N + 1]`; row i is
            ``ids[row_splits[i]:row_splits[i + 1]]``.

    Example:
        >>> sets = piece_sets(np.array([7, 5, 7, 7]), np.array([0, 3, 4]))
        >>> sets.pieces, sets.starts  # 5 is in one row, 7 in both.
        (array([0, 1, 1], dtype=int32), array([0, 2, 3]))
    """
    num_rows = len(row_splits) - 1
    rows = np.repeat(np.arange(num_rows), np.diff(row_splits))  # [T]
    span = int(ids.max(initial=0)) + 1
    members = np.unique(rows * span + ids)  # By row, each piece once. [P]
    rows, pieces = np.divmod(members, span)
    frequency = np.bincount(pieces, minlength=span)
    rank = np.empty(span, np.int64)
    rank[np.argsort(frequency, kind="stable")] = np.arange(span)
    ranked = rank[pieces] - (span - np.count_nonzero(frequency))
    order = np.lexsort((ranked, rows))
    starts = np.concatenate([[0], np.bincount(rows, minlength=num_rows)])
    return PieceSets(ranked[order].astype(np.int32), np.cumsum(starts))


def find_similar(
    sets: PieceSets,
    queries: np.ndarray,
    candidates: np.ndarray,
    *,
    threshold: float,
) -> np.ndarray:
    """Finds for each row an earlier one that is alike, if there is any.

    Args:
        queries: int `[Q]`, each in [0, N). An empty set is like nothing.
        candidates: int `[C]`, each in [0, N), that may be found.
        threshold: in (0, 1]. Least Jaccard similarity.

    Returns:
        int64 `[Q]`: one of the candidates before the query that reach the
        threshold, always the same one; -1 where none does.

    Example:
        >>> ids = np.array([1, 2, 3, 4, 1, 2, 3, 4, 5, 9])
        >>> sets = piece_sets(ids, np.array([0, 4, 9, 10]))
        >>> every = np.arange(3)
        >>> find_similar(sets, every, every, threshold=0.8)
        array([-1,  0, -1])

    References:
        Bayardo, Ma and Srikant, 2007, "Scaling up all pairs similarity
        search", and Xiao et al., 2008, "Efficient similarity joins for near
        duplicate detection": the prefix and the size filter.
    """
    index = _Index(sets, candidates, threshold)
    found = np.full(len(queries), -1, np.int64)
    if len(candidates):
        for i, query in enumerate(queries.tolist()):
            found[i] = index.find_before(query)
    return found


class _Index:
    """For each piece, the candidates among whose rarest pieces it is.

    Sets of at least `threshold` similarity share a piece among their first
    ``size - ceil(threshold * size) + 1``, in any order that both are sorted by.
    """

    def __init__(
        self, sets: PieceSets, candidates: np.ndarray, threshold: float
    ):
        self.sets, self.threshold = sets, threshold
        num_pieces = int(sets.pieces.max(initial=-1)) + 1
        # The pieces of the query, marked for counting those of others.
        self._marks = np.zeros(num_pieces, np.int64)
        self._sizes = sets.sizes
        rows, pieces = self._prefixes(np.unique(candidates))
        order = np.lexsort((rows, self._sizes[rows], pieces))
        # By piece, then by size: those of fitting sizes lie together.
        self._rows = rows[order]
        self._row_sizes = self._sizes[self._rows]
        counts = np.bincount(pieces, minlength=num_pieces)
        self._starts = np.concatenate([[0], np.cumsum(counts)])

    def find_before(self, query: int) -> int:
        """Returns one earlier candidate that is alike, or -1."""
        start, end = self.sets.starts[query : query + 2].tolist()
        pieces = self.sets.pieces[start:end]
        if not len(pieces):
            return -1
        self._marks[pieces] = 1
        found = -1
        for piece in pieces[: self._prefix_length(len(pieces))].tolist():
            found = self._find_in_list(piece, query, len(pieces))
            if found >= 0:
                break
        self._marks[pieces] = 0
        return found

    def _find_in_list(self, piece: int, query: int, size: int) -> int:
        """Looks through the candidates that have one piece."""
        start, end = self._starts[piece : piece + 2].tolist()
        limits = (
            np.ceil(self.threshold * size - _ROUNDING),
            np.floor(size / self.threshold + _ROUNDING) + 1,
        )
        low, high = start + self._row_sizes[start:end].searchsorted(limits)
        for first in range(low, high, _CANDIDATES_AT_ONCE):
            rows = self._rows[first : min(first + _CANDIDATES_AT_ONCE, high)]
            rows = rows[rows < query]
            if len(rows):
                alike = rows[self._similarity(rows, size) >= self.threshold]
                if len(alike):
                    return int(alike[0])
        return -1

    def _similarity(self, rows: np.ndarray, size: int) -> np.ndarray:
        """Returns the Jaccard similarity of rows `[C]` to the marked set."""
        sizes = self._sizes[rows]
        ends = np.cumsum(sizes)
        offsets = self.sets.starts[rows] - (ends - sizes)
        positions = np.repeat(offsets, sizes) + np.arange(ends[-1])
        marks = self._marks[self.sets.pieces[positions]]
        shared = np.add.reduceat(marks, ends - sizes)
        return shared / (sizes + size - shared) + _ROUNDING

    def _prefixes(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the rarest pieces of rows, as pairs of row and piece."""
        sizes = self._sizes[rows]
        lengths = np.where(sizes > 0, self._prefix_length(sizes), 0)
        ends = np.cumsum(lengths)
        offsets = self.sets.starts[rows] - (ends - lengths)
        positions = np.repeat(offsets, lengths) + np.arange(lengths.sum())
        return np.repeat(rows, lengths), self.sets.pieces[positions]

    def _prefix_length(self, size):
        least = np.ceil(self.threshold * size - _ROUNDING)
        return (size - least + 1).astype(np.int64)
