"""Tests of tf_bert/optimization/warm_up.py.

What transformers 4 does with the same is in tests/transformers4_test.py.
"""

import json

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.schedules import WarmupDecay
from tf_bert.optimization.warm_up import WarmUp


def linear(warmup_steps=2, **options):
    decay = keras.optimizers.schedules.PolynomialDecay(0.5, 8, 0.0)
    return WarmUp(0.5, decay, warmup_steps, **options)


class WarmUpTest(parameterized.TestCase):
    @parameterized.parameters(0, 2)
    def test_with_a_linear_decay_it_is_warmup_decay(self, warmup_steps):
        schedule = linear(warmup_steps)
        expected = WarmupDecay(0.5, warmup_steps + 8, warmup_steps)
        graph = tf.function(schedule)
        for step in range(14):
            self.assertAlmostEqual(float(schedule(step)), float(expected(step)))
            self.assertAlmostEqual(
                float(graph(tf.constant(step))), float(expected(step))
            )

    def test_a_power_bends_the_way_up(self):
        schedule = linear(4, power=2.0)
        rates = [float(schedule(step)) for step in range(5)]
        np.testing.assert_allclose(rates, np.arange(5) ** 2 / 32)

    def test_an_optimizer_keeps_it(self):
        optimizer = AdamWeightDecay(linear(power=3.0))
        stored = json.dumps(keras.saving.serialize_keras_object(optimizer))
        restored = keras.saving.deserialize_keras_object(json.loads(stored))
        for other in (
            restored,
            AdamWeightDecay.from_config(optimizer.get_config()),
        ):
            schedule = other._learning_rate
            self.assertIsInstance(schedule, WarmUp)
            for step in (1, 2, 5):
                self.assertEqual(
                    float(schedule(step)), float(linear(power=3.0)(step))
                )
