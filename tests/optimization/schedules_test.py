"""Tests of tf_bert/optimization/schedules.py."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.optimization.schedules import WarmupDecay


def rates(schedule, steps):
    return np.asarray(schedule(np.asarray(steps)))


class WarmupDecayTest(parameterized.TestCase):
    @parameterized.parameters(
        (0, 0.0),
        (1, 2e-6),
        (9, 1.8e-5),
        (10, 2e-5),
        (11, 2e-5 * 89 / 90),  # 1.9778e-5, the decay starts after warm-up.
        (55, 1e-5),
        (99, 2e-5 / 90),
        (100, 0.0),
        (1000, 0.0),
    )
    def test_linear_with_100_steps_and_warm_up_of_10(self, step, rate):
        schedule = WarmupDecay(2e-5, 100, 10)
        np.testing.assert_allclose(rates(schedule, step), rate, rtol=1e-6)

    @parameterized.parameters(
        (0, 3.0), (1, 2.25), (2, 1.5), (3, 0.75), (4, 0.0)
    )
    def test_without_warm_up_starts_at_the_peak(self, step, rate):
        schedule = WarmupDecay(3.0, 4)
        np.testing.assert_allclose(rates(schedule, step), rate, rtol=1e-6)

    @parameterized.parameters(
        (0, 0.0), (1, 1.0), (2, 2.0), (3, 2.0), (9, 2.0), (10, 2.0), (11, 2.0)
    )
    def test_constant_stays_at_the_peak(self, step, rate):
        schedule = WarmupDecay(2.0, 10, 2, decay="constant")
        self.assertEqual(rates(schedule, step), rate)

    def test_constant_without_warm_up_has_one_rate(self):
        schedule = WarmupDecay(2.0, 10, decay="constant")
        np.testing.assert_array_equal(rates(schedule, range(12)), [2.0] * 12)

    @parameterized.parameters(
        (0, 0.0),
        (1, 0.5),
        (2, 1.0),
        (4, (2 + math.sqrt(2)) / 4),
        (6, 0.5),
        (8, (2 - math.sqrt(2)) / 4),
        (10, 0.0),
        (11, 0.0),
        (100, 0.0),
    )
    def test_cosine_is_half_a_wave(self, step, rate):
        schedule = WarmupDecay(1.0, 10, 2, decay="cosine")
        np.testing.assert_allclose(rates(schedule, step), rate, rtol=1e-6)

    @parameterized.parameters((2, 3.0), (6, 2.0), (10, 1.0), (12, 1.0))
    def test_cosine_ends_at_a_share_of_the_peak(self, step, rate):
        schedule = WarmupDecay(3.0, 10, 2, decay="cosine", min_lr_ratio=1 / 3)
        np.testing.assert_allclose(rates(schedule, step), rate, rtol=1e-6)

    def test_warm_up_may_take_all_steps(self):
        schedule = WarmupDecay(4.0, 4, 4)
        np.testing.assert_array_equal(
            rates(schedule, range(4)), [0.0, 1.0, 2.0, 3.0]
        )
        self.assertTrue(np.isfinite(rates(schedule, 4)))

    @parameterized.parameters((2, 1.0), (4, 0.75), (6, 0.5), (9, 0.5))
    def test_decay_ends_at_a_share_of_the_peak(self, step, rate):
        schedule = WarmupDecay(1.0, 6, 2, min_lr_ratio=0.5)
        np.testing.assert_allclose(rates(schedule, step), rate, rtol=1e-6)

    @parameterized.parameters((1, 0.5), (2, 1.0), (4, 0.25), (6, 0.0))
    def test_power_bends_the_decay_alone(self, step, rate):
        schedule = WarmupDecay(1.0, 6, 2, power=2.0)
        np.testing.assert_allclose(rates(schedule, step), rate, rtol=1e-6)

    @parameterized.parameters(
        ({},),
        ({"decay": "constant"},),
        ({"decay": "cosine"},),
        ({"min_lr_ratio": 0.2, "power": 2.0},),
    )
    def test_array_of_steps_equals_single_steps(self, options):
        schedule = WarmupDecay(2e-5, 30, 7, **options)
        single = [float(schedule(step)) for step in range(33)]
        np.testing.assert_allclose(
            rates(schedule, range(33)), single, rtol=1e-6
        )

    def test_graph_equals_eager(self):
        schedule = WarmupDecay(2e-5, 30, 7)
        steps = tf.range(33, dtype=tf.int64)
        np.testing.assert_allclose(
            tf.function(schedule)(steps), schedule(steps), rtol=1e-6
        )

    def test_rates_are_float32(self):
        for step in (0, np.int64(3), tf.constant(3, tf.int64)):
            self.assertEqual(np.asarray(WarmupDecay(1.0, 5)(step)).dtype, "f4")

    @parameterized.parameters((11, 10), (-1, 10))
    def test_warm_up_outside_of_the_run_is_an_error(self, warmup, total):
        with self.assertRaisesRegex(
            ValueError,
            "`num_warmup_steps` must be between 0 and `num_train_steps`.*"
            f"num_warmup_steps={warmup}, num_train_steps={total}",
        ):
            WarmupDecay(1.0, total, warmup)

    def test_unknown_decay_is_an_error_that_lists_the_choices(self):
        with self.assertRaisesRegex(
            ValueError, "linear, cosine, constant. Received: decay='cubic'"
        ):
            WarmupDecay(1.0, 10, decay="cubic")

    def test_survives_from_config(self):
        schedule = WarmupDecay(
            0.3, 20, 4, decay="linear", min_lr_ratio=0.2, power=2.0
        )
        config = schedule.get_config()
        restored = WarmupDecay.from_config(dict(config))
        self.assertEqual(restored.get_config(), config)
        np.testing.assert_array_equal(
            rates(restored, range(22)), rates(schedule, range(22))
        )

    @parameterized.parameters("linear", "cosine", "constant")
    def test_survives_json(self, decay):
        schedule = WarmupDecay(0.3, 20, 4, decay=decay)
        stored = json.dumps(keras.saving.serialize_keras_object(schedule))
        restored = keras.saving.deserialize_keras_object(json.loads(stored))
        self.assertEqual(restored.get_config(), schedule.get_config())


@pytest.mark.large
@pytest.mark.reference
class TransformersTest(parameterized.TestCase):
    """Against the schedules of transformers for PyTorch."""

    @parameterized.product(
        decay=["linear", "cosine", "constant_with_warmup"],
        lengths=[(1, 0), (10, 0), (10, 3), (100, 10), (234, 23), (7, 7)],
    )
    def test_has_the_same_rate_at_every_step(self, decay, lengths):
        import torch
        import transformers

        total, warmup = lengths
        weight = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([weight], lr=2e-5)
        reference = transformers.get_scheduler(
            decay, optimizer, num_warmup_steps=warmup, num_training_steps=total
        )
        expected = []
        for _ in range(total):
            expected.append(reference.get_last_lr()[0])
            optimizer.step()
            reference.step()
        schedule = WarmupDecay(
            2e-5, total, warmup, decay=decay.removesuffix("_with_warmup")
        )
        np.testing.assert_allclose(
            rates(schedule, range(total)), expected, rtol=2e-6
        )
