"""Tests of tf_bert/optimization/adam_weight_decay.py."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from adam_by_numpy import GRADIENTS, reference, train, variable

from tf_bert.optimization.adam import adam_update
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.schedules import WarmupDecay

RATES = [0.01] * len(GRADIENTS)


class AdamUpdateTest(parameterized.TestCase):
    @parameterized.parameters(1e-3, 1.0, -500.0)
    def test_corrected_first_direction_is_the_sign(self, gradient):
        direction, _, _ = adam_update(gradient, 0.0, 0.0, 1.0)
        self.assertAlmostEqual(float(direction), np.sign(gradient), delta=1e-3)

    def test_uncorrected_direction_of_a_constant_gradient(self):
        # (1 - b1^t) / sqrt(1 - b2^t); corrected, it is 1 at every step.
        expected = {1: 3.1623, 12: 6.57, 96: 3.30, 400: 1.74}
        m = v = 0.0
        for step in range(1, 401):
            direction, m, v = adam_update(
                2.0, m, v, float(step), bias_correction=False
            )
            if step in expected:
                self.assertAlmostEqual(
                    float(direction), expected[step], delta=0.006
                )

    @parameterized.product(bias_correction=(True, False), epsilon=(1e-8, 0.1))
    def test_equals_the_rule_in_float64(self, **rule):
        value = m = v = tf.zeros((3, 2))
        for step, gradient in enumerate(GRADIENTS, 1):
            direction, m, v = adam_update(
                tf.constant(gradient, tf.float32), m, v, float(step), **rule
            )
            value -= 0.01 * direction
        expected = reference(np.zeros((3, 2)), RATES, **rule)
        np.testing.assert_allclose(value, expected, rtol=3e-6, atol=1e-7)


class AdamWeightDecayTest(parameterized.TestCase):
    @parameterized.product(
        bias_correction=(True, False), epsilon=(1e-8, 0.1), decay=(0.0, 0.3)
    )
    def test_equals_the_rule_in_float64(self, bias_correction, epsilon, decay):
        start = np.linspace(-1, 1, 6).reshape(3, 2)
        optimizer = AdamWeightDecay(
            0.01,
            epsilon=epsilon,
            weight_decay_rate=decay,
            bias_correction=bias_correction,
        )
        kernel = variable(start)
        train(optimizer, [kernel], [[g] for g in GRADIENTS])
        expected = reference(
            start,
            RATES,
            epsilon=epsilon,
            decay=decay,
            bias_correction=bias_correction,
        )
        # In float32, 1 - 0.999 is 1.3e-5 too small: that must not show.
        np.testing.assert_allclose(
            kernel.numpy() - start, expected - start, rtol=3e-6, atol=1e-6
        )

    def test_excluded_variable_does_not_decay(self):
        optimizer = AdamWeightDecay(
            0.1, weight_decay_rate=0.5, exclude_from_weight_decay=["bias"]
        )
        variables = [variable([1.0]), variable([1.0], "bias")]
        kernel, bias = train(optimizer, variables, [[[0.0], [0.0]]])
        np.testing.assert_allclose(kernel, [0.95])
        np.testing.assert_array_equal(bias, [1.0])
        self.assertEqual(optimizer.decayed_paths, ("dense/kernel",))

    def test_scheduled_rate_zero_moves_moments_and_not_weights(self):
        optimizer = AdamWeightDecay(
            WarmupDecay(0.1, 10, 2), weight_decay_rate=0.5
        )
        kernel = variable([1.0])
        train(optimizer, [kernel], [[[1.0]]])
        np.testing.assert_array_equal(kernel.numpy(), [1.0])
        moment = optimizer.moments()["m/dense/kernel"]
        np.testing.assert_allclose(moment.numpy(), [0.1], rtol=1e-6)
        train(optimizer, [kernel], [[[1.0]]])  # Rate 0.05, correction of t=2.
        np.testing.assert_allclose(
            kernel.numpy(), [1 - 0.025 - 0.05], rtol=1e-6
        )

    def test_gradient_of_none_leaves_a_variable_untouched(self):
        optimizer = AdamWeightDecay(0.1, weight_decay_rate=0.5)
        kernel, other = variable([1.0]), variable([1.0], "other")
        optimizer.build([kernel, other])
        with self.assertWarnsRegex(UserWarning, "Gradients do not exist"):
            optimizer.apply([tf.constant([1.0]), None], [kernel, other])
        np.testing.assert_allclose(kernel.numpy(), [0.85], rtol=1e-6)
        np.testing.assert_array_equal(other.numpy(), [1.0])

    @parameterized.parameters(0.0, 0.3)
    def test_restarted_it_is_as_if_new(self, pull):
        rates = WarmupDecay(0.1, 20, 4)
        options = {"pretrained_weight_decay": pull, "epsilon": 1e-6}
        start = np.arange(6.0).reshape(3, 2)
        used, new = (AdamWeightDecay(rates, **options) for _ in range(2))
        kernel = variable(np.ones((3, 2)))
        train(used, [kernel], GRADIENTS[:7, None])
        kernel.assign(start)
        used.restart()
        (actual,) = train(used, [kernel], GRADIENTS[7:, None])
        (expected,) = train(new, [variable(start)], GRADIENTS[7:, None])
        np.testing.assert_array_equal(actual, expected)

    def test_eager_equals_graph(self):
        values = []
        for wrap in (lambda function: function, tf.function):
            optimizer = AdamWeightDecay(
                WarmupDecay(0.1, 20, 2), weight_decay_rate=0.1
            )
            kernel = variable(np.ones((3, 2)))
            optimizer.build([kernel])
            apply = wrap(optimizer.apply)
            for gradient in GRADIENTS:
                apply([tf.constant(gradient, tf.float32)])
            values.append(kernel.numpy())
        np.testing.assert_allclose(values[0], values[1], atol=1e-7)

    @parameterized.parameters("clipnorm", "global_clipnorm")
    def test_duplicate_rows_are_summed_before_clipping(self, clipping):
        optimizer = AdamWeightDecay(0.1, **{clipping: 1.0})
        table = variable([[1.0], [1.0], [1.0]], "embeddings")
        optimizer.build([table])
        # Rows 3 and 4 once summed: norm 5. Unsummed the norm would be 4.1.
        gradient = tf.IndexedSlices(
            tf.constant([[1.0], [4.0], [2.0]]), tf.constant([0, 2, 0]), [3, 1]
        )
        optimizer.apply([gradient], [table])
        np.testing.assert_allclose(
            optimizer.moments()["m/dense/embeddings"].numpy(),
            [[0.06], [0.0], [0.08]],
            rtol=1e-6,
        )
