"""`Examples`: the rows of one split, as the rest of the package sees them."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """The examples of one split, in file order.

    Args:
        texts: N strings, none of them empty.
        text_pairs: N second texts, or None for a task of single texts.
        labels: int32 `[N]` class ids; float32 `[N]` scores for regression;
            None: unlabelled.
        row_numbers: int64 `[N]`. Data rows of `source`, counted from 1; the
            header is not counted.
        source: Path of the file, for messages.
        groups: N names; examples of one name must stay in one split. None:
            there are no groups, or the split is not to be divided.
    """

    texts: tuple[str, ...]
    text_pairs: tuple[str, ...] | None
    labels: np.ndarray | None
    row_numbers: np.ndarray
    source: str
    groups: tuple[str, ...] | None = None

    def __post_init__(self):
        for name in ("text_pairs", "labels", "row_numbers", "groups"):
            part = getattr(self, name)
            if part is not None and len(part) != len(self.texts):
                raise ValueError(
                    f"`{name}` must have one entry for each text. Received: "
                    f"len({name})={len(part)}, len(texts)={len(self.texts)}. "
                    "Build every part from the same examples."
                )

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, indices: Sequence[int] | np.ndarray) -> "Examples":
        """Returns the examples at these positions, int `[M]`, in this order."""
        positions = np.asarray(indices, dtype=np.int64)
        pairs, labels, groups = self.text_pairs, self.labels, self.groups
        return dataclasses.replace(
            self,
            texts=tuple(self.texts[i] for i in positions),
            text_pairs=pairs and tuple(pairs[i] for i in positions),
            labels=None if labels is None else labels[positions],
            row_numbers=self.row_numbers[positions],
            groups=groups and tuple(groups[i] for i in positions),
        )
