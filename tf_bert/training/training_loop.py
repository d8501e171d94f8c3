"""The training step, and the loop over steps inside one traced function.

Everything that differs from step to step or from run to run (tokens, learning
rate, dropout seeds) arrives in the elements of the dataset, see
`tf_bert.data.batches.pipeline`; so one trace serves every step and many runs.

Letters: M micro-batches, R rows, W tokens of a row, B examples.
"""

import contextlib
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_bert.adaptation.mixout import Mixout
from tf_bert.data.batches import pipeline
from tf_bert.models import sequence_classification
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.training.embedding_rows import EmbeddingRows
from tf_bert.training.weight_average import WeightAverage


def trained_variables(
    model: keras.Model, embedding_rows: EmbeddingRows | None
) -> list[keras.Variable]:
    """Returns a model's trainable variables, `embedding_rows` in its place."""
    by_path = {v.path: v for v in model.trainable_variables}
    if embedding_rows is not None:
        by_path[embedding_rows.rows.path] = embedding_rows.rows
    return list(by_path.values())


class TrainingLoop:
    """Trains a model on distributed, packed batches.

    Per step: the loss is the mean over the real examples of the global batch;
    gradients are summed over micro-batches and then over replicas; the sum is
    clipped to a global norm; every replica applies it.

    Args:
        optimizer: created and built under `strategy`. Its own learning rate
            and clipping are not used: the rate comes with the batch.
        max_grad_norm: > 0. Largest global norm of the gradient; 0 turns
            clipping off.
        embedding_rows: trained in the place of the model's word embeddings,
            which follow by its `write_back`. None trains these themselves.
        mixout: of `model`; each micro-batch has masks of its own. None mixes
            nothing.
        jit_compile: whether XLA compiles forward and backward pass. Shapes
            must be static then.

    Attributes:
        seconds: that `take_steps` has taken in all.
    """

    def __init__(
        self,
        model: sequence_classification.TFBertForSequenceClassification,
        optimizer: AdamWeightDecay,
        strategy: tf.distribute.Strategy,
        *,
        max_grad_norm: float = 1.0,
        label_smoothing: float = 0.0,
        embedding_rows: EmbeddingRows | None = None,
        mixout: Mixout | None = None,
        average: WeightAverage | None = None,
        jit_compile: bool = False,
    ):
        self.model = model
        self.optimizer = optimizer
        self.strategy = strategy
        self.max_grad_norm = max_grad_norm
        self.label_smoothing = label_smoothing
        self.embedding_rows = embedding_rows
        self.mixout = mixout
        self.average = average
        self.jit_compile = jit_compile
        self.variables = trained_variables(model, embedding_rows)
        self.seconds = 0.0

    def take_steps(self, iterator: Any, num_steps: int) -> np.ndarray:
        """Runs some steps and waits for them."""
        start = time.perf_counter()
        losses = self.train_steps(iterator, tf.constant(num_steps)).numpy()
        self.seconds += time.perf_counter() - start
        return losses

    # Without AutoGraph, here and in all that is traced: nothing depends on the
    # value of a tensor but this loop, and to convert Python's source takes
    # seconds at the start of each process.
    @tf.function(autograph=False)
    def train_steps(self, iterator: Any, num_steps: tf.Tensor) -> tf.Tensor:
        """Runs some steps.

        Returns:
            float32 `[num_steps]`, the loss of each step. (Their sum would
            depend, in its last digits, on how steps are put into calls.)
        """

        def take(step, losses):
            element = iterator.get_next()
            parts = self.strategy.run(self._replica_step, (element,))
            loss = self.strategy.reduce("SUM", parts, axis=None)
            return step + 1, losses.write(step, loss)

        _, losses = tf.while_loop(
            lambda step, _: step < num_steps,
            take,
            (
                0,
                tf.TensorArray(tf.float32, size=num_steps, element_shape=[]),
            ),
            maximum_iterations=num_steps,
        )
        return losses.stack()

    def _replica_step(self, element: dict[str, tf.Tensor]) -> tf.Tensor:
        """One step on one replica; returns its part of the loss."""
        accumulate = self._accumulate
        if self.jit_compile:
            # One for each replica: what it reads are its own copies.
            accumulate = tf.function(
                accumulate, jit_compile=True, autograph=False
            )
        loss, gradients = accumulate(element)
        replica = tf.distribute.get_replica_context()
        gradients = replica.merge_call(_sum_over_replicas, args=(gradients,))
        if self.max_grad_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.max_grad_norm)
        scalars = self.optimizer.scalars(
            element["learning_rate"], self.variables[0].dtype
        )
        variables = [v.value for v in self.variables]
        replica.merge_call(self._update, args=(gradients, variables, scalars))
        self.optimizer.iterations.assign_add(1)
        if self.average is not None:
            replica.merge_call(
                self.average.update, args=(element["average_decay"],)
            )
        return loss

    def _accumulate(self, element):
        """Sums loss and gradients over the micro-batches of a replica."""
        # The number of micro-batches is the first length. Distributed to two
        # devices, only tensors with an open length keep it known; a batch of
        # features of examples has no such tensor, and then all keep it.
        name = "example_ids" if "example_ids" in element else "labels"
        num_micro_batches = element[name].shape[0]
        if num_micro_batches == 1:
            return self._gradients(element, 0)

        def add(index, loss, gradients):
            more, other = self._gradients(element, index)
            return (
                index + 1,
                loss + more,
                [g + o for g, o in zip(gradients, other, strict=True)],
            )

        _, loss, gradients = tf.while_loop(
            lambda index, *_: index < num_micro_batches,
            add,
            (
                0,
                tf.zeros([]),
                [tf.zeros(v.shape, v.dtype) for v in self.variables],
            ),
            maximum_iterations=num_micro_batches,
        )
        return loss, gradients

    def _gradients(self, element, index):
        """Loss and dense gradients of one micro-batch."""
        inputs = pipeline.model_inputs(element, index)
        inputs["dropout_seed"] = element["dropout_seeds"][index]
        with tf.GradientTape() as tape:
            if self.embedding_rows is not None:
                ids = inputs.pop("input_ids")
                inputs["inputs_embeds"] = self.embedding_rows.embed(ids)
            with self._mixed(inputs["dropout_seed"]):
                logits = self.model(inputs, training=True).logits  # [B, C]
            losses = sequence_classification.per_example_loss(
                element["labels"][index],
                logits,
                label_smoothing=self.label_smoothing,
            )
            weights = element["example_weight"][index]
            loss = tf.reduce_sum(losses * weights) / element["num_examples"]
        gradients = tape.gradient(
            loss, [variable.value for variable in self.variables]
        )
        # The gradient of an embedding is a list of rows, in which a row may
        # come twice: its norm is only right once they are summed.
        return loss, [tf.convert_to_tensor(g) for g in gradients]

    def _mixed(self, seed):
        """The scope of a forward pass."""
        if self.mixout is None:
            return contextlib.nullcontext()
        return self.mixout.scope(seed)

    def _update(self, strategy, gradients, variables, scalars):
        """Applies the reduced gradients, on every replica alike."""

        def update(variable, gradient, *scalars):
            self.optimizer.update_variable(gradient, variable, *scalars)

        for variable, gradient in zip(variables, gradients, strict=True):
            strategy.extended.update(
                variable, update, args=(gradient, *scalars), group=False
            )


def _sum_over_replicas(strategy, gradients):
    # `all_reduce` would do, but that has a gradient itself, which TensorFlow
    # registers for good, and the whole trace with it: a sweep would keep those
    # of all its recipes.
    return strategy.extended.batch_reduce_to(
        tf.distribute.ReduceOp.SUM, [(value, value) for value in gradients]
    )
