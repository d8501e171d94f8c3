"""Computing a block again on the way back, instead of keeping what it made.

Of each block only its input is kept then, and the gradient costs one more
forward pass. The result is the same: the masks of dropout follow from a seed,
and so come out the same the second time.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Tensor = Any


def rematerialized(
    function: Callable[[Tensor], tuple[Tensor, Any]],
    layer: keras.layers.Layer,
    inputs: Tensor,
) -> Tensor:
    """Returns a function's result, and forgets what it computes on its way.

    The layer's variables become arguments of what is computed again: in a
    `keras.StatelessScope` they read as these. So a scope that gives them other
    values, as Mixout's does, need not be there the second time; and a gradient
    reaches all of them, whatever the strategy makes of a variable.

    Args:
        function: of `inputs`, returns the result and what nobody needs. It
            may read the variables of `layer`, and other tensors that need no
            gradient.
        layer: built.
        inputs: float Tensor.

    References:
        Chen et al., 2016. https://arxiv.org/abs/1604.06174
    """
    variables = layer.variables

    def compute(inputs: Tensor, *values: Tensor) -> Tensor:
        pairs = list(zip(variables, values, strict=True))
        with keras.StatelessScope(pairs):
            return function(inputs)[0]

    # Positional, as TensorFlow's recomputation wants what has a gradient.
    values = [ops.convert_to_tensor(variable.value) for variable in variables]
    return keras.remat(compute)(inputs, *values)
