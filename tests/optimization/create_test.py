"""Tests of tf_bert/optimization/create.py."""

import inspect

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.create import create_optimizer


def variables():
    """One of each kind, with the paths that they have in BERT."""
    made = []
    for scope, name in (
        ("dense", "kernel"),
        ("dense", "bias"),
        ("LayerNorm", "gamma"),
    ):
        with keras.name_scope(scope):
            made.append(keras.Variable(np.ones(1, np.float32), name=name))
    return made


class CreateOptimizerTest(parameterized.TestCase):
    def test_positional_signature_is_that_of_transformers_4(self):
        parameters = inspect.signature(create_optimizer).parameters.values()
        self.assertEqual(
            [
                (parameter.name, parameter.default)
                for parameter in parameters
                if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            ],
            [
                ("init_lr", inspect.Parameter.empty),
                ("num_train_steps", inspect.Parameter.empty),
                ("num_warmup_steps", inspect.Parameter.empty),
                ("min_lr_ratio", 0.0),
                ("adam_beta1", 0.9),
                ("adam_beta2", 0.999),
                ("adam_epsilon", 1e-8),
                ("adam_clipnorm", None),
                ("adam_global_clipnorm", None),
                ("weight_decay_rate", 0.0),
                ("power", 1.0),
                ("include_in_weight_decay", None),
            ],
        )

    def test_arguments_reach_the_optimizer_and_the_schedule(self):
        optimizer, schedule = create_optimizer(
            1.0, 10, 2, 0.5, 0.8, 0.9, 1e-3, None, 2.0, 0.1, 2.0, ["gamma"]
        )
        self.assertEqual(
            {
                name: optimizer.get_config()[name]
                for name in (
                    "beta_1",
                    "beta_2",
                    "epsilon",
                    "clipnorm",
                    "global_clipnorm",
                    "weight_decay_rate",
                    "include_in_weight_decay",
                    "bias_correction",
                )
            },
            {
                "beta_1": 0.8,
                "beta_2": 0.9,
                "epsilon": 1e-3,
                "clipnorm": None,
                "global_clipnorm": 2.0,
                "weight_decay_rate": 0.1,
                "include_in_weight_decay": ["gamma"],
                "bias_correction": True,
            },
        )
        # Half-way through the decay: 0.5 + 0.5 * 0.5^2.
        self.assertAlmostEqual(float(schedule(6)), 0.625)

    @parameterized.parameters(0.0, 0.1)
    def test_always_is_an_adam_weight_decay(self, rate):
        optimizer, _ = create_optimizer(
            1.0, 10, 2, weight_decay_rate=rate, adam_clipnorm=0.5
        )
        self.assertIs(type(optimizer), AdamWeightDecay)
        self.assertEqual(optimizer.clipnorm, 0.5)

    def test_bias_correction_can_be_turned_off(self):
        optimizer, _ = create_optimizer(0.1, 10, 0, bias_correction=False)
        kernel, _, _ = built = variables()
        optimizer.apply([tf.ones(1)] * 3, built)
        np.testing.assert_allclose(kernel.numpy(), [1 - 0.31623], rtol=1e-4)

    @parameterized.parameters(
        (None, [0.95, 1.0, 1.0]), (["LayerNorm"], [0.95, 1.0, 0.95])
    )
    def test_layer_norms_and_biases_are_decayed_on_demand(self, names, values):
        optimizer, _ = create_optimizer(
            0.1,
            10,
            0,
            weight_decay_rate=0.5,
            include_in_weight_decay=names,
        )
        built = variables()
        optimizer.apply([tf.zeros(1)] * 3, built)
        actual = [variable.numpy().item() for variable in built]
        np.testing.assert_allclose(actual, values, rtol=1e-6)

    def test_schedule_is_the_one_of_the_optimizer(self):
        optimizer, schedule = create_optimizer(0.1, 10, 2)
        built = variables()
        seen = []
        for step in range(4):
            seen.append(float(optimizer.learning_rate))
            self.assertEqual(seen[-1], float(schedule(step)))
            optimizer.apply([tf.ones(1)] * 3, built)
        np.testing.assert_allclose(seen, [0.0, 0.05, 0.1, 0.0875], rtol=1e-6)
