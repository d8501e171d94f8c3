"""The part of the word embeddings that a training changes, as one variable.

A word that no training example holds has a gradient of zero in every step, so
Adam leaves its row alone; weight decay, towards zero or the start, multiplies
it, and all such rows by the same factor. On small data these are most of the
rows: 500 sentences hold some 2,500 of BERT's 30,522 words, and the table is
half of a small BERT. So the loop trains a table of the words in use, and the
model's own follows when its weights are evaluated or saved. The result is the
same; clipping and Adam, and their memory, shrink to the rows that matter.

Letters: V words of the vocabulary, A of them in use, H hidden size.
"""

import contextlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.weight_decay import decay_update

Tensor = Any


def decay_factors(
    learning_rates: np.ndarray,
    *,
    weight_decay: float,
    pretrained_weight_decay: float,
) -> np.ndarray:
    """Returns what a weight without gradient is, as a share of its start.

    Such a weight p only decays, by `decay_update`. Its start p_0 is also what
    it is pulled to, so p = a * p_0 with one number a for all of them:

        a_0 = 1,  a_(t+1) = decay_update(a_t, 1, lr_t)

    Args:
        learning_rates: `[K]`, >= 0, of each step.
        weight_decay: >= 0, times the multiplier of the variable.
        pretrained_weight_decay: >= 0, times that multiplier.

    Returns:
        float64 `[K + 1]`: a_0 to a_K. Each is in (0, 1] where every rate
        times the sum of both decays is below 1, as the flags must be.
    """
    factors = [1.0]
    for lr in np.asarray(learning_rates, np.float64).tolist():
        factors.append(
            decay_update(
                factors[-1],
                1.0,
                lr,
                weight_decay=weight_decay,
                pretrained_weight_decay=pretrained_weight_decay,
            )
        )
    return np.array(factors)


class EmbeddingRows:
    """The rows of a table of word embeddings that a training can change.

    Make it under the strategy of the table.

    Args:
        table: `[V, H]`, the model's word embeddings.
        ids: int, any shape, each in [0, V): the tokens of all the training
            examples.

    Attributes:
        rows: variable `[A, H]`, to be trained in the place of `table`, whose
            path it has.
    """

    def __init__(self, table: keras.Variable, ids: np.ndarray):
        self._table = table
        words = np.unique(ids)  # [A]
        places = np.zeros(table.shape[0], np.int32)
        places[words] = np.arange(len(words))
        self._words = tf.constant(words, tf.int32)
        self._places = tf.constant(places)  # [V]: word -> its row of `rows`.
        *scopes, name = table.path.split("/")
        with contextlib.ExitStack() as stack:
            for scope in scopes:
                stack.enter_context(keras.name_scope(scope))
            self.rows = keras.Variable(self._current_rows(), name=name)

    def embed(self, input_ids: Tensor) -> Tensor:
        """Looks words up: int `[R, W]` -> float `[R, W, H]`.

        Words that are not in use must not occur.
        """
        return tf.gather(self.rows.value, tf.gather(self._places, input_ids))

    def factors(
        self, optimizer: AdamWeightDecay, learning_rates: np.ndarray
    ) -> np.ndarray:
        """Returns the `decay_factors` of the words that are not in use."""
        to_zero, to_prior = optimizer.decay_rates(self.rows)
        return decay_factors(
            learning_rates,
            weight_decay=to_zero,
            pretrained_weight_decay=to_prior,
        )

    def read(self) -> None:
        """Takes the rows from the table, after the model was loaded."""
        self.rows.assign(self._current_rows())

    def write_back(
        self, decay_factor: float, rows: Tensor | None = None
    ) -> None:
        """Brings the table up to date.

        Args:
            decay_factor: > 0. What the decays have multiplied every weight
                without gradient by since the last time: a quotient of two
                `decay_factors`.
        """
        rows = self.rows.value if rows is None else rows
        self._write_back(
            tf.constant(decay_factor, self._table.dtype),
            tf.convert_to_tensor(rows),
        )

    # Traced: on a small BERT the table is half of the model, and each way
    # through NumPy would copy it.
    @tf.function(autograph=False)
    def _write_back(self, decay_factor: Tensor, rows: Tensor) -> None:
        self._table.assign(
            tf.tensor_scatter_nd_update(
                self._table.value * decay_factor,
                self._words[:, tf.newaxis],
                rows,
            )
        )

    def _current_rows(self) -> Tensor:
        return tf.gather(self._table.value, self._words)
