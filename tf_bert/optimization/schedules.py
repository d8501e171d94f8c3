"""Learning-rate schedules."""

import math
from typing import Any

import keras
from keras import ops

Tensor = Any

DECAYS = ("linear", "cosine", "constant")


@keras.saving.register_keras_serializable(package="tf_bert")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from 0, then decay to 0 (or none).

    The rate of update s, counted from 0, is init_lr times s / W while s < W.
    Then, with x = max(0, (T - s) / (T - W)), it is init_lr times x^power
    (linear) or ((1 - cos(pi x)) / 2)^power (cosine), which is transformers'
    `get_cosine_schedule_with_warmup`; that one rises again after step T, this
    one stays at 0. The first update of a warm-up has rate 0: moments move and
    weights do not, as in the paper's code.

    Args:
        init_lr: >= 0. The peak.
        num_train_steps: T >= 1.
        num_warmup_steps: W, 0 <= W <= T. 0 turns warm-up off.
        decay: `linear` or `cosine` (to 0 at T), or `constant` (stays at the
            peak).
        min_lr_ratio: In [0, 1]. The end of the decay, as a share of the peak.
        power: > 0. 1 leaves the line, or the half wave, as it is.

    Example:
        >>> schedule = WarmupDecay(1.0, 10, 2)
        >>> [round(float(schedule(s)), 3) for s in (0, 1, 2, 6, 9, 10)]
        [0.0, 0.5, 1.0, 0.5, 0.125, 0.0]

    References:
        Zhang et al., 2021, Section 3. https://arxiv.org/abs/2006.05987
        Loshchilov and Hutter, 2017, equation 5, with one period.
            https://arxiv.org/abs/1608.03983
    """

    def __init__(
        self,
        init_lr: float,
        num_train_steps: int,
        num_warmup_steps: int = 0,
        *,
        decay: str = "linear",
        min_lr_ratio: float = 0.0,
        power: float = 1.0,
    ):
        super().__init__()
        if not 0 <= num_warmup_steps <= num_train_steps:
            raise ValueError(
                "`num_warmup_steps` must be from 0 to `num_train_steps`. "
                f"Received: num_warmup_steps={num_warmup_steps}, "
                f"num_train_steps={num_train_steps}."
            )
        if decay not in DECAYS:
            raise ValueError(
                f"`decay` must be one of {', '.join(DECAYS)}. Received: "
                f"decay={decay!r}."
            )
        self.init_lr = init_lr
        self.num_train_steps = num_train_steps
        self.num_warmup_steps = num_warmup_steps
        self.decay = decay
        self.min_lr_ratio = min_lr_ratio
        self.power = power

    def __call__(self, step: Tensor) -> Tensor:
        """Returns the float32 rates of `step`, any shape, counted from 0."""
        step = ops.cast(step, "float32")
        warmup, total = self.num_warmup_steps, self.num_train_steps
        rising = step / max(warmup, 1)
        if self.decay == "constant":
            falling = ops.ones_like(step)
        else:
            left = ops.maximum((total - step) / max(total - warmup, 1), 0.0)
            if self.decay == "cosine":
                # (1 - cos(pi x)) / 2, without its cancellation near 0.
                left = ops.sin(math.pi / 2 * left) ** 2
            low = self.min_lr_ratio
            falling = low + (1 - low) * left**self.power
        return self.init_lr * ops.where(step < warmup, rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Everything the constructor takes."""
        return {
            "init_lr": self.init_lr,
            "num_train_steps": self.num_train_steps,
            "num_warmup_steps": self.num_warmup_steps,
            "decay": self.decay,
            "min_lr_ratio": self.min_lr_ratio,
            "power": self.power,
        }
