"""`GradientAccumulator`, as transformers 4 had it."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from tf_bert.optimization.adam_weight_decay import dense_gradient

Tensor = Any


class GradientAccumulator:
    """Sums gradients over the parts of a batch, in a loop of one's own.

    For TensorFlow. Under a distribution strategy, in a replica context, each
    replica has its own sums. A run of this package has
    `--gradient_accumulation_steps`.

    Example:
        >>> import tensorflow as tf
        >>> accumulator = GradientAccumulator()
        >>> for part in (1.0, 2.0):
        ...     accumulator([tf.constant([part]), None])
        >>> int(accumulator.step), accumulator.gradients[0].numpy()
        (2, array([3.], dtype=float32))
        >>> accumulator.reset()
    """

    def __init__(self):
        self._sums: list[Any] = []
        self._step: Any = None

    @property
    def step(self) -> Tensor:
        """How many parts were added since the last `reset`, int64."""
        if self._step is None:
            self._step = _own_variable((), "int64")
        return self._step.value()

    @property
    def gradients(self) -> list[Tensor | None]:
        """The sums of this replica, None where a gradient was None."""
        if not self._sums:
            raise ValueError(
                "There are no gradients yet. Received: no call of the "
                "accumulator. Call it with the gradients of a part first."
            )
        return [x if x is None else x.value() for x in self._sums]

    def __call__(self, gradients: Sequence[Tensor | None]) -> None:
        """Adds the gradients of one part, one for each variable, in order."""
        dense = [x if x is None else dense_gradient(x) for x in gradients]
        if not self._sums:
            self._sums = [
                x if x is None else _own_variable(x.shape, x.dtype)
                for x in dense
            ]
        if len(dense) != len(self._sums):
            raise ValueError(
                "Every part must have as many gradients as the first. "
                f"Received: {len(dense)}, after {len(self._sums)}. Take those "
                "of the same variables, or a new accumulator."
            )
        for total, gradient in zip(self._sums, dense, strict=True):
            if total is not None and gradient is not None:
                total.assign_add(gradient)
        _ = self.step  # Which makes the variable.
        self._step.assign_add(1)

    def reset(self) -> None:
        """Begins anew: sums and `step` become 0."""
        for variable in (self._step, *self._sums):
            if variable is not None:
                variable.assign(ops.zeros(variable.shape, variable.dtype.name))


def _own_variable(shape: Any, dtype: Any) -> Any:
    """A variable of zeros that each replica has for itself."""
    from tf_bert.optimization import fused_adam

    return fused_adam.replica_variable(shape, dtype)
