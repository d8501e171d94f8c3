"""Durations of a configuration turned into steps.

The length of the training itself is `Config.num_steps`.
"""

import math
from fractions import Fraction

from tf_bert.config import Config


def warmup_steps(config: Config, num_steps: int) -> int:
    """Returns in how many steps of `num_steps` the learning rate rises.

    A proportion is taken as it is written, 0.29 of 100 is 29, and rounded
    down, as in the code of Zhang et al. (2021); transformers rounds up.

    Raises:
        ValueError: if the warm-up is longer than the training.

    Example:
        >>> warmup_steps(Config(output_dir="x", warmup_proportion=0.1), 234)
        23
    """
    if config.num_warmup_steps is None:
        # As floats, 0.29 * 100 is below 29.
        return int(Fraction(str(config.warmup_proportion)) * num_steps)
    if config.num_warmup_steps > num_steps:
        raise ValueError(
            "The warm-up is longer than the training. Received: "
            f"num_warmup_steps={config.num_warmup_steps} of {num_steps} steps. "
            "Pass a smaller --num_warmup_steps, or --warmup_proportion."
        )
    return config.num_warmup_steps


def evaluation_steps(
    config: Config, num_steps: int, steps_per_epoch: int
) -> tuple[int, ...]:
    """Returns the steps after which to evaluate, ascending; the last is the
    last of the training.

    By `num_evaluations` they are spread evenly: exactly so many, or one a
    step if there are fewer steps. (The paper's code evaluates every T // 10
    steps and at the end, which makes 11 where T is no multiple.) By
    `evaluate_every_steps` or `evaluate_every_epochs` there is one after each
    interval, rounded to whole steps, and one at the end.

    Example:
        >>> config = Config(output_dir="x", num_evaluations=4)
        >>> evaluation_steps(config, 234, 78)
        (58, 117, 175, 234)
    """
    if config.num_evaluations is not None:
        number = config.num_evaluations
        steps = {max(1, num_steps * i // number) for i in range(1, number + 1)}
        return tuple(sorted(steps))
    interval = config.evaluate_every_steps
    if interval is None:
        interval = max(1.0, config.evaluate_every_epochs * steps_per_epoch)
    number = math.ceil(num_steps / interval)
    steps = {round(i * interval) for i in range(1, number)}
    return tuple(sorted(steps | {num_steps}))
