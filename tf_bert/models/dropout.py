"""Dropout whose masks are a pure function of a seed that is passed in.

`keras.random` takes an int, which makes a mask constant, or a `SeedGenerator`,
which keeps state. Training wants neither: every mask follows from
(dropout_seed, step, micro-batch, replica, layer), see
`tf_bert.data.batches.batch_plan`.
"""

import math
from typing import Any

import keras
import ml_dtypes

Tensor = Any

_VALUES = 2**16  # Of the random number of an element.


class _GivenSeed(keras.random.SeedGenerator):
    """Hands a seed tensor to `keras.random`; holds no variable."""

    def __init__(self, seed: Tensor):
        self._seed = seed

    def next(self, ordered: bool = True) -> Tensor:
        # JAX's keys are unsigned; TensorFlow's XLA wants signed ones.
        is_jax = keras.backend.backend() == "jax"
        return keras.ops.cast(self._seed, "uint32") if is_jax else self._seed


def site_seed(seed: Tensor, site: int) -> keras.random.SeedGenerator:
    """Returns what a function of `keras.random` takes as its seed.

    Args:
        seed: int32 `[2]`. One per step, micro-batch and replica.
        site: int >= 0, different for each place that draws with one seed.
    """
    return _GivenSeed(seed + keras.ops.convert_to_tensor([0, site], "int32"))


def dropout(inputs: Tensor, rate: float, seed: Tensor, site: int) -> Tensor:
    """Zeroes a share of the elements and scales up the rest.

    The probability is rounded to a multiple of 1/65536 (0.1 becomes 0.100006)
    and the scale follows it, so the expected factor is exactly 1: 16 random
    bits an element cost half of the 32 that a float takes, and random numbers
    are a large share of a training step on a CPU.

    bfloat16 has 1.109 and 1.117, but not the 1.111 that 0.1 asks for: there
    each element gets one of the two, so often that their mean is the scale.

    Args:
        inputs: float Tensor, any shape.
        rate: in [0, 1). Probability that an element is zeroed, 65535/65536 at
            most; 0 is identity.
        seed: int32 `[2]`, like `site` as in `site_seed`.
    """
    threshold = min(round(rate * _VALUES), _VALUES - 1)
    if threshold == 0:
        return inputs
    ops = keras.ops
    shape = ops.shape(inputs)
    size = math.prod(shape)  # An int, or a tensor where a length is unknown.
    # Two 16-bit numbers from each 32-bit one; of an odd size the last is left.
    bits = keras.random.randint(
        ((size + 1) // 2, 1),
        -(2**31),
        2**31 - 1,
        seed=site_seed(seed, site),
    )
    bits = ops.reshape(ops.view(bits, "int16"), [-1])
    if not any(isinstance(n, int) and n % 2 == 0 for n in shape):
        bits = bits[:size]

    def is_from(number: int) -> Tensor:  # 1 or 0 of each element.
        is_kept = ops.reshape(bits >= number - _VALUES // 2, shape)
        return ops.cast(is_kept, inputs.dtype)

    scale, more, second = _scales(threshold, inputs.dtype)
    factor = is_from(threshold) * scale
    if second < _VALUES:
        factor += is_from(second) * more
    return inputs * factor


def _scales(threshold: int, dtype: Any) -> tuple[float, float, int]:
    """Returns a scale, and how much is added from which random number on.

    Args:
        threshold: the random numbers from here to 65535 keep their element.
        dtype: of which scale and sum are numbers, if it has fewer digits
            than the probability. In others nothing is added.
    """
    scale = _VALUES / (_VALUES - threshold)
    num_bits = ml_dtypes.finfo(keras.backend.standardize_dtype(dtype)).nmant + 1
    if num_bits > 16:
        return scale, 0.0, _VALUES
    _, exponent = math.frexp(scale)
    step = 2.0 ** (exponent - num_bits)  # Between two numbers of the dtype.
    low = scale // step * step
    # So that low * (65536 - threshold) + step * (65536 - second) is 65536.
    second = _VALUES - round((_VALUES - low * (_VALUES - threshold)) / step)
    return low, step, second
