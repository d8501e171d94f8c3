"""The BERT encoder (Devlin et al., 2019), for packed and unpacked batches.

A batch of examples is laid out in R rows of W tokens. Unpacked (the Hugging
Face call) there is one example per row, packed there are several: attention
is masked to stay inside each example, so both give the same results. All
linear layers work on the R x W tokens at once, in one long list.

Layers, and so variables, carry Hugging Face's names; a variable goes by its
path (`bert/encoder/layer_3/attention/self/query/kernel`) everywhere.

Letters: B examples, R rows, W tokens of a row (S in the unpacked call, where
R = B), T = R x W tokens, N heads, D size of a head, H hidden size.

References:
    Devlin et al., 2019. https://arxiv.org/abs/1810.04805
"""

from typing import Any

import keras
from keras import ops

from tf_bert.models import activations
from tf_bert.models.attention import (
    Context,
    Layer,
    SelfAttention,
    attention_bias,
)
from tf_bert.models.dropout import dropout

Tensor = Any


class Embeddings(Layer):
    """Sum of word, position and segment embeddings, normalised."""

    def __init__(self, config, **kwargs):
        super().__init__(name="embeddings", **kwargs)
        policy = {"dtype": self.dtype_policy}
        size = config.hidden_size
        self.word_embeddings = keras.layers.Embedding(
            config.vocab_size, size, name="word_embeddings", **policy
        )
        self.position_embeddings = keras.layers.Embedding(
            config.max_position_embeddings,
            size,
            name="position_embeddings",
            **policy,
        )
        self.token_type_embeddings = keras.layers.Embedding(
            config.type_vocab_size, size, name="token_type_embeddings", **policy
        )
        self.LayerNorm = _layer_norm(config, policy)
        self.rate = config.hidden_dropout_prob

    def build(self, input_shape=None):
        self.word_embeddings.build()
        self.position_embeddings.build()
        self.token_type_embeddings.build()
        self.LayerNorm.build((None, self.word_embeddings.output_dim))

    def call(self, words, token_type_ids, position_ids, dropout_seed):
        """`words` are ids `[R, W]`, or embedded already, `[R, W, H]`."""
        size = self.word_embeddings.output_dim
        if len(words.shape) == 2:
            words = self.word_embeddings(ops.reshape(words, [-1]))  # [T, H]
        else:
            words = ops.cast(words, self.compute_dtype)
            words = ops.reshape(words, [-1, size])  # [T, H]
        segments = self.token_type_embeddings(ops.reshape(token_type_ids, [-1]))
        positions = self.position_embeddings(ops.reshape(position_ids, [-1]))
        hidden = self.LayerNorm(words + segments + positions)
        if dropout_seed is not None:
            hidden = dropout(hidden, self.rate, dropout_seed, site=0)
        return hidden  # [T, H]


class ResidualOutput(Layer):
    """Linear layer and dropout, added to the input of the sub-block, normed."""

    def __init__(self, config, site, **kwargs):
        super().__init__(name="output", **kwargs)
        policy = {"dtype": self.dtype_policy}
        self.dense = keras.layers.Dense(
            config.hidden_size, name="dense", **policy
        )
        self.LayerNorm = _layer_norm(config, policy)
        self.rate = config.hidden_dropout_prob
        self.site = site

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.LayerNorm.build((None, self.dense.units))

    def call(self, inputs, residual, context: Context):
        hidden = self.dense(inputs)
        if context.dropout_seed is not None:
            hidden = dropout(hidden, self.rate, context.dropout_seed, self.site)
        return self.LayerNorm(hidden + residual)  # [T, H]


class Attention(Layer):
    """Self-attention and its output layer."""

    def __init__(self, config, site, **kwargs):
        super().__init__(name="attention", **kwargs)
        policy = {"dtype": self.dtype_policy}
        self.self_attention = SelfAttention(config, site, **policy)
        self.output_layer = ResidualOutput(config, site + 1, **policy)

    def build(self, hidden_shape):
        self.self_attention.build(hidden_shape)
        self.output_layer.build(hidden_shape)

    def call(self, hidden, context: Context, positions=None):
        mixed, attention = self.self_attention(
            hidden, context=context, positions=positions
        )
        if positions is not None:
            hidden = ops.take(hidden, positions, axis=0)  # [B, H]
        return self.output_layer(mixed, hidden, context=context), attention


class Intermediate(Layer):
    """The wide layer of the feed-forward part, with its activation."""

    def __init__(self, config, **kwargs):
        super().__init__(name="intermediate", **kwargs)
        self.dense = keras.layers.Dense(
            config.intermediate_size, name="dense", dtype=self.dtype_policy
        )
        self.activation = activations.get(config.hidden_act)

    def build(self, hidden_shape):
        self.dense.build(hidden_shape)

    def call(self, hidden):
        return self.activation(self.dense(hidden))  # [T, intermediate_size]


