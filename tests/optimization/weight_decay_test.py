"""Tests of tf_bert/optimization/weight_decay.py."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.optimization.weight_decay import decay_update

RNG = np.random.default_rng(0)
P, P_0 = RNG.normal(size=(2, 4, 3)).astype(np.float32)


class DecayUpdateTest(parameterized.TestCase):
    @parameterized.parameters(
        (0.0, 0.0, 2.0),
        (0.5, 0.0, 1.9),  # 2 - 0.1 * 0.5 * 2
        (0.0, 0.5, 1.95),  # 2 - 0.1 * 0.5 * (2 - 1)
        (0.5, 0.5, 1.85),  # One after the other it would be 1.8525.
    )
    def test_by_hand(self, to_zero, to_prior, expected):
        actual = decay_update(
            2.0,
            1.0,
            0.1,
            weight_decay=to_zero,
            pretrained_weight_decay=to_prior,
        )
        self.assertAlmostEqual(actual, expected, places=14)

    def test_weights_shrink(self):
        # Decay with the wrong sign, or after a negated update, lets them grow.
        decayed = decay_update(tf.constant(P), None, 0.1, weight_decay=0.5)
        np.testing.assert_allclose(decayed, 0.95 * P, rtol=1e-6)

    def test_lambda_of_zero_gives_the_bits_of_plain_decay(self):
        plain, both = (
            decay_update(tf.constant(P), p_0, 0.1, weight_decay=0.3)
            for p_0 in (None, tf.constant(P_0))
        )
        np.testing.assert_array_equal(plain, both)

    @parameterized.parameters(1e-9, 1e-3, 0.3)
    def test_pretrained_weights_stay_to_the_last_bit(self, decay):
        decayed = decay_update(
            tf.constant(P),
            tf.constant(P),
            tf.constant(0.7),
            pretrained_weight_decay=decay,
        )
        np.testing.assert_array_equal(decayed, P)

    def test_a_full_step_arrives(self):
        decayed = decay_update(
            tf.constant(P), tf.constant(P_0), 0.5, pretrained_weight_decay=2.0
        )
        np.testing.assert_allclose(decayed, P_0, atol=2e-7)

    def test_both_settle_between_zero_and_the_prior(self):
        p = tf.constant(P)
        rates = {"weight_decay": 0.1, "pretrained_weight_decay": 0.3}
        for _ in range(300):
            p = decay_update(p, tf.constant(P_0), 0.5, **rates)
        np.testing.assert_allclose(p, 0.75 * P_0, rtol=1e-5)
