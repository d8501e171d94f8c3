"""Tests of tf_bert/optimization/fused_adam.py."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.optimization import fused_adam
from tf_bert.optimization.adam import adam_update

RULE = {"beta_1": 0.8, "beta_2": 0.95}
SHAPE = (4, 3)
RNG = np.random.default_rng(0)
START = RNG.normal(size=SHAPE)
# From 1e-6 to 1: where epsilon stands decides the small ones.
GRADIENTS = RNG.normal(size=(15, *SHAPE)) * 10 ** RNG.uniform(-6, 0, SHAPE)


def fused(
    make_variable, dtype=np.float32, wrap=lambda function: function, **rule
):
    """Trains by the kernel; returns the variable and the moments."""
    variable, m, v = (
        make_variable(np.asarray(value, dtype))
        for value in (START, np.zeros(SHAPE), np.zeros(SHAPE))
    )

    def step(gradient, count):
        lr = tf.constant(0.1, dtype)
        scalars = fused_adam.factors(count, **RULE, **rule)
        fused_adam.apply(variable, gradient, m, v, lr, scalars)

    step = wrap(step)
    for count, gradient in enumerate(GRADIENTS, 1):
        step(tf.constant(gradient, dtype), tf.constant(count, dtype))
    return [x.numpy() for x in (variable, m, v)]


def by_keras_ops(**rule):
    value, m, v = (
        tf.constant(x, tf.float32) for x in (START, 0 * START, 0 * START)
    )
    for count, gradient in enumerate(GRADIENTS, 1):
        gradient = tf.constant(gradient, tf.float32)
        direction, m, v = adam_update(
            gradient, m, v, float(count), **RULE, **rule
        )
        value -= 0.1 * direction
    return [x.numpy() for x in (value, m, v)]


def by_numpy(*, epsilon, bias_correction):
    value, m, v = START.copy(), 0.0, 0.0
    for count, g in enumerate(GRADIENTS, 1):
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        m_hat, v_hat = m, v
        if bias_correction:
            m_hat, v_hat = m / (1 - 0.8**count), v / (1 - 0.95**count)
        value -= 0.1 * m_hat / (np.sqrt(v_hat) + epsilon)
    return [value, m, v]


class FusedAdamTest(parameterized.TestCase):
    @parameterized.product(
        epsilon=(1e-8, 1e-4, 0.1), bias_correction=(True, False)
    )
    def test_equals_the_rule(self, **rule):
        actual = fused(tf.Variable, **rule)
        for expected in (by_keras_ops(**rule), by_numpy(**rule)):
            for a, e in zip(actual, expected, strict=True):
                np.testing.assert_allclose(a, e, rtol=2e-5, atol=1e-9)

    @parameterized.parameters(True, False)
    def test_in_float64_equals_the_rule_to_its_last_digits(self, corrected):
        rule = {"epsilon": 1e-4, "bias_correction": corrected}
        actual = fused(tf.Variable, np.float64, **rule)
        for a, e in zip(actual, by_numpy(**rule), strict=True):
            self.assertEqual(a.dtype, np.float64)
            np.testing.assert_allclose(a, e, rtol=1e-12)

    @parameterized.parameters(True, False)
    def test_a_graph_and_keras_variables_give_the_same(self, bias_correction):
        rule = {"epsilon": 1e-4, "bias_correction": bias_correction}
        for a, b in zip(
            fused(tf.Variable, **rule),
            fused(keras.Variable, wrap=tf.function, **rule),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, rtol=1e-6)

    def test_place_of_epsilon_matters_in_these_tests(self):
        # Else the tests above could not tell: the other place, before the
        # correction, is epsilon / sqrt(1 - b2^t) after it, 4.5 times as much
        # in the first step.
        rule = {"bias_correction": True}
        here = by_numpy(epsilon=1e-4, **rule)[0] - START
        there = by_numpy(epsilon=4.5e-4, **rule)[0] - START
        self.assertGreater(np.abs(here / there).max(), 2)
