"""An exponential average of the weights, which is evaluated in their place.

Late in a training with few examples the weights still jump from step to step;
their average lies between the places they jump to. It costs one more copy of
the trained weights, and nothing of the training changes.
"""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.training.embedding_rows import EmbeddingRows


def average_decays(num_steps: int, ema_decay: float) -> np.ndarray:
    """Returns what share of the average each step keeps.

    ``d_t = min(ema_decay, (1 + t) / (10 + t))``, with t counted from 1. As
    `tf.train.ExponentialMovingAverage(ema_decay, num_updates=t)` has it: the
    first steps, whose weights are the farthest from good ones, are forgotten
    sooner. (Keras's `use_ema` keeps d_t constant.)

    Args:
        num_steps: K >= 0.
        ema_decay: in [0, 1). 0 makes the average the weights themselves.

    Returns:
        float32 `[K]`: d_1 to d_K.

    Example:
        >>> average_decays(3, 0.25).tolist()
        [0.1818181872367859, 0.25, 0.25]

    References:
        Polyak and Juditsky, 1992, of the plain average.
        https://doi.org/10.1137/0330046
    """
    t = np.arange(1, num_steps + 1)
    return np.minimum(ema_decay, (1 + t) / (10 + t)).astype(np.float32)


def average_factors(factors: np.ndarray, decays: np.ndarray) -> np.ndarray:
    """Returns what the average of a weight without gradient is.

    Such a weight is a_t p_0 (`embedding_rows.decay_factors`), so its average
    is b_t p_0, with the same number for all of them:

        b_0 = 1,  b_t = d_t b_(t-1) + (1 - d_t) a_t

    Args:
        factors: float64 `[K + 1]`: a_0 to a_K.
        decays: `[K]`: d_1 to d_K.

    Returns:
        float64 `[K + 1]`: b_0 to b_K.

    Example:
        >>> average_factors(np.array([1.0, 0.5, 0.5]), np.array([0.5, 0.0]))
        array([1.  , 0.75, 0.5 ])
    """
    averages = [1.0]
    for factor, decay in zip(factors[1:], decays, strict=True):
        averages.append(decay * averages[-1] + (1 - decay) * factor)
    return np.array(averages)


class WeightAverage:
    """The averages of some variables, each in a variable of its own.

    An average begins at the weights of step 0. Make it under the strategy of
    the variables, when these are in place.

    Args:
        variables: that are trained: `training_loop.trained_variables`.
        embedding_rows: whose rows are among them; None if the model's own word
            embeddings are, or are frozen.
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        ema_decay: float,
        embedding_rows: EmbeddingRows | None = None,
    ):
        self._variables = list(variables)
        self._ema_decay = ema_decay
        self._embedding_rows = embedding_rows
        self._averages = [
            keras.Variable(v.numpy(), trainable=False, name="average")
            for v in variables
        ]

    def update(
        self, strategy: tf.distribute.Strategy, decay: tf.Tensor
    ) -> None:
        """Takes the weights of a step in, on every replica alike.

        Args:
            decay: float32 scalar, d_t of each replica, all equal.
        """
        for average, variable in zip(
            self._averages, self._variables, strict=True
        ):
            strategy.extended.update(
                average.value,
                lambda a, v, d: a.assign(d * a + (1 - d) * v),
                args=(variable.value, decay),
                group=False,
            )

    def restart(self) -> None:
        """Begins again, at the weights of now."""
        for average, variable in zip(
            self._averages, self._variables, strict=True
        ):
            average.assign(variable.value)

    def decays(self, num_steps: int) -> np.ndarray:
        """What each step of a training gives to `update`: `average_decays`."""
        return average_decays(num_steps, self._ema_decay)

    @contextlib.contextmanager
    def used(
        self,
        model: keras.Model,
        optimizer: AdamWeightDecay,
        learning_rates: np.ndarray,
    ) -> Iterator[None]:
        """A time in which the model has the averages; see `use`.

        Afterwards it has the weights that it had, bit for bit.
        """
        weights = model.trainable_variables
        # A variable that changes leaves the value that was read from it alone.
        values = [tf.convert_to_tensor(variable.value) for variable in weights]
        self.use(model, optimizer, learning_rates)
        try:
            yield
        finally:
            for variable, value in zip(weights, values, strict=True):
                variable.assign(value)

    def use(
        self,
        model: keras.Model,
        optimizer: AdamWeightDecay,
        learning_rates: np.ndarray,
    ) -> None:
        """Gives a model the averages.

        Args:
            model: whose variables are averaged. Its word embeddings must be
                up to date (`EmbeddingRows.write_back`).
            optimizer: of the training; its iterations are the steps so far.
        """
        averages = self._by_path()
        words = self._embedding_rows
        if words is not None:
            rows = averages.pop(words.rows.path)
            words.write_back(
                self._factor_of_unused(optimizer, learning_rates), rows.value
            )
        weights = {v.path: v for v in model.trainable_variables}
        for path, average in averages.items():
            weights[path].assign(average.value)

    def _factor_of_unused(self, optimizer, learning_rates) -> float:
        """The average of an unused word's row, as a share of that row."""
        num_steps = int(optimizer.iterations.numpy())
        factors = self._embedding_rows.factors(
            optimizer, learning_rates[:num_steps]
        )
        averages = average_factors(factors, self.decays(num_steps))
        return averages[-1] / factors[-1]

    def _by_path(self) -> dict[str, keras.Variable]:
        return {
            variable.path: average
            for average, variable in zip(
                self._averages, self._variables, strict=True
            )
        }

    def state(self) -> dict[str, keras.Variable]:
        """The averages by `average/<path>`, to be saved."""
        return {f"average/{path}": a for path, a in self._by_path().items()}
