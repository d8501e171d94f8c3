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
    @parameterized.named_parameters(
        # After warm-up the decay starts: 1.9778e-5.
        (
            "linear",
            WarmupDecay(2e-5, 100, 10),
            {0: 0, 1: 2e-6, 9: 1.8e-5, 10: 2e-5, 11: 2e-5 * 89 / 90}
            | {55: 1e-5, 99: 2e-5 / 90, 100: 0, 1000: 0},
        ),
        (
            "without_warm_up",
            WarmupDecay(3.0, 4),
            {0: 3, 1: 2.25, 2: 1.5, 3: 0.75, 4: 0},
        ),
        (
            "constant",
            WarmupDecay(2.0, 10, 2, decay="constant"),
            {0: 0, 1: 1, 2: 2, 3: 2, 9: 2, 10: 2, 11: 2},
        ),
        (
            "constant_without_warm_up",
            WarmupDecay(2.0, 10, decay="constant"),
            {0: 2, 5: 2, 11: 2},
        ),
        (
            "cosine",
            WarmupDecay(1.0, 10, 2, decay="cosine"),
            {0: 0, 1: 0.5, 2: 1, 4: (2 + math.sqrt(2)) / 4, 6: 0.5}
            | {8: (2 - math.sqrt(2)) / 4, 10: 0, 11: 0, 100: 0},
        ),
        (
            "cosine_to_a_share",
            WarmupDecay(3.0, 10, 2, decay="cosine", min_lr_ratio=1 / 3),
            {2: 3, 6: 2, 10: 1, 12: 1},
        ),
        (
            "warm_up_alone",
            WarmupDecay(4.0, 4, 4),
            {0: 0, 1: 1, 2: 2, 3: 3, 4: 0},
        ),
        (
            "to_a_share",
            WarmupDecay(1.0, 6, 2, min_lr_ratio=0.5),
            {2: 1, 4: 0.75, 6: 0.5, 9: 0.5},
        ),
        (
            "bent_by_a_power",
            WarmupDecay(1.0, 6, 2, power=2.0),
            {1: 0.5, 2: 1, 4: 0.25, 6: 0},
        ),
    )
    def test_rates_by_hand(self, schedule, expected):
        for step, rate in expected.items():
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
            "`num_warmup_steps` must be from 0 to `num_train_steps`.*"
            f"num_warmup_steps={warmup}, num_train_steps={total}",
        ):
            WarmupDecay(1.0, total, warmup)

    def test_unknown_decay_is_an_error_that_lists_the_choices(self):
        with self.assertRaisesRegex(
            ValueError, "linear, cosine, constant. Received: decay='cubic'"
        ):
            WarmupDecay(1.0, 10, decay="cubic")

    @parameterized.parameters("linear", "cosine", "constant")
    def test_survives_json(self, decay):
        schedule = WarmupDecay(
            0.3, 20, 4, decay=decay, min_lr_ratio=0.2, power=2.0
        )
        stored = json.dumps(keras.saving.serialize_keras_object(schedule))
        restored = keras.saving.deserialize_keras_object(json.loads(stored))
        self.assertEqual(restored.get_config(), schedule.get_config())
        np.testing.assert_array_equal(
            rates(restored, range(22)), rates(schedule, range(22))
        )


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
