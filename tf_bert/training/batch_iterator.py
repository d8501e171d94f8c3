"""The packed batches of a training, from any of its steps on."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_bert.data.batches import pipeline
from tf_bert.data.batches.batch_plan import Plan
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.training.devices import distribution


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batches:
    """The batches of all K steps of a training.

    Args:
        per_step: name -> `[K, ...]`, of which each batch gets its row.
        per_replica: name -> `[K, P, ...]`, likewise.
        static_shapes: whether an iterator's batches must have one shape: then
            each shape has an iterator of its own. Else one has them all.
    """

    examples: TokenizedExamples
    plan: Plan
    per_step: Mapping[str, np.ndarray]
    per_replica: Mapping[str, np.ndarray]
    strategy: tf.distribute.Strategy
    static_shapes: bool = False

    def iterate(self, from_step: int = 0) -> "BatchIterator":
        """Returns the batches from a step in [0, K] on, each once, in order."""
        return BatchIterator(self, from_step)

    def open(self, steps: np.ndarray) -> Any:
        """Returns an iterator over the distributed batches of some steps.

        Args:
            steps: int, their numbers, ascending. All have one shape where
                shapes are static.
        """
        return distribution.iterate(
            self.strategy,
            lambda replicas: pipeline.packed_dataset(
                self.examples,
                self.plan,
                steps=steps,
                per_step=self.per_step,
                per_replica=self.per_replica,
                static_shapes=self.static_shapes,
                replicas=replicas,
            ),
        )

    def shapes(self) -> np.ndarray:
        """Returns `[K]`: the number of each step's shape, or 0 for any."""
        if not self.static_shapes:
            return np.zeros(self.plan.num_steps, np.int64)
        shapes = np.stack([self.plan.num_rows, self.plan.widths], axis=1)
        _, numbers = np.unique(shapes, axis=0, return_inverse=True)
        return numbers.reshape(-1)


class BatchIterator:
    """Where the training loop takes its steps from."""

    def __init__(self, batches: Batches, first_step: int):
        self._batches = batches
        self._first_step = first_step
        self._shapes = batches.shapes()
        self._iterators: dict[int, Any] = {}

    def at(self, step: int, most: int) -> tuple[Any, int]:
        """Returns an iterator, and how many steps to take from it.

        Args:
            step: how many steps came before, less than K.
            most: >= 1. Steps that are wanted in one call of the loop.
        """
        shape = self._shapes[step]
        if shape not in self._iterators:
            steps = np.flatnonzero(self._shapes == shape)
            self._iterators[shape] = self._batches.open(
                steps[steps >= self._first_step]
            )
        others = np.flatnonzero(self._shapes[step : step + most] != shape)
        return self._iterators[shape], int(others[0]) if len(others) else most
