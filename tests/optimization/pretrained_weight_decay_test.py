"""Tests of AdamWeightDecay's pull to the values that it was built on."""

import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from adam_by_numpy import GRADIENTS, reference, train, variable

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.schedules import WarmupDecay

START = np.linspace(-1, 1, 6).reshape(3, 2).astype(np.float32)


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

    def test_multiplier_scales_the_update_and_both_decays(self):
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
        values = train(optimizer, variables, [[[3.0]] * 3])
        # 0.1 * (0.5 * 2 + 0.3 * (2 - 1)) = 0.13, and 0.1 by Adam.
        np.testing.assert_allclose(
            np.ravel(values), [1.77, 1.977, 2.0], rtol=1e-6
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
            "`pretrained_weight_decay` has no variable to act on. "
            r"Received: pretrained_weight_decay=0.5, .*\['kernel'\].* Leave",
        ):
            optimizer.build([variable([1.0])])

    def test_patterns_of_which_none_matches_are_an_error(self):
        optimizer = AdamWeightDecay(
            pretrained_weight_decay=0.5,
            exclude_from_pretrained_weight_decay=["gain"],
        )
        with self.assertRaisesRegex(
            ValueError, "`exclude_from_pretrained_weight_decay` matches"
        ):
            optimizer.build([variable([1.0])])

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
        losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
        self.assertLess(losses[-1], losses[0])
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.keras"
            model.save(path)
            restored = keras.saving.load_model(path)
        (prior,) = restored.optimizer.priors().values()
        np.testing.assert_array_equal(prior.numpy(), start)
        for each in (model, restored):
            each.fit(x, y, verbose=0)
        for a, b in zip(
            model.get_weights(), restored.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(a, b)
