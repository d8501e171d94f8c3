"""The rule of Adam, bias-corrected or not, as pure functions."""

import math
from typing import Any

import keras

Tensor = Any


def adam_update(
    gradient: Tensor,
    m: Tensor,
    v: Tensor,
    step: Tensor,
    *,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    bias_correction: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns one Adam direction, with or without bias correction.

    With `bias_correction=False` this is BERTAdam, the update of the original
    BERT release: the two `_hat` lines are left out.

    Args:
        gradient: float Tensor, any shape.
        m: first moment before this step, of that shape.
        v: second moment before this step, of that shape; >= 0.
        step: float scalar, counted from 1.
        beta_1: in [0, 1). Decay rate of `m`, per step.
        beta_2: in [0, 1). Decay rate of `v`, per step.
        epsilon: above 0. Added outside the square root, after bias
            correction, as in Algorithm 1 of the paper. Keras and
            transformers 4 add it before ("epsilon hat"), so values do not
            carry over.
        bias_correction: divides the moments by `1 - beta ** step`.

    Returns:
        Tuple `(direction, m, v)`. The caller multiplies `direction` by the
        learning rate and subtracts it.

    Example:
        >>> g, zero, step = map(keras.ops.convert_to_tensor, (3.0, 0.0, 1.0))
        >>> direction, _, _ = adam_update(g, zero, zero, step)
        >>> print(f"{float(direction):.4f}")  # Size 1, whatever the gradient.
        1.0000
        >>> direction, _, _ = adam_update(
        ...     g, zero, zero, step, bias_correction=False
        ... )
        >>> print(f"{float(direction):.4f}")  # (1 - b1) / sqrt(1 - b2): 3x.
        3.1623

    References:
        Kingma and Ba, 2015, Algorithm 1. https://arxiv.org/abs/1412.6980
        Zhang et al., 2021, Section 4. https://arxiv.org/abs/2006.05987
    """
    m = beta_1 * m + (1 - beta_1) * gradient
    v = beta_2 * v + (1 - beta_2) * keras.ops.square(gradient)
    rule = {"epsilon": epsilon, "bias_correction": bias_correction}
    direction = adam_direction(m, v, step, beta_1=beta_1, beta_2=beta_2, **rule)
    return direction, m, v


def adam_direction(
    m: Tensor,
    v: Tensor,
    step: Tensor,
    *,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    bias_correction: bool,
) -> Tensor:
    """Returns the direction of `adam_update`, from the moments after the step.

    Takes the arguments of `adam_update`. Here the bias correction is turned
    off: without it, the moments stay as they are.
    """
    m_hat = m / _one_minus_power(beta_1, step) if bias_correction else m
    v_hat = v / _one_minus_power(beta_2, step) if bias_correction else v
    return m_hat / (keras.ops.sqrt(v_hat) + epsilon)


def _one_minus_power(beta: float, step: Tensor) -> Tensor:
    """1 - beta^step, exact where the power is near 1, as float32 is not."""
    return -keras.ops.expm1(step * math.log(beta)) if beta else 1.0
