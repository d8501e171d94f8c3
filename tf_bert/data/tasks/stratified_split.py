"""Which examples are held out, make half of a dev set, or are trained on.

Pure NumPy: a split depends on the labels, on which examples stay together, on
the proportion and the seed, and on nothing else (no generator state, no trial
seed, no library version). The numbers of the examples are the raw output of
Philox, which NumPy promises never to change, as it does not for
`Generator.permutation`.

Examples that stay together make a *block*; one that is alone is one too. Every
example draws a number, and a block has that of its first one. Blocks are taken
in the order of their numbers: first all for which each class has room, then
those that bring the sizes of the classes nearer to what was asked for. Of
examples that are all alone, each class gives those with its smallest numbers.

Letters: N examples. Labels `[N]` are class ids, and each class is divided by
itself; or floating-point scores, which are divided as one group. A seed in
[0, 2**64) gives the same examples for ever.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from absl import logging

# What the numbers of a seed are drawn for: each has a stream of its own.
_HOLD_OUT, _HALVE, _SAMPLE = range(3)


def stratified_split(
    labels: np.ndarray,
    proportion: float,
    seed: int,
    together: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Divides examples into a kept and a held-out part.

    A larger proportion holds out the same and some more, if none stay
    together.

    Args:
        labels: `[N]`.
        proportion: In [0, 1); 0 holds nothing out. A class of n gives
            ``n * proportion``, rounded half up, but at least one and
            at most n - 1; a class of one keeps it. Where examples stay
            together a class may give more or fewer, even none, but never all.
        seed: In [0, 2**64).
        together: int `[N]`; examples with the same number are not parted. None:
            all are alone.

    Returns:
        Tuple ``(kept, held_out)`` of int64 arrays: positions in `labels`, in
        ascending (file) order. Together they hold every position once.
    """
    is_held_out = _drawn(
        labels,
        lambda size: _held_out_count(size, proportion),
        _draws(len(labels), seed, _HOLD_OUT),
        together,
    )
    if proportion > 0 and not is_held_out.any():
        raise ValueError(
            "A part can be held out only if a class has two examples or more "
            "that are no copies and not of one group. Received: "
            f"proportion={proportion}, {len(labels)} "
            f"examples{_blocks_said(together)}. Add examples, or pass "
            "--validation_proportion=0 and --test_proportion=0."
        )
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def halves(
    labels: np.ndarray, seed: int, together: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a dev set into validation and test, whose positions it returns.

    The rule of Zhang et al. (2021, section 3): the first floor(n / 2) of
    each class, after a shuffle, are validation, the others test. Their code
    shuffles each class by itself with NumPy's RandomState(1); here one seed
    shuffles all, as everywhere in this module. So the sizes are theirs, but
    not the examples. Their code also takes each score of STS-B for a class of
    its own, by which rare scores all go to test; here scores are one group,
    which is cut in the middle.
    """
    is_validation = _drawn(
        labels,
        lambda size: size // 2,
        _draws(len(labels), seed, _HALVE),
        together,
    )
    if not is_validation.any():
        raise ValueError(
            "A dev set can be cut in half only if a class has two examples or "
            "more that are no copies and not of one group. Received: "
            f"{len(labels)} examples{_blocks_said(together)}. Add examples, or "
            "leave out --split_dev_in_half."
        )
    return np.flatnonzero(is_validation), np.flatnonzero(~is_validation)


def balanced_sample(
    labels: np.ndarray, num_examples: int, *, num_classes: int | None, seed: int
) -> np.ndarray:
    """Draws examples to train on, as many of each class; returns positions.

    Each class gives ``num_examples // num_classes`` of them, as in the code of
    Zhang et al. (2021): 1000 of MNLI's three classes are 999. A class that
    has fewer gives all, which is logged. A larger sample holds a smaller one.

    Their code also cut the dev set of STS-B to this size; here nothing but
    the training examples is ever sampled.

    Args:
        labels: `[N]`.
        num_examples: At least `num_classes`.
        num_classes: None for regression.
        seed: In [0, 2**64).
    """
    num_groups = num_classes or 1
    quota = num_examples // num_groups
    if quota < 1:
        raise ValueError(
            "`max_train_examples` must be at least the number of classes, so "
            "that there is an example of each. Received: max_train_examples="
            f"{num_examples}, {num_groups} classes. Pass "
            f"--max_train_examples={num_groups} or more, or 0 for all examples."
        )
    classes = _classes(labels)
    draws = _draws(len(labels), seed, _SAMPLE)
    chosen = []
    for class_id in np.unique(classes):
        members = np.flatnonzero(classes == class_id)
        members = members[np.argsort(draws[members], kind="stable")]
        if num_classes and len(members) < quota:
            logging.info(
                "Class %d has %d training examples only, of %d asked for.",
                labels[members[0]],
                len(members),
                quota,
            )
        chosen.append(members[:quota])
    return np.sort(np.concatenate(chosen))


def _classes(labels: np.ndarray) -> np.ndarray:
    """Returns ids from 0 on, `[N]`, of the classes that there are."""
    labels = np.asarray(labels)
    if np.issubdtype(labels.dtype, np.floating):
        return np.zeros(len(labels), np.int64)
    return np.unique(labels, return_inverse=True)[1]


def _draws(num_examples: int, seed: int, stream: int) -> np.ndarray:
    """Returns the number of each example, uint64 `[N]`."""
    # The upper half of Philox's 128-bit key is free for the stream.
    return np.random.Philox(key=(stream << 64) + seed).random_raw(num_examples)


def _drawn(
    labels: np.ndarray,
    wanted: Callable[[int], int],
    draws: np.ndarray,
    together: np.ndarray | None,
) -> np.ndarray:
    """Draws about so many of each class, whole blocks of them.

    Args:
        labels: `[N]`.
        wanted: From the size of a class to how many of it.
        draws: `[N]`, the numbers of the examples.
        together: See `stratified_split`.

    Returns:
        bool `[N]`. A class of two or more is never drawn whole.
    """
    if together is None:
        together = np.arange(len(labels))
    _, first_rows, blocks = np.unique(
        together, return_index=True, return_inverse=True
    )
    classes = _classes(labels)
    sizes = np.bincount(classes).tolist()
    drawing = _Drawing(
        _contents(blocks, classes), sizes, [wanted(size) for size in sizes]
    )
    drawing.draw(np.argsort(draws[first_rows], kind="stable").tolist())
    return np.isin(blocks, drawing.taken)


def _contents(
    blocks: np.ndarray, classes: np.ndarray
) -> list[list[tuple[int, int]]]:
    """Returns for each block its classes, and how many of each."""
    num_classes = classes.max(initial=0) + 1
    pairs, counts = np.unique(
        blocks * num_classes + classes, return_counts=True
    )
    contents: list[list[tuple[int, int]]] = [[] for _ in np.unique(blocks)]
    pairs = np.divmod(pairs, num_classes)
    for block, class_id, count in zip(
        *(x.tolist() for x in (*pairs, counts)), strict=True
    ):
        contents[block].append((class_id, count))
    return contents


@dataclasses.dataclass
class _Drawing:
    """Blocks that are taken one after the other."""

    contents: list[list[tuple[int, int]]]  # Of each block, see `_contents`.
    sizes: list[int]  # Of each class.
    missing: list[int]  # Below 0 if more of a class were taken than wanted.
    taken: list[int] = dataclasses.field(default_factory=list)

    def draw(self, order: list[int]) -> None:
        """Takes blocks, the first of `order` first."""
        wanted = list(self.missing)
        left_over = []
        for block in order:
            if all(n <= self.missing[c] for c, n in self.contents[block]):
                self._take(block)
            else:
                left_over.append(block)
        if not any(self.missing):
            return
        may_go = [
            block for block in left_over if self._leaves_some(block, wanted)
        ]
        for block in may_go:
            if self._gain(block) > 0 and self._leaves_some(block, wanted):
                self._take(block)
        if not self.taken and may_go:
            # All are too large: rather one of them than none.
            self._take(max(may_go, key=self._gain))

    def _take(self, block: int) -> None:
        self.taken.append(block)
        for class_id, count in self.contents[block]:
            self.missing[class_id] -= count

    def _gain(self, block: int) -> int:
        """By how many examples the classes come nearer to what is wanted."""
        return sum(
            abs(self.missing[c]) - abs(self.missing[c] - n)
            for c, n in self.contents[block]
        )

    def _leaves_some(self, block: int, wanted: list[int]) -> bool:
        """Whether each class keeps an example that is not taken."""
        return all(
            wanted[c] - self.missing[c] + n < self.sizes[c]
            for c, n in self.contents[block]
        )


def _blocks_said(together: np.ndarray | None) -> str:
    if together is None or len(np.unique(together)) == len(together):
        return ""
    return (
        f" in {len(np.unique(together))} groups of copies or of --group_column"
    )


def _held_out_count(size: int, proportion: float) -> int:
    """Rounds half up, but leaves each side at least one of two."""
    if proportion == 0 or size < 2:
        return 0
    return min(max(int(size * proportion + 0.5), 1), size - 1)
