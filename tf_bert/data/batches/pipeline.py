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
    first_step: int = 0,
    steps: np.ndarray | None = None,
    per_step: dict[str, np.ndarray] | None = None,
    per_replica: dict[str, np.ndarray] | None = None,
    static_shapes: bool = False,
    replicas: range | None = None,
) -> tf.data.Dataset:
    """Returns the packed batches of a plan, from any step on.

    Args:
        examples: the tokenised split that the plan was made for.
        plan: of `plan_training` or `plan_evaluation`.
        first_step: in [0, K]. Earlier steps are not assembled.
        steps: int, of these the ones that are; None: all.
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
    steps = steps[steps >= first_step]
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
    """Returns what the model takes of one micro-batch of an element.

    Args:
        element: of `packed_dataset`.
        micro_batch: in [0, M).
    """
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
        exists = chosen >= 0
        chosen = tf.maximum(chosen, 0)
        places = self.places[step, replica]  # [M, B]
        num_rows, width = self.num_rows[step], self.widths[step]

        starts = tf.gather(self.row_splits, chosen)
        sizes = tf.gather(self.row_splits, chosen + 1) - starts
        sizes = tf.cast(tf.where(exists, sizes, 0), tf.int32)
        # For each token of the batch: its example, and its place in that.
        example = tf.repeat(tf.range(tf.size(sizes)), sizes)  # [tokens]
        inside = tf.range(tf.size(example)) - tf.gather(
            tf.cumsum(sizes, exclusive=True), example
        )
        tokens = tf.gather(starts, example) + tf.cast(inside, tf.int64)
        # Micro-batches lie behind each other, R rows each.
        micro_batch = tf.range(self.num_micro_batches)[:, None]
        absolute = tf.reshape(places + micro_batch * num_rows * width, [-1])
        where = tf.gather(absolute, example) + inside
        shape = [self.num_micro_batches, num_rows, width]

        def put(values):
            last = values.shape[1:]  # [], or [H] of features.
            flat = tf.scatter_nd(
                where[:, None], values, [tf.reduce_prod(shape), *last]
            )
            return tf.ensure_shape(
                tf.reshape(flat, [*shape, *last]),
                [self.num_micro_batches, *known_shape, *last],
            )

        inputs = {
            "example_ids": put(example % self.batch + 1),
            "cls_positions": places,
        }
        if self.features is not None:
            features = self.features.gather(
                tf.boolean_mask(chosen, exists), tokens
            )
            return inputs | {"frozen_features": put(features)}
        first_lengths = tf.gather(self.first_lengths, chosen)
        types = tf.cast(inside >= tf.gather(first_lengths, example), tf.int32)
        return inputs | {
            "input_ids": put(tf.gather(self.ids, tokens)),
            "token_type_ids": put(types),
            "position_ids": put(inside),
        }