class Block(Layer):
    """One of the L layers of the encoder: attention, then feed-forward."""

    DROPOUT_SITES = 3

    def __init__(self, config, index, **kwargs):
        super().__init__(name=f"layer_{index}", **kwargs)
        policy = {"dtype": self.dtype_policy}
        site = 1 + self.DROPOUT_SITES * index  # Site 0 is the embeddings'.
        self.attention = Attention(config, site, **policy)
        self.intermediate = Intermediate(config, **policy)
        self.output_layer = ResidualOutput(config, site + 2, **policy)

    def build(self, hidden_shape):
        self.attention.build(hidden_shape)
        self.intermediate.build(hidden_shape)
        self.output_layer.build((None, self.intermediate.dense.units))

    def call(self, hidden, context: Context, positions=None):
        """Returns new hidden states, of all tokens or of those at `positions`.

        Every token is looked at in either case.
        """
        hidden, attention = self.attention(
            hidden, context=context, positions=positions
        )
        wide = self.intermediate(hidden)
        return self.output_layer(wide, hidden, context=context), attention


class Encoder(Layer):
    """The stack of blocks."""

    def __init__(self, config, **kwargs):
        super().__init__(name="encoder", **kwargs)
        self.blocks = [
            Block(config, index, dtype=self.dtype_policy)
            for index in range(config.num_hidden_layers)
        ]

    def build(self, hidden_shape):
        for block in self.blocks:
            block.build(hidden_shape)

    def call(self, hidden, context: Context, positions=None):
        """Returns all hidden states (L + 1) and all attentions (L).

        With `positions` `[B]`, the last of each are of these tokens alone.
        """
        hidden_states, attentions = [hidden], []
        for block in self.blocks:
            is_last = block is self.blocks[-1]
            hidden, attention = block(
                hidden,
                context=context,
                positions=positions if is_last else None,
            )
            hidden_states.append(hidden)
            attentions.append(attention)
        return hidden_states, attentions


class Pooler(Layer):
    """Linear layer and tanh, for the first token of each example."""

    def __init__(self, config, **kwargs):
        super().__init__(name="pooler", **kwargs)
        self.dense = keras.layers.Dense(
            config.hidden_size,
            activation="tanh",
            name="dense",
            dtype=self.dtype_policy,
        )

    def build(self, hidden_shape):
        self.dense.build(hidden_shape)

    def call(self, hidden):
        return self.dense(hidden)  # [B, H]


class BertLayer(Layer):
    """Embeddings, encoder and pooler: all of BERT below a task's head.

    Args:
        config: `transformers.BertConfig`.
        **kwargs: `dtype` (a Keras dtype policy), as for any Keras layer.
    """

    def __init__(self, config, **kwargs):
        super().__init__(name="bert", **kwargs)
        policy = {"dtype": self.dtype_policy}
        self.embeddings = Embeddings(config, **policy)
        self.encoder = Encoder(config, **policy)
        self.pooler = Pooler(config, **policy)
        self.config = config

    def build(self, input_shape=None):
        hidden_shape = (None, self.config.hidden_size)
        self.embeddings.build()
        self.encoder.build(hidden_shape)
        self.pooler.build(hidden_shape)

    def call(
        self,
        inputs: dict[str, Tensor],
        dropout_seed: Tensor | None = None,
        all_tokens: bool = False,
    ):
        """Runs the model.

        Args:
            inputs: as `packed_inputs` returns them.
            dropout_seed: int32 `[2]`, or None for no dropout.
            all_tokens: whether the last block computes every token. The
                pooler needs the first of each example only, and leaving out
                the others there saves most of a block's work.

        Returns:
            Tuple `(pooled, hidden_states, attentions)`: `[B, H]`, L + 1
            tensors `[T, H]`, L tensors `[R, N, W, W]`; unless `all_tokens`,
            the last of each is `[B, H]` and `[B, N, 1, W]`.
        """
        example_ids = inputs["example_ids"]
        num_rows, width = ops.shape(example_ids)
        context = Context(
            num_rows=num_rows,
            width=width,
            example_ids=example_ids,
            attention_bias=attention_bias(example_ids, example_ids),
            dropout_seed=dropout_seed,
        )
        hidden = self.embeddings(
            inputs["words"],
            inputs["token_type_ids"],
            inputs["position_ids"],
            dropout_seed,
        )
        positions = inputs["cls_positions"]
        hidden_states, attentions = self.encoder(
            hidden, context=context, positions=None if all_tokens else positions
        )
        first = hidden_states[-1]
        if all_tokens:
            first = ops.take(first, positions, axis=0)
        return self.pooler(first), hidden_states, attentions


def _layer_norm(config, policy):
    return keras.layers.LayerNormalization(
        epsilon=config.layer_norm_eps, name="LayerNorm", **policy
    )
