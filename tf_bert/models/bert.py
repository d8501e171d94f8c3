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

import functools
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
from tf_bert.models.initialization import NOT_DRAWN
from tf_bert.models.rematerialization import rematerialized

Tensor = Any


class Embeddings(Layer):
    """Sum of word, position and segment embeddings, normalised."""

    def __init__(self, config, **kwargs):
        super().__init__(name="embeddings", **kwargs)
        policy = {"dtype": self.dtype_policy}

        def table(num_rows, name):
            return keras.layers.Embedding(
                num_rows,
                config.hidden_size,
                embeddings_initializer="zeros",  # As NOT_DRAWN, for kernels.
                name=name,
                **policy,
            )

        self.word_embeddings = table(config.vocab_size, "word_embeddings")
        self.position_embeddings = table(
            config.max_position_embeddings, "position_embeddings"
        )
        self.token_type_embeddings = table(
            config.type_vocab_size, "token_type_embeddings"
        )
        self.LayerNorm = _layer_norm(config, policy)
        self.rate = config.hidden_dropout_prob

    def build(self, input_shape=None):
        self.word_embeddings.build()
        self.position_embeddings.build()
        self.token_type_embeddings.build()
        self.LayerNorm.build((None, self.word_embeddings.output_dim))

    @property
    def weight(self) -> keras.Variable:
        """The table of the words, under its name in transformers 4."""
        return self.word_embeddings.embeddings

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
            config.hidden_size, name="dense", **policy, **NOT_DRAWN
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


