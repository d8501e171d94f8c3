"""Examples as token ids, end to end in one array."""

import dataclasses

import numpy as np

from tf_bert.data.tokens.feature_store import FrozenFeatures


@dataclasses.dataclass(frozen=True, eq=False)
class TokenizedExamples:
    """The rows of one split, tokenised once.

    Attributes:
        ids: int32 `[T]`, the tokens of all examples end to end, each example
            as `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`.
        row_splits: int64 `[N + 1]`; example i is `ids[row_splits[i]:
            row_splits[i + 1]]`.
        first_lengths: int32 `[N]`, tokens of the first segment, its `[SEP]`
            included; the rest has token type 1.
        labels: int32 class ids or float32 scores `[N]`; zeros if unlabelled.
        features: what a model's frozen layers give for them; None if these
            are to be run.
    """

    ids: np.ndarray
    row_splits: np.ndarray
    first_lengths: np.ndarray
    labels: np.ndarray
    features: FrozenFeatures | None = None

    def __len__(self) -> int:
        return len(self.first_lengths)

    @property
    def lengths(self) -> np.ndarray:
        """int64 `[N]`, in tokens."""
        return np.diff(self.row_splits)
