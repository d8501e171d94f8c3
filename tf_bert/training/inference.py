"""Running a model over a split, each example exactly once, in order."""

from typing import Any

import numpy as np
import tensorflow as tf

from tf_bert.data import pipeline
from tf_bert.data import plan as planning
from tf_bert.data.tokenized_examples import TokenizedExamples


class Inference:
    """Computes logits; traces once, whatever the shapes.

    Args:
        model: built under `strategy`.
        strategy: of `tf_bert.training.distribution`.
        batch_size: >= 1. Global; a multiple of the replicas.
    """

    def __init__(
        self, model: Any, strategy: tf.distribute.Strategy, *, batch_size: int
    ):
        self.model = model
        self.strategy = strategy
        self.batch_size = batch_size

    def logits(self, examples: TokenizedExamples) -> np.ndarray:
        """Returns the logits of every example, in order.

        Args:
            examples: N tokenised examples.

        Returns:
            float32 `[N, C]`.
        """
        plan = planning.plan_evaluation(
            examples.lengths,
            batch_size=self.batch_size,
            num_replicas=self.strategy.num_replicas_in_sync,
        )
        dataset = pipeline.packed_dataset(examples, plan)
        iterator = iter(
            self.strategy.distribute_datasets_from_function(lambda _: dataset)
        )
        parts = []
        for _ in range(plan.num_steps):
            logits, weights = self._step(iterator)
            parts += [
                value.numpy()[weight.numpy() > 0]
                for value, weight in zip(
                    self.strategy.experimental_local_results(logits),
                    self.strategy.experimental_local_results(weights),
                    strict=True,
                )
            ]
        return np.concatenate(parts)

    @tf.function
    def _step(self, iterator):
        return self.strategy.run(self._replica_step, (next(iterator),))

    def _replica_step(self, element):
        inputs = {name: element[name][0] for name in pipeline.MODEL_INPUTS}
        logits = self.model(inputs, training=False).logits  # [B, C]
        return logits, element["example_weight"][0]


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the classes, in float64, `[N, C]`."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
