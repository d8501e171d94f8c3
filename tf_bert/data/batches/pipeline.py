"""The assembly: a `tf.data` pipeline that carries out a plan.

Graph operations only, no Python function: so it runs on TPU hosts too, and
another backend gets the same arrays through `as_numpy_iterator()`.

An element is one replica's share of one step, and holds all that the step
needs, scalars included; nothing of a run is baked into the traced step, and
many runs share one trace. Letters as in `batch_plan.py`, R rows, W tokens of a
row.
"""

import numpy as np
import tensorflow as tf

from tf_bert.data.batches.batch_plan import Plan
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples

# What the model takes of an element, as far as it is there; the rest is for
# the loss and the update.
MODEL_INPUTS = (
    "frozen_features",
    "input_ids",
    "token_type_ids",
    "position_ids",
    "example_ids",
    "cls_positions",
)


def packed_dataset(
    examples: TokenizedExamples,
    plan: Plan,
    *,
    steps: np.ndarray | None = None,
    per_step: dict[str, np.ndarray] | None = None,
    per_replica: dict[str, np.ndarray] | None = None,
    static_shapes: bool = False,
    replicas: range | None = None,
) -> tf.data.Dataset:
    """Returns the packed batches of a plan, of all its steps or some.

    Args:
        examples: the tokenised split that the plan was made for.
        plan: of `plan_training` or `plan_evaluation`.
        steps: int, those that are assembled; None: all K.
        per_step: arrays `[K, ...]` of which each element gets its step's
            row, such as the learning rate.
        per_replica: arrays `[K, P, ...]`, likewise, such as dropout seeds.
        static_shapes: tells the shapes to the tracer, which TPUs and XLA
            need; all the steps must have one shape. False leaves R and W
            open, and one trace serves every shape.
        replicas: whose shares are assembled, in [0, P); None: those of all.

    Returns:
        Elements in the order step by step, replica by replica within a step:
        `input_ids`, `token_type_ids`, `position_ids`, `example_ids` (1 to B
        by example, 0 for padding) int32 `[M, R, W]`; `cls_positions` int32
        `[M, B]` into the R x W tokens; `labels` `[M, B]`; `example_weight`
        float32 `[M, B]`, 0 where there is no example; `num_examples` float32
        scalar, of the global batch; and what was passed in. With features
        of each token, `frozen_features` float32 `[M, R, W, H]` replaces
        `input_ids`, `token_type_ids` and `position_ids`; with features of
        each example, `[M, B, H]` replaces all the model's inputs.
    """
    tables = _Tables(examples, plan, per_step or {}, per_replica or {})
    if steps is None:
        steps = np.arange(plan.num_steps)
    replicas = replicas or range(plan.num_replicas)
    count = len(replicas)
    shape = [None, None]
    if static_shapes:
        step = steps[0] if len(steps) else plan.num_steps - 1
        shape = [int(plan.num_rows[step]), int(plan.widths[step])]
    numbers = tf.constant(steps, tf.int64)

    # As in `tf_bert.training.training_loop`.
    @tf.autograph.experimental.do_not_convert
    def assemble(i):
        return tables.assemble(
            numbers[i // count], replicas[0] + i % count, shape
        )

    dataset = tf.data.Dataset.range(len(steps) * count).map(
        assemble,
        num_parallel_calls=2,
        deterministic=True,
    )
    # There is nothing to tune, and in TensorFlow 2.21 the end of an iterator
    # waits for its tuner to wake up, up to a minute.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(2).with_options(options)


def model_inputs(
    element: dict[str, tf.Tensor], micro_batch: int | tf.Tensor
) -> dict[str, tf.Tensor]:
    """Returns what the model takes of one micro-batch of an element."""
    return {
        name: element[name][micro_batch]
        for name in MODEL_INPUTS
        if name in element
    }


class _Tables:
    """The plan and the tokens as tensors, and the assembly of one element."""

    def __init__(self, examples, plan, per_step, per_replica):
        self.ids = tf.constant(examples.ids, tf.int32)
        self.row_splits = tf.constant(examples.row_splits, tf.int64)
        self.first_lengths = tf.constant(examples.first_lengths, tf.int32)
        self.labels = tf.constant(examples.labels)
        self.features = examples.features
        self.examples = tf.constant(plan.examples, tf.int32)
        self.places = tf.constant(plan.places, tf.int32)
        self.num_rows = tf.constant(plan.num_rows, tf.int32)
        self.num_examples = tf.constant(plan.num_examples, tf.float32)
        self.per_step = {k: tf.constant(v) for k, v in per_step.items()}
        self.per_replica = {k: tf.constant(v) for k, v in per_replica.items()}
        self.widths = tf.constant(plan.widths, tf.int32)
        self.num_micro_batches, self.batch = plan.examples.shape[2:]

    def assemble(self, step, replica, known_shape):
        """Builds one element; `known_shape` is [R, W], None if not known."""
        chosen = tf.reshape(self.examples[step, replica], [-1])  # [M x B]
        exists = chosen >= 0
        shares = [self.num_micro_batches, self.batch]
        element = {
            "labels": tf.reshape(
                tf.gather(self.labels, tf.maximum(chosen, 0)), shares
            ),
            "example_weight": tf.reshape(tf.cast(exists, tf.float32), shares),
            "num_examples": self.num_examples[step],
        }
        if self.features is None or self.features.is_per_token:
            element |= self._tokens(chosen, step, replica, known_shape)
        else:
            # An example that is not there has any features, and no weight.
            features = self.features.gather(tf.maximum(chosen, 0))
            size = features.shape[-1]
            element["frozen_features"] = tf.reshape(features, [*shares, size])
        for name, table in self.per_step.items():
            element[name] = table[step]
        for name, table in self.per_replica.items():
            element[name] = table[step, replica]
        return element

    def _tokens(self, chosen, step, replica, known_shape):
        """What is there for each token of the rows."""
        places = self.places[step, replica]  # [M, B]
        num_rows, width = self.num_rows[step], self.widths[step]
        slots, inside, sources, targets = _token_indices(
            self.row_splits, chosen, places, num_rows * width
        )
        shape = [self.num_micro_batches, num_rows, width]

        def put(values):
            last = values.shape[1:]  # [], or [H] of features.
            flat = tf.scatter_nd(
                targets[:, None], values, [tf.reduce_prod(shape), *last]
            )
            return tf.ensure_shape(
                tf.reshape(flat, [*shape, *last]),
                [self.num_micro_batches, *known_shape, *last],
            )

        inputs = {
            "example_ids": put(slots % self.batch + 1),
            "cls_positions": places,
        }
        if self.features is not None:
            features = self.features.gather(
                tf.boolean_mask(chosen, chosen >= 0), sources
            )
            return inputs | {"frozen_features": put(features)}
        first_lengths = tf.gather(self.first_lengths, tf.maximum(chosen, 0))
        types = tf.cast(inside >= tf.gather(first_lengths, slots), tf.int32)
        return inputs | {
            "input_ids": put(tf.gather(self.ids, sources)),
            "token_type_ids": put(types),
            "position_ids": put(inside),
        }


def _token_indices(
    row_splits: tf.Tensor,
    chosen: tf.Tensor,
    places: tf.Tensor,
    row_tokens: int | tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns where each token of a share comes from, and where it goes.

    Args:
        row_splits: int64 `[N + 1]`; example i has the tokens from
            `row_splits[i]` to `row_splits[i + 1]`.
        chosen: int32 `[M x B]`, the example of each slot; -1: none.
        places: int32 `[M, B]`, where it begins in its micro-batch.
        row_tokens: R x W, the places of a micro-batch.

    Returns:
        int `[tokens]` each, by token: its slot, in [0, M x B); its place
        inside its example; its place in the tokens of all examples; and its
        place in the micro-batches, which lie behind each other.

    Example:
        Three examples have 3, 1 and 2 tokens. Two micro-batches of two slots
        and one row of 5 places take examples 2 and 0, and example 1 alone.
        Then, by slot,

            starts   [4, 0, 3, 0]  where its tokens begin
            sizes    [2, 3, 1, 0]  how many there are; the last slot is empty
            before   [0, 2, 5, 6]  how many there are in earlier slots
            begins   [0, 2, 5, 5]  `places`, plus 5 in the second micro-batch

        and a row for each of the six tokens: slot, inside, from, to.

        >>> indices = _token_indices(
        ...     tf.constant([0, 3, 4, 6], tf.int64),
        ...     chosen=tf.constant([2, 0, 1, -1]),
        ...     places=tf.constant([[0, 2], [0, 0]]),
        ...     row_tokens=5,
        ... )
        >>> print(np.stack(indices, axis=1))
        [[0 0 4 0]
         [0 1 5 1]
         [1 0 0 2]
         [1 1 1 3]
         [1 2 2 4]
         [2 0 3 5]]
    """
    exists = chosen >= 0
    chosen = tf.maximum(chosen, 0)
    starts = tf.gather(row_splits, chosen)
    sizes = tf.gather(row_splits, chosen + 1) - starts
    sizes = tf.cast(tf.where(exists, sizes, 0), tf.int32)
    before = tf.cumsum(sizes, exclusive=True)
    micro_batch = tf.range(tf.shape(places)[0])[:, None]
    begins = tf.reshape(places + micro_batch * row_tokens, [-1])

    slots = tf.repeat(tf.range(tf.size(sizes)), sizes)
    inside = tf.range(tf.size(slots)) - tf.gather(before, slots)
    sources = tf.gather(starts, slots) + tf.cast(inside, tf.int64)
    targets = tf.gather(begins, slots) + inside
    return slots, inside, sources, targets
