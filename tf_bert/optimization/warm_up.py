"""`WarmUp`, as transformers 4 had it."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Tensor = Any


@keras.saving.register_keras_serializable(package="tf_bert")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises to a peak, then follows another schedule from its beginning.

    A run of this package has `WarmupDecay`, which is both in one.

    Args:
        initial_learning_rate: >= 0. The peak.
        decay_schedule_fn: takes the steps since the warm-up ended; a schedule
            of Keras, or a function that is registered with Keras if the
            optimizer is stored.
        warmup_steps: W >= 0. Update s, counted from 0, has the peak times
            (s / W)^power while s < W.
        power: > 0. 1 is linear.

    Example:
        >>> schedule = WarmUp(1.0, lambda step: 1 - step / 8, 2)
        >>> print(*(float(schedule(s)) for s in (0, 1, 2, 6, 10)))
        0.0 0.5 1.0 0.5 0.0
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_schedule_fn: Callable[[Tensor], Tensor],
        warmup_steps: int,
        power: float = 1.0,
        name: str | None = None,
    ):
        super().__init__()
        self.initial_learning_rate = initial_learning_rate
        self.decay_schedule_fn = decay_schedule_fn
        self.warmup_steps = warmup_steps
        self.power = power
        self.name = name

    def __call__(self, step: Tensor) -> Tensor:
        """Returns the float32 rates of `step`, counted from 0."""
        step = ops.cast(step, "float32")
        rising = (step / max(self.warmup_steps, 1)) ** self.power
        falling = self.decay_schedule_fn(
            ops.maximum(step - self.warmup_steps, 0.0)
        )
        return ops.where(
            step < self.warmup_steps,
            self.initial_learning_rate * rising,
            falling,
        )

    def get_config(self) -> dict[str, Any]:
        """Everything the constructor takes."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_schedule_fn": keras.saving.serialize_keras_object(
                self.decay_schedule_fn
            ),
            "warmup_steps": self.warmup_steps,
            "power": self.power,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]):
        """Makes the schedule that `get_config` describes."""
        decay = keras.saving.deserialize_keras_object(
            config["decay_schedule_fn"]
        )
        return cls(**config | {"decay_schedule_fn": decay})