class Activated(Layer):
    """A linear layer with its activation, in a scope of its own.

    The wide layer of a block's feed-forward part, and the pooler.
    """

    def __init__(self, units, activation, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(
            units, name="dense", dtype=self.dtype_policy, **NOT_DRAWN
        )
        self.activation = activations.get(activation)

    def build(self, hidden_shape):
        self.dense.build(hidden_shape)

    def call(self, hidden):
        return self.activation(self.dense(hidden))  # [T, units]


class Block(Layer):
    """One of the L layers of the encoder: attention, then feed-forward."""

    DROPOUT_SITES = 3

    def __init__(self, config, index, **kwargs):
        super().__init__(name=f"layer_{index}", **kwargs)
        policy = {"dtype": self.dtype_policy}
        site = 1 + self.DROPOUT_SITES * index  # Site 0 is the embeddings'.
        self.attention = Attention(config, site, **policy)
        self.intermediate = Activated(
            config.intermediate_size,
            config.hidden_act,
            name="intermediate",
            **policy,
        )
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
    """The stack of blocks.

    Attributes:
        remat: whether a pass with dropout's seed, as training's are, keeps
            the input of each block alone. Set it before anything is traced.
    """

    def __init__(self, config, **kwargs):
        super().__init__(name="encoder", **kwargs)
        self.remat = False
        self.blocks = [
            Block(config, index, dtype=self.dtype_policy)
            for index in range(config.num_hidden_layers)
        ]

    def build(self, hidden_shape):
        for block in self.blocks:
            block.build(hidden_shape)

    def call(
        self, hidden, context: Context, positions=None, blocks=slice(None)
    ):
        """Runs all blocks, or those that `blocks` selects, which come next.

        Returns the hidden states behind each of them, and their attentions.
        With `positions` `[B]`, those of the top block are of these tokens
        alone; and with `remat` there are no attentions.
        """
        hidden_states, attentions = [], []
        # Who wants the attentions wants all tokens.
        is_trained = context.dropout_seed is not None and positions is not None
        for block in self.blocks[blocks]:
            is_last = block is self.blocks[-1]
            run = functools.partial(
                block,
                context=context,
                positions=positions if is_last else None,
            )
            if self.remat and is_trained:
                hidden = rematerialized(run, block, hidden)
            else:
                hidden, attention = run(hidden)
                attentions.append(attention)
            hidden_states.append(hidden)
        return hidden_states, attentions


class BertLayer(Layer):
    """Embeddings, encoder and pooler: all of BERT below a task's head.

    It is a stack of L + 2 stages: the embeddings, the L blocks, the pooler.
    The lowest of them may be frozen (`tf_bert.adaptation.freezing`).

    Attributes:
        num_frozen_stages: in [0, L + 2]. So many run without dropout, in
            training too, and no gradient goes into them. Set it before
            anything is traced.
    """

    def __init__(self, config, **kwargs):
        super().__init__(name="bert", **kwargs)
        policy = {"dtype": self.dtype_policy}
        self.embeddings = Embeddings(config, **policy)
        self.encoder = Encoder(config, **policy)
        self.pooler = Activated(
            config.hidden_size, "tanh", name="pooler", **policy
        )
        self.config = config
        self.num_frozen_stages = 0

    def build(self, input_shape=None):
        hidden_shape = (None, self.config.hidden_size)
        self.embeddings.build()
        self.encoder.build(hidden_shape)
        self.pooler.build(hidden_shape)

    @property
    def stages(self) -> list[Layer]:
        """The layers, lowest first."""
        return [self.embeddings, *self.encoder.blocks, self.pooler]

    @property
    def has_frozen_encoder(self) -> bool:
        """Whether all blocks are frozen, perhaps the pooler too."""
        return self.num_frozen_stages > len(self.encoder.blocks)

    def call(
        self,
        inputs: dict[str, Tensor],
        dropout_seed: Tensor | None = None,
        all_tokens: bool = False,
    ):
        """Runs the model.

        Args:
            inputs: as `packed_inputs` returns them; or what `frozen_features`
                has returned for them, as `frozen_features`, and, unless
                `has_frozen_encoder`, `example_ids` and `cls_positions`.
            dropout_seed: int32 `[2]`, or None for no dropout.
            all_tokens: whether the last block computes every token. The
                pooler needs the first of each example only, and leaving out
                the others there saves most of a block's work.

        Returns:
            Tuple `(pooled, hidden_states, attentions)`: `[B, H]`, L + 1
            tensors `[T, H]`, L tensors `[R, N, W, W]`; unless `all_tokens`,
            the last of each is `[B, H]` and `[B, N, 1, W]`. Of frozen stages
            that were not run there are none.
        """
        stages = range(self.num_frozen_stages)
        hidden = inputs.get("frozen_features")
        hidden_states, attentions = [], []
        if hidden is not None:
            hidden = ops.cast(hidden, self.compute_dtype)
            hidden = ops.reshape(hidden, [-1, self.config.hidden_size])
        elif stages:
            hidden, hidden_states, attentions = self._run(
                stages, None, inputs, all_tokens=all_tokens
            )
            hidden = ops.stop_gradient(hidden)
        hidden, states, others = self._run(
            range(len(stages), len(self.stages)),
            hidden,
            inputs,
            dropout_seed=dropout_seed,
            all_tokens=all_tokens,
        )
        return hidden, hidden_states + states, attentions + others

    def frozen_features(self, inputs: dict[str, Tensor]) -> Tensor:
        """Runs the frozen stages alone, on what `packed_inputs` returns.

        There must be some. Returns `[T, H]`, of every token; if
        `has_frozen_encoder`, `[B, H]`, of every example's first.
        """
        hidden, _, _ = self._run(range(self.num_frozen_stages), None, inputs)
        return hidden

    def _run(
        self, stages, hidden, inputs, *, dropout_seed=None, all_tokens=False
    ):
        """Runs some stages in a row, on what the one below them gave.

        Returns the last one's output, and hidden states and attentions as
        `call` does.
        """
        hidden_states, attentions = [], []
        num_blocks = len(self.encoder.blocks)
        if 0 in stages:
            hidden = self.embeddings(
                inputs["words"],
                inputs["token_type_ids"],
                inputs["position_ids"],
                dropout_seed,
            )
            hidden_states = [hidden]
        # Block i is stage i + 1.
        blocks = slice(max(stages.start - 1, 0), max(stages.stop - 1, 0))
        if blocks.start < min(blocks.stop, num_blocks):
            positions = inputs["cls_positions"]
            states, attentions = self.encoder(
                hidden,
                context=_context(inputs["example_ids"], dropout_seed),
                positions=None if all_tokens else positions,
                blocks=blocks,
            )
            hidden = states[-1]
            hidden_states = hidden_states + states
            if all_tokens and num_blocks in stages:
                hidden = ops.take(hidden, positions, axis=0)  # [B, H]
        if num_blocks + 1 in stages:
            hidden = self.pooler(hidden)
        return hidden, hidden_states, attentions


def _context(example_ids: Tensor, dropout_seed: Tensor | None) -> Context:
    num_rows, width = ops.shape(example_ids)
    return Context(
        num_rows=num_rows,
        width=width,
        example_ids=example_ids,
        attention_bias=attention_bias(example_ids, example_ids),
        dropout_seed=dropout_seed,
    )


def _layer_norm(config, policy):
    return keras.layers.LayerNormalization(
        epsilon=config.layer_norm_eps, name="LayerNorm", **policy
    )
