"""Tests of AdamWeightDecay's pull to the values that it was built on."""

import json
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.schedules import WarmupDecay

GRADIENTS = np.random.default_rng(0).normal(size=(20, 3, 2))
START = np.linspace(-1, 1, 6).reshape(3, 2).astype(np.float32)


def variable(value, path="kernel"):
    with keras.name_scope("dense"):
        return keras.Variable(np.asarray(value, np.float32), name=path)


def train(optimizer, variables, gradients):
    """Applies gradients, one list per step, and returns the new values."""
    for step in gradients:
        step = [tf.convert_to_tensor(g, tf.float32) for g in step]
        optimizer.apply(step, variables)
    return [v.numpy() for v in variables]


def reference(start, rates, *, decay, pull, bias_correction=True):
    """The rule of the class on `GRADIENTS`, in float64."""
    value = np.array(start, np.float64)
    prior = value.copy()
    m = v = 0.0
    for t, (g, lr) in enumerate(zip(GRADIENTS, rates, strict=True), 1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        m_hat = m / (1 - 0.9**t) if bias_correction else m
        v_hat = v / (1 - 0.999**t) if bias_correction else v
        value = value - lr * (decay * value + pull * (value - prior))
        value -= lr * m_hat / (np.sqrt(v_hat) + 1e-8)
    return value


class PullTest(parameterized.TestCase):
    @parameterized.product(decay=(0.0, 0.3), bias_correction=(True, False))
    def test_equals_the_rule_in_float64(self, decay, bias_correction):
        schedule = WarmupDecay(0.05, 20, 2)
        optimizer = AdamWeightDecay(
            schedule,
            epsilon=1e-8,
            weight_decay_rate=decay,
            pretrained_weight_decay=0.7,
            bias_correction=bias_correction,
        )
        (value,) = train(optimizer, [variable(START)], [[g] for g in GRADIENTS])
        expected = reference(
            START,
            [float(schedule(t)) for t in range(20)],
            decay=decay,
            pull=0.7,
            bias_correction=bias_correction,
        )
        np.testing.assert_allclose(value, expected, rtol=0, atol=2e-6)

    @parameterized.parameters((0.4, 0.0), (0.0, 0.4), (0.3, 0.1))
    def test_zero_gradient_only_decays(self, decay, pull):
        schedule = WarmupDecay(0.5, 10, 2)
        optimizer = AdamWeightDecay(
            schedule, weight_decay_rate=decay, pretrained_weight_decay=pull
        )
        kernel = variable(START)
        optimizer.build([kernel])
        kernel.assign(START + 3)
        train(optimizer, [kernel], [[np.zeros((3, 2))]] * 10)
        # It settles at a share of the prior; the way there shrinks by a
        # product.
        end = START * pull / (decay + pull)
        rates = np.array([float(schedule(t)) for t in range(10)])
        factor = np.prod(1 - rates * (decay + pull))
        self.assertLess(factor, 0.5)
        np.testing.assert_allclose(
            kernel.numpy(), end + factor * (START + 3 - end), atol=2e-7
        )

    def test_pretrained_weights_without_gradient_stay_to_the_last_bit(self):
        optimizer = AdamWeightDecay(0.1, pretrained_weight_decay=0.5)
        (value,) = train(optimizer, [variable(START)], [[np.zeros((3, 2))]] * 5)
        np.testing.assert_array_equal(value, START)

    @parameterized.parameters(0.0, 0.3)
    def test_lambda_of_zero_is_the_identity(self, decay):
        values = []
        for rules in ({}, {"pretrained_weight_decay": 0.0}):
            optimizer = AdamWeightDecay(
                0.05,
                weight_decay_rate=decay,
                exclude_from_pretrained_weight_decay=["no such path"],
                **rules,
            )
            values += train(
                optimizer, [variable(START)], [[g] for g in GRADIENTS]
            )
            self.assertEqual(optimizer.priors(), {})
            self.assertEqual(optimizer.pretrained_decayed_paths, ())
        np.testing.assert_array_equal(*values)

    def test_comes_before_the_update_and_does_not_enter_the_moments(self):
        optimizer = AdamWeightDecay(0.1, pretrained_weight_decay=0.5)
        kernel = variable([1.0])
        optimizer.build([kernel])
        kernel.assign([3.0])
        train(optimizer, [kernel], [[[7.0]]])
        # 3 - 0.1 * 0.5 * (3 - 1) - 0.1; after it, the pull would be 0.095.
        np.testing.assert_allclose(kernel.numpy(), [2.8], rtol=1e-6)
        moment = optimizer.moments()["m/dense/kernel"]
        np.testing.assert_allclose(moment.numpy(), [0.7], rtol=1e-6)

    def test_multiplier_scales_both_decays(self):
        optimizer = AdamWeightDecay(
            0.1,
            weight_decay_rate=0.5,
            pretrained_weight_decay=0.3,
            learning_rate_multipliers={"dense/bias": 0.1, "dense/other": 0.0},
        )
        variables = [variable([1.0], p) for p in ("kernel", "bias", "other")]
        optimizer.build(variables)
        for each in variables:
            each.assign([2.0])
        values = train(optimizer, variables, [[[0.0]] * 3])
        # 0.1 * (0.5 * 2 + 0.3 * (2 - 1)) = 0.13
        np.testing.assert_allclose(
            np.ravel(values), [1.87, 1.987, 2.0], rtol=1e-6
        )
        kernel, bias, other = variables
        self.assertEqual(optimizer.decay_rates(kernel), (0.5, 0.3))
        np.testing.assert_allclose(optimizer.decay_rates(bias), (0.05, 0.03))
        self.assertEqual(optimizer.decay_rates(other), (0.0, 0.0))

    def test_excluded_variables_are_not_pulled_and_have_no_prior(self):
        optimizer = AdamWeightDecay(
            0.1,
            pretrained_weight_decay=0.5,
            exclude_from_pretrained_weight_decay=["bias", "^head/"],
        )
        variables = [variable([1.0]), variable([1.0], "bias")]
        optimizer.build(variables)
        for each in variables:
            each.assign([2.0])
        kernel, bias = train(optimizer, variables, [[[0.0], [0.0]]])
        np.testing.assert_allclose(kernel, [1.95])
        np.testing.assert_array_equal(bias, [2.0])
        self.assertEqual(optimizer.pretrained_decayed_paths, ("dense/kernel",))
        self.assertEqual(list(optimizer.priors()), ["prior/dense/kernel"])
        # The rate, the step, two moments each, one prior.
        self.assertLen(optimizer.variables, 2 + 2 * 2 + 1)

    def test_pull_on_nothing_is_an_error(self):
        optimizer = AdamWeightDecay(
            pretrained_weight_decay=0.5,
            exclude_from_pretrained_weight_decay=["kernel"],
        )
        with self.assertRaisesRegex(
            ValueError,
            "`pretrained_weight_decay` must have a variable to act on. "
            r"Received: pretrained_weight_decay=0.5, .*\['kernel'\].* Leave",
        ):
            optimizer.build([variable([1.0])])

    def test_patterns_of_which_none_matches_are_an_error(self):
        optimizer = AdamWeightDecay(
            pretrained_weight_decay=0.5,
            exclude_from_pretrained_weight_decay=["gain"],
        )
        with self.assertRaisesRegex(
            ValueError, "`exclude_from_pretrained_weight_decay` must match"
        ):
            optimizer.build([variable([1.0])])

    def test_negative_lambda_is_an_error(self):
        with self.assertRaisesRegex(
            ValueError, "Received: pretrained_weight_decay=-0.1"
        ):
            AdamWeightDecay(pretrained_weight_decay=-0.1)

    def test_built_inside_of_a_traced_function_the_prior_stays(self):
        optimizer = AdamWeightDecay(0.1, pretrained_weight_decay=0.5)
        kernel = variable(START)

        @tf.function
        def step(gradient):
            optimizer.apply([gradient], [kernel])

        for gradient in GRADIENTS[:5]:
            step(tf.constant(gradient, tf.float32))
        self.assertGreater(np.abs(kernel.numpy() - START).max(), 0.1)
        prior = optimizer.priors()["prior/dense/kernel"]
        np.testing.assert_array_equal(prior.numpy(), START)


class SerialisationTest(parameterized.TestCase):
    def optimizer(self):
        return AdamWeightDecay(
            0.05,
            weight_decay_rate=0.1,
            pretrained_weight_decay=0.7,
            exclude_from_pretrained_weight_decay=["bias"],
        )

    def test_config_holds_the_rules(self):
        stored = json.dumps(
            keras.saving.serialize_keras_object(self.optimizer())
        )
        restored = keras.saving.deserialize_keras_object(json.loads(stored))
        config = restored.get_config()
        self.assertEqual(config["pretrained_weight_decay"], 0.7)
        self.assertEqual(
            config["exclude_from_pretrained_weight_decay"], ["bias"]
        )

    def test_own_variables_restore_the_priors(self):
        kernel = variable(START)
        gradients = [[g] for g in GRADIENTS]
        optimizer = self.optimizer()
        optimizer.exclude_from_pretrained_weight_decay = None
        train(optimizer, [kernel], gradients[:5])
        store = {}
        optimizer.save_own_variables(store)
        copy = variable(kernel.numpy())
        (unbroken,) = train(optimizer, [kernel], gradients[5:])

        restored = AdamWeightDecay.from_config(optimizer.get_config())
        restored.build([copy])
        restored.load_own_variables(store)
        (continued,) = train(restored, [copy], gradients[5:])
        np.testing.assert_array_equal(continued, unbroken)

    def test_survives_saving_the_model(self):
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(2, name="head")]
        )
        start = model.layers[0].kernel.numpy()
        model.compile(optimizer=self.optimizer(), loss="mse")
        x, y = np.ones((8, 3)), np.ones((8, 2))
        model.fit(x, y, epochs=3, verbose=0)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.keras"
            model.save(path)
            restored = keras.saving.load_model(path)
        (prior,) = restored.optimizer.priors().values()
        np.testing.assert_array_equal(prior.numpy(), start)
        for each in (model, restored):
            each.fit(x, y, epochs=2, verbose=0)
        for a, b in zip(
            model.get_weights(), restored.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(a, b)
