"""`--record_updates`: how far each step moves each block, and the whole run.

Two functions around a training step, so that the step is what it always is:
one copies the trained weights before it, the other compares them afterwards.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.parameter_groups import block_of
from tf_bert.training.update_log import UpdateLog

Tensor = Any


class UpdateRecorder:
    """Records norms by block: embeddings, layer_0 ..., pooler, classifier.

    Per step and block, `log` holds the norm of the update (the change of the
    block's weights, decay included) and the norm of the update that Adam with
    bias correction would have made of the same moments, with the same rates
    and decay. Their ratio is 1 where bias correction is on. Where it is off, it
    is (1 - b1^t) / sqrt(1 - b2^t) at step t, as in the paper, but for decay,
    which is the same in both, and for gradients as small as epsilon: on MiniLM
    without decay the first steps are 2 % below it with 1e-8, and within 1e-5
    of it with 1e-14.

    How exact it is: a weight w is rounded to 6e-8 w after each step, so an
    update of one weight near 0.05 by 1e-6 is off by up to 0.2 %. The errors
    are independent, and a norm over n weights sums their squares: it is too
    large by half the squared share, 1e-6. Rounding only shows, as a ratio
    above 1, where weights hardly move: rates below some 1e-9.

    Of the word embeddings, only the rows that the training data uses count
    (see `EmbeddingRows`). Weights that are not trained are left out.

    Make it when the weights are those of step 0, before a state is loaded.

    Args:
        variables: of `training_loop.trained_variables`, lowest block first.
        optimizer: built for them.

    References:
        Zhang et al., 2021, Section 4. https://arxiv.org/abs/2006.05987
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        optimizer: AdamWeightDecay,
        strategy: tf.distribute.Strategy,
    ):
        self._variables = list(variables)
        self._optimizer = optimizer
        self._strategy = strategy
        self._places: dict[str, list[int]] = {}
        for place, variable in enumerate(variables):
            self._places.setdefault(block_of(variable.path), []).append(place)
        self.restart()

    def restart(self) -> None:
        """Forgets all steps; the weights of now are those of step 0."""
        self._start = [variable.numpy() for variable in self._variables]
        self._shares: list[float] = []
        self.log = UpdateLog(tuple(self._places))

    @contextlib.contextmanager
    def around_step(self, learning_rate: np.float32) -> Iterator[None]:
        """Records the step that is taken, and waited for, inside."""
        start = time.perf_counter()
        before = self._remember(tf.ones([]))
        begin = time.perf_counter()
        yield
        end = time.perf_counter()
        norms = self._measure(before, tf.constant(learning_rate)).numpy()
        stop = time.perf_counter()
        self.log.append(learning_rate, norms)
        self._shares.append(1 - (end - begin) / (stop - start))

    def distances(self) -> dict[str, float]:
        """Returns block -> distance from its weights at step 0, L2."""
        squares = [
            np.square(variable.numpy().astype(np.float64) - start).sum()
            for variable, start in zip(
                self._variables, self._start, strict=True
            )
        ]
        return {
            block: float(np.sqrt(sum(squares[place] for place in places)))
            for block, places in self._places.items()
        }

    def share_of_step_time(self) -> float | None:
        """Returns what recording takes of a step's time, its own included.

        Returns:
            In [0, 1], the median over the steps, of which a few trace their
            functions; None before the first.
        """
        return float(np.median(self._shares)) if self._shares else None

    @tf.function(autograph=False)
    def _remember(self, one: Tensor) -> list[Tensor]:
        """Copies the variables, on each replica its own.

        A plain read would share the memory of the variable, and the copy be
        made by the training step; a product with a number that the trace does
        not know is a copy.
        """
        return self._strategy.run(
            lambda: [tf.convert_to_tensor(v) * one for v in self._values()]
        )

    @tf.function(autograph=False)
    def _measure(self, before: list[Tensor], learning_rate: Tensor) -> Tensor:
        """Returns the norms of the step that has ended, `[2, blocks]`."""
        norms = self._strategy.run(self._norms, (before, learning_rate))
        return self._strategy.experimental_local_results(norms)[0]

    def _norms(self, before: list[Tensor], learning_rate: Tensor) -> Tensor:
        squares = []  # Of each variable: its update's, and the expected one's.
        for variable, value, old in zip(
            self._variables, self._values(), before, strict=True
        ):
            expected = self._optimizer.corrected_change(
                variable, old, learning_rate
            )
            update = tf.convert_to_tensor(value) - old
            squares.append(
                [tf.reduce_sum(tf.square(x)) for x in (update, expected)]
            )
        squares = tf.convert_to_tensor(squares)  # [variables, 2]
        return tf.sqrt(
            tf.stack(
                [
                    tf.reduce_sum(tf.gather(squares, places), axis=0)
                    for places in self._places.values()
                ],
                axis=1,
            )
        )

    def _values(self) -> list[tf.Variable]:
        return [variable.value for variable in self._variables]
