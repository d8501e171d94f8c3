"""Tests of the arguments of AdamWeightDecay, and of how they are stored."""

import copy
import json

import keras
import numpy as np
from absl.testing import parameterized
from adam_by_numpy import train, variable

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.schedules import WarmupDecay


class RulesTest(parameterized.TestCase):
    def test_patterns_matter_with_decay_alone(self):
        options = {"exclude_from_weight_decay": ["gain"]}
        optimizer = AdamWeightDecay(**options)
        optimizer.build([variable([1.0])])
        self.assertEqual(optimizer.decayed_paths, ())
        with self.assertRaisesRegex(
            ValueError, r"`exclude_from_weight_decay` matches.*\['gain'\]"
        ):
            AdamWeightDecay(weight_decay_rate=0.1, **options).build(
                [variable([1.0])]
            )

    def test_unknown_path_of_a_multiplier_is_an_error(self):
        optimizer = AdamWeightDecay(learning_rate_multipliers={"kernel": 0.5})
        with self.assertRaisesRegex(
            ValueError,
            r"`learning_rate_multipliers` names no variable.*"
            r"Received: 'kernel'\. Paths look like 'dense/kernel'",
        ):
            optimizer.build([variable([1.0])])

    @parameterized.parameters(
        ("beta_1", 1.0),
        ("beta_1", -0.1),
        ("beta_2", 1.0),
        ("epsilon", 0.0),
        ("weight_decay_rate", -0.1),
        ("pretrained_weight_decay", -0.1),
        ("amsgrad", True),
    )
    def test_argument_out_of_range_is_an_error(self, name, value):
        with self.assertRaisesRegex(ValueError, f"Received: {name}={value}"):
            AdamWeightDecay(**{name: value})

    @parameterized.parameters(0.01, 0.0)
    def test_the_weight_decay_of_keras_is_refused(self, value):
        message = f"Received: weight_decay={value}. Pass `weight_decay_rate`"
        with self.assertRaisesRegex(ValueError, message):
            AdamWeightDecay(weight_decay=value)
        # As stored by one of Keras's own, or by an earlier version.
        config = keras.optimizers.AdamW(weight_decay=value).get_config()
        self.assertEqual(config["weight_decay"], value)
        with self.assertRaisesRegex(ValueError, message):
            AdamWeightDecay.from_config(config)
        config |= {"weight_decay": None}
        self.assertNotIn(
            "weight_decay", AdamWeightDecay.from_config(config).get_config()
        )

    @parameterized.parameters(
        ("beta_1", 0.0), ("beta_2", 0.0), ("weight_decay_rate", 0.0)
    )
    def test_smallest_argument_is_accepted(self, name, value):
        self.assertEqual(AdamWeightDecay(**{name: value}).get_config()[name], 0)


class SerialisationTest(parameterized.TestCase):
    def optimizer(self):
        return AdamWeightDecay(
            WarmupDecay(0.1, 20, 2, min_lr_ratio=0.5),
            beta_1=0.8,
            beta_2=0.9,
            epsilon=1e-3,
            weight_decay_rate=0.2,
            include_in_weight_decay=["kernel"],
            exclude_from_weight_decay=["dense", "gain"],
            bias_correction=False,
            pretrained_weight_decay=0.7,
            exclude_from_pretrained_weight_decay=["bias"],
            learning_rate_multipliers={"dense/kernel": 0.5},
            global_clipnorm=2.0,
            name="mine",
        )

    def assert_same_behaviour(self, restored):
        original = self.optimizer()
        self.assertIsInstance(restored, AdamWeightDecay)
        results = []
        for optimizer in (original, restored):
            variables = [variable([1.0, 2.0]), variable([1.0], "bias")]
            gradients = [[[3.0, 0.1], [4.0]]] * 5
            results.append(train(optimizer, variables, gradients))
            self.assertEqual(optimizer.decayed_paths, ("dense/kernel",))
        for expected, actual in zip(*results, strict=True):
            np.testing.assert_array_equal(expected, actual)

    def test_config_holds_every_argument(self):
        config = self.optimizer().get_config()
        expected = {
            "beta_1": 0.8,
            "beta_2": 0.9,
            "epsilon": 1e-3,
            "weight_decay_rate": 0.2,
            "include_in_weight_decay": ["kernel"],
            "exclude_from_weight_decay": ["dense", "gain"],
            "bias_correction": False,
            "pretrained_weight_decay": 0.7,
            "exclude_from_pretrained_weight_decay": ["bias"],
            "learning_rate_multipliers": {"dense/kernel": 0.5},
            "global_clipnorm": 2.0,
            "name": "mine",
        }
        self.assertEqual({k: config[k] for k in expected}, expected)

    def test_survives_json(self):
        stored = json.dumps(
            keras.saving.serialize_keras_object(self.optimizer())
        )
        restored = keras.saving.deserialize_keras_object(json.loads(stored))
        self.assert_same_behaviour(restored)

    def test_from_config_leaves_the_config_as_it_was(self):
        config = self.optimizer().get_config()
        before = copy.deepcopy(config)
        self.assert_same_behaviour(AdamWeightDecay.from_config(config))
        self.assertEqual(config, before)

    def test_changing_a_config_does_not_change_the_optimizer(self):
        optimizer = self.optimizer()
        config = optimizer.get_config()
        config["learning_rate_multipliers"]["dense/kernel"] = 0.0
        config["exclude_from_weight_decay"].append("kernel")
        config["include_in_weight_decay"].clear()
        self.assert_same_behaviour(optimizer)

    def test_changing_an_argument_does_not_change_the_optimizer(self):
        patterns, multipliers = ["bias"], {"dense/kernel": 0.5}
        optimizer = AdamWeightDecay(
            exclude_from_weight_decay=patterns,
            learning_rate_multipliers=multipliers,
        )
        patterns.clear()
        multipliers.clear()
        config = optimizer.get_config()
        self.assertEqual(config["exclude_from_weight_decay"], ["bias"])
        self.assertEqual(
            config["learning_rate_multipliers"], {"dense/kernel": 0.5}
        )
