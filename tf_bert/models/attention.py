"""Multi-head attention for rows that hold several examples each.

Letters: B examples, R rows, W tokens of a row, T = R x W tokens, N heads, D
size of a head, H hidden size.
"""

import dataclasses
import math
from typing import Any

import keras
from keras import ops

from tf_bert.models.dropout import dropout
from tf_bert.models.initialization import NOT_DRAWN

Tensor = Any


@dataclasses.dataclass(frozen=True)
class Context:
    """What every block needs beside the hidden states.

    A plain object, passed by keyword: Keras would look into a tuple.

    Attributes:
        num_rows: R.
        width: W.
        example_ids: int32 `[R, W]`: equal for the tokens of one example of a
            row, 0 for padding.
        attention_bias: `attention_bias` of all tokens, `[R, 1, W, W]`.
        dropout_seed: int32 `[2]`, or None for no dropout.
    """

    num_rows: int | Tensor
    width: int | Tensor
    example_ids: Tensor
    attention_bias: Tensor
    dropout_seed: Tensor | None


class Layer(keras.layers.Layer):
    """A layer whose inputs keep their dtype: its sublayers cast their own."""

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)


class SelfAttention(Layer):
    """Multi-head attention, each token over the tokens of its own example."""

    def __init__(self, config, site, **kwargs):
        super().__init__(name="self", **kwargs)
        options = {"dtype": self.dtype_policy, **NOT_DRAWN}
        size = config.hidden_size
        self.query = keras.layers.Dense(size, name="query", **options)
        self.key = keras.layers.Dense(size, name="key", **options)
        self.value = keras.layers.Dense(size, name="value", **options)
        self.num_heads = config.num_attention_heads
        self.rate = config.attention_probs_dropout_prob
        self.site = site

    def build(self, hidden_shape):
        for layer in (self.query, self.key, self.value):
            layer.build(hidden_shape)

    def call(self, hidden, context: Context, positions=None):
        """Attends from all tokens, or only from those at `positions` `[B]`.

        Returns:
            Tuple of the mixed values, `[T, H]` or `[B, H]`, and the attention
            `[R, N, W, W]` or `[B, N, 1, W]`.
        """
        scale = 1 / math.sqrt(self._head_size)
        bias = context.attention_bias
        if positions is None:
            query, key, value = _project(
                hidden, [self.query, self.key, self.value]
            )
            query = self._split_heads(query * scale, context)
        else:
            key, value = _project(hidden, [self.key, self.value])
            query = self.query(ops.take(hidden, positions, axis=0)) * scale
            query = ops.reshape(query, [-1, self.num_heads, 1, self._head_size])
        key = self._split_heads(key, context, [0, 2, 3, 1])
        value = self._split_heads(value, context)
        if positions is not None:
            rows = positions // context.width  # [B]
            key = ops.take(key, rows, axis=0)  # [B, N, D, W]
            value = ops.take(value, rows, axis=0)  # [B, N, W, D]
            ids = ops.take(ops.reshape(context.example_ids, [-1]), positions)
            bias = attention_bias(
                ids[:, None], ops.take(context.example_ids, rows, axis=0)
            )  # [B, 1, 1, W]
        scores = ops.matmul(query, key)  # [R, N, W, W]
        attention = ops.softmax(ops.cast(scores, "float32") + bias)
        weights = ops.cast(attention, self.compute_dtype)
        if context.dropout_seed is not None:
            weights = dropout(
                weights, self.rate, context.dropout_seed, self.site
            )
        mixed = ops.matmul(weights, value)  # [R, N, W, D]
        mixed = ops.transpose(mixed, [0, 2, 1, 3])  # [R, W, N, D]
        return ops.reshape(mixed, [-1, self.query.units]), attention

    @property
    def _head_size(self):
        return self.query.units // self.num_heads

    def _split_heads(self, hidden, context, axes=(0, 2, 1, 3)):
        shape = [
            context.num_rows,
            context.width,
            self.num_heads,
            self._head_size,
        ]
        return ops.transpose(ops.reshape(hidden, shape), axes)  # [R, N, W, D]


def _project(hidden: Tensor, layers: list[keras.layers.Dense]) -> list[Tensor]:
    """Applies linear layers of one size to the same input `[T, H]`.

    As one product, which a CPU computes up to 1.4 times as fast as three: on
    few tokens, each by itself is too small to be efficient.
    """
    dtype = layers[0].compute_dtype
    kernel = ops.concatenate([layer.kernel for layer in layers], axis=-1)
    bias = ops.concatenate([layer.bias for layer in layers], axis=-1)
    outputs = ops.matmul(ops.cast(hidden, dtype), ops.cast(kernel, dtype))
    outputs += ops.cast(bias, dtype)
    return ops.split(outputs, len(layers), axis=-1)


def attention_bias(query_ids: Tensor, key_ids: Tensor) -> Tensor:
    """Keeps attention inside each example.

    Args:
        query_ids: int `[R, Q]`: the example of each token that looks, 0 for
            padding.
        key_ids: int `[R, W]`: the example of each token that is looked at.

    Returns:
        float32 `[R, 1, Q, W]` to add to the scores: 0 inside an example, a
        large negative number elsewhere. Padding looks at padding, so that its
        softmax is defined; nothing looks at it in turn.
    """
    same = query_ids[:, :, None] == key_ids[:, None, :]  # [R, Q, W]
    # Large enough that exp() is exactly 0; finite, as inf - inf is not.
    return (ops.cast(same, "float32") - 1)[:, None] * 1e9  # [R, 1, Q, W]
