"""The rule of `AdamWeightDecay` in float64, and steps of the class itself."""

import keras
import numpy as np
import tensorflow as tf

GRADIENTS = np.random.default_rng(0).normal(size=(20, 3, 2))


def variable(value, path="kernel") -> keras.Variable:
    """A variable `dense/<path>`."""
    with keras.name_scope("dense"):
        return keras.Variable(np.asarray(value, np.float32), name=path)


def train(optimizer, variables, gradients) -> list[np.ndarray]:
    """Applies gradients, one list per step, and returns the new values."""
    for step in gradients:
        step = [tf.convert_to_tensor(g, tf.float32) for g in step]
        optimizer.apply(step, variables)
    return [v.numpy() for v in variables]


def reference(
    start,
    rates,
    *,
    epsilon=1e-8,
    decay=0.0,
    pull=0.0,
    bias_correction=True,
) -> np.ndarray:
    """What `GRADIENTS` make of a variable, at one learning rate for each."""
    value = np.array(start, np.float64)
    prior = value.copy()
    m = v = 0.0
    for t, (g, lr) in enumerate(zip(GRADIENTS, rates, strict=True), 1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        m_hat = m / (1 - 0.9**t) if bias_correction else m
        v_hat = v / (1 - 0.999**t) if bias_correction else v
        value = value - lr * (decay * value + pull * (value - prior))
        value -= lr * m_hat / (np.sqrt(v_hat) + epsilon)
    return value
