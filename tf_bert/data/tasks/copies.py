"""Which examples are copies of each other, and which must not be parted.

Two examples are copies if their texts (in a task of pairs, both) are the same
but for upper and lower case and white space. One with an empty text is a copy
of nothing. The whole program goes by this.

Letters: N examples.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from tf_bert.data.tasks.examples import Examples

CopyKey = tuple[str, ...]  # Of one text, or of two.


def copy_keys(examples: Examples) -> list[CopyKey | None]:
    """Returns for each what its copies have too; None without a text.

    Example:
        >>> texts = ("So  GOOD", "so good ", " ")
        >>> copy_keys(Examples(texts, None, None, range(1, 4), "x.csv"))
        [('so good',), ('so good',), None]
    """
    columns = [examples.texts]
    if examples.text_pairs is not None:
        columns.append(examples.text_pairs)
    plain = [[_plain(text) for text in column] for column in columns]
    return [row if all(row) else None for row in zip(*plain, strict=True)]


def rows_together(examples: Examples) -> np.ndarray:
    """Tells which examples must be in one split: copies, or of one group.

    Where a copy of an example of one group is in another group, both groups
    are together. How many copies and groups there are is logged.

    Returns:
        int64 `[N]`: for each example, the position of the first one that it is
        together with; its own if it is alone.

    Example:
        >>> texts = ("a", "b", "A", "c", "B ")
        >>> rows_together(Examples(texts, None, None, range(1, 6), "x.csv"))
        array([0, 1, 0, 3, 1])
    """
    # Here, for it takes a while and a file to predict needs none of it.
    from scipy import sparse
    from scipy.sparse import csgraph

    keys = copy_keys(examples)
    _log_together(examples, keys)
    pairs = [(0, 0)]  # Not none at all, which has no shape.
    for column in (keys, examples.groups or ()):
        first: dict = {}
        for number, value in enumerate(column):
            if value is not None:
                pairs.append((first.setdefault(value, number), number))
    size = len(examples)
    graph = sparse.coo_matrix(
        (np.ones(len(pairs)), np.transpose(pairs)), (size, size)
    )
    _, parts = csgraph.connected_components(graph, directed=False)
    _, firsts = np.unique(parts, return_index=True)
    return firsts[parts]


def _log_together(examples: Examples, keys: Sequence[CopyKey | None]) -> None:
    texts = [key for key in keys if key is not None]
    num_copies = len(texts) - len(set(texts))
    if num_copies:
        logging.info(
            "Copies of earlier rows in %s (but for case and spaces): %d. They "
            "stay in one split with those.",
            examples.source,
            num_copies,
        )
    if examples.groups is not None:
        logging.info(
            "%d rows of %s are of %d groups; a group stays in one split.",
            len(examples),
            examples.source,
            len(set(examples.groups)),
        )


def count_in_train(splits: Mapping[str, Examples]) -> dict[str, int]:
    """Counts, and warns of, copies of training examples in the other splits.

    Returns:
        Split -> their number, for the others where there are any.
    """
    known = set(copy_keys(splits["train"])) - {None}
    counts = {}
    for split, rows in splits.items():
        count = 0
        if split != "train":
            count = sum(key in known for key in copy_keys(rows))
        if count:
            counts[split] = count
            logging.warning(
                "%s They are in %s and in %s.",
                copies_sentence(count, len(rows), split),
                rows.source,
                splits["train"].source,
            )
    return counts


def copies_sentence(num_copies: int, num_rows: int, split: str) -> str:
    """Returns what to say of the examples of a split that were trained on.

    Example:
        >>> copies_sentence(6, 3080, "test")[:60]
        '6 of the 3080 test examples are copies of training examples '
    """
    return (
        f"{num_copies} of the {num_rows} {split} examples "
        f"{'is a copy' if num_copies == 1 else 'are copies'} of training "
        "examples (but for case and spaces), so that a score on them is too "
        "good."
    )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
