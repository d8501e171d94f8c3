"""`adam_update` by TensorFlow's fused kernel: one pass over the memory.

The only place in `optimization/` that is not `keras.ops`.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

Tensor = Any


class Factors(NamedTuple):
    """What the kernel takes beside tensors of the variable's shape: scalars.

    Of one step the same for all variables, so they are computed once.
    """

    beta1: Tensor
    beta2: Tensor
    beta1_power: Tensor
    beta2_power: Tensor
    epsilon: Tensor


def factors(
    step: Tensor,
    *,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    bias_correction: bool,
) -> Factors:
    """Returns what makes the kernel's update that of `adam_update`.

    The kernel adds its epsilon to sqrt(v) before bias correction: to add
    `epsilon` after it, the kernel gets epsilon * sqrt(1 - beta_2^step). And it
    corrects by 1 - beta^step as given: powers of 0 (up to rounding) leave the
    moments as they are, which is the update without bias correction.

    Takes the arguments of `adam_update`; `step` has the variables' dtype.
    """
    dtype = step.dtype
    power_2 = _power(beta_2, step, dtype, bias_correction)
    return Factors(
        beta1=tf.constant(beta_1, dtype),
        beta2=tf.constant(beta_2, dtype),
        beta1_power=_power(beta_1, step, dtype, bias_correction),
        beta2_power=power_2,
        epsilon=tf.constant(epsilon, dtype) * tf.sqrt(1 - power_2),
    )


def apply(
    variable: Any,
    gradient: Tensor,
    m: Any,
    v: Any,
    learning_rate: Tensor,
    scalars: Factors,
) -> None:
    """Subtracts the learning rate times `adam_update`'s direction in place.

    Updates `variable`, `m` and `v`, of Keras or TensorFlow; all that is given
    has one dtype, and the gradient is dense.
    """
    tf.raw_ops.ResourceApplyAdam(
        var=_handle(variable),
        m=_handle(m),
        v=_handle(v),
        lr=learning_rate,
        grad=gradient,
        **scalars._asdict(),
    )


def dense(gradient: Tensor) -> Tensor:
    """Returns a gradient as one Tensor; rows that come twice are summed."""
    return tf.convert_to_tensor(gradient)


def replica_variable(shape: Any, dtype: Any) -> tf.Variable:
    """Returns a variable of zeros that each replica has for itself.

    Not Keras's: one that is made in a replica belongs to all of them.
    """
    return tf.Variable(
        tf.zeros(shape, dtype),
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )


def _power(beta, step, dtype, bias_correction):
    """The power of beta that makes the kernel correct by the right factor."""
    rounded = tf.constant(beta, dtype)
    if bias_correction:
        return rounded**step
    # Without correction the power would be 0, if the kernel's own 1 - beta
    # were not off: in float32, 1 - 0.999 is 1.3e-5 too small.
    return tf.constant(
        1 - (1 - float(dtype.as_numpy_dtype(beta))) / (1 - beta), dtype
    )


def _handle(variable: Any) -> Tensor:
    if isinstance(variable, keras.Variable):
        variable = variable.value
    return variable.handle
