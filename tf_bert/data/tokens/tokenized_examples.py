"""Examples as token ids, and what frozen layers give for them.

Such features are computed beforehand, and are in memory or in files; both are
read by graph operations alone, like everything else in `pipeline.py`. They are
of each token, or of each example where all blocks are frozen: only its first
token counts behind them.

Letters: A tokens, E and N examples, T tokens of all of them, H hidden size.
"""

import dataclasses
import os
from typing import Any

import numpy as np
import tensorflow as tf

Tensor = Any


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features in memory.

    Attributes:
        values: float32 `[T, H]` in the order of `TokenizedExamples.ids`, or
            `[N, H]`; a tensor on the CPU, which no dataset copies.
    """

    values: Tensor
    is_per_token: bool

    def gather(self, examples: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Reads the features of some examples.

        Args:
            examples: int `[E]`, their numbers.
            tokens: int `[A]`, where their tokens stand in the split; needed
                if `is_per_token`.

        Returns:
            float32 `[A, H]` or `[E, H]`, in this order.
        """
        return tf.gather(self.values, tokens if self.is_per_token else examples)


@dataclasses.dataclass(frozen=True)
class FeatureFiles:
    """Features of each token in files, one of each example.

    (TensorFlow's memory-mapped constant, `ImmutableConst`, was no way to have
    one file: in TensorFlow 2.21 it takes as much memory as the file is long.)

    Attributes:
        folder: local. The file of an example is its number, see `write`.
        size: H.
    """

    folder: str
    size: int
    is_per_token = True

    def write(self, example: int, values: np.ndarray) -> None:
        """Stores an example's features, float32 `[A, H]`."""
        with open(os.path.join(self.folder, str(example)), "wb") as file:
            file.write(np.asarray(values, "<f4").tobytes())

    def gather(self, examples: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Reads the features of some examples: see `FeatureTable.gather`.

        `tokens` is not needed: examples are read whole.
        """
        paths = tf.strings.join(
            [self.folder, tf.strings.as_string(examples)], os.sep
        )
        contents = tf.map_fn(tf.io.read_file, paths)  # [E]
        values = tf.io.decode_raw(tf.strings.reduce_join(contents), tf.float32)
        return tf.reshape(values, [-1, self.size])  # [A, H]


FrozenFeatures = FeatureTable | FeatureFiles


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
