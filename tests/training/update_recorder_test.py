"""Tests of tf_bert/training/update_recorder.py."""

import contextlib

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.training.update_recorder import UpdateRecorder

STRATEGY = tf.distribute.OneDeviceStrategy("/cpu:0")


def make_variable(path, value):
    *scopes, name = path.split("/")
    with contextlib.ExitStack() as stack:
        for scope in scopes:
            stack.enter_context(keras.name_scope(scope))
        return keras.Variable(np.asarray(value, np.float32), name=name)


def make_variables():
    rng = np.random.default_rng(0)
    return [
        make_variable(path, rng.normal(0, 0.05, (40, 30)))
        for path in (
            "bert/embeddings/word_embeddings/embeddings",
            "bert/encoder/layer_0/output/dense/kernel",
            "bert/encoder/layer_1/output/dense/kernel",
            "classifier/kernel",
        )
    ]


def record(variables, gradients, *, rate=0.01, **options):
    """Records one step for each list of gradients."""
    optimizer = AdamWeightDecay(1.0, epsilon=1e-12, **options)
    optimizer.build(variables)
    recorder = UpdateRecorder(variables, optimizer, STRATEGY)
    for step in gradients:
        with recorder.around_step(np.float32(rate)):
            for gradient, variable in zip(step, variables, strict=True):
                optimizer.update_step(
                    tf.constant(gradient, tf.float32), variable, rate
                )
            optimizer.iterations.assign_add(1)
    return recorder


def random_gradients(num_steps, variables):
    rng = np.random.default_rng(1)
    return [
        [rng.normal(size=v.shape) for v in variables] for _ in range(num_steps)
    ]


class UpdateRecorderTest(parameterized.TestCase):
    @parameterized.parameters(
        # Adam moves each of 16 weights by the rate, whatever their gradient.
        (0.0, np.zeros(4), [np.arange(1.0, 13), np.ones(4)], 0.01 * 4),
        # Without a gradient, weights of 3 and 4 shrink by 0.01 * 0.5.
        (0.5, [3, 4], [np.zeros(12), np.zeros(2)], 0.005 * 5),
    )
    def test_a_block_has_the_norm_over_its_variables(
        self, decay, bias, gradients, expected
    ):
        layer = "bert/encoder/layer_7/output/dense"
        variables = [
            make_variable(f"{layer}/kernel", np.zeros(12)),
            make_variable(f"{layer}/bias", bias),
        ]
        recorder = record(variables, [gradients], weight_decay_rate=decay)
        self.assertEqual(recorder.log.blocks, ("layer_7",))
        arrays = recorder.log.arrays()
        for kind in ("update_norm", "expected_norm"):
            (norm,) = arrays[f"{kind}/layer_7"]
            self.assertAlmostEqual(norm, expected, delta=1e-6)
        distance = recorder.distances()["layer_7"]
        self.assertAlmostEqual(distance, expected, delta=1e-6)

    @parameterized.parameters((0.0, {}), (0.01, {"classifier/kernel": 0.5}))
    def test_a_corrected_run_has_a_ratio_of_1(self, decay, multipliers):
        variables = make_variables()
        recorder = record(
            variables,
            random_gradients(20, variables),
            rate=1e-5,
            weight_decay_rate=decay,
            learning_rate_multipliers=multipliers,
        )
        arrays = recorder.log.arrays()
        np.testing.assert_allclose(arrays["bias_ratio"], 1, atol=1e-4)
        for block in recorder.log.blocks:
            np.testing.assert_allclose(
                arrays[f"update_norm/{block}"],
                arrays[f"expected_norm/{block}"],
                rtol=1e-4,
            )

    def test_a_variable_that_does_not_learn_has_no_update(self):
        variables = make_variables()
        recorder = record(
            variables,
            random_gradients(2, variables),
            weight_decay_rate=0.1,
            learning_rate_multipliers={"classifier/kernel": 0.0},
        )
        arrays = recorder.log.arrays()
        self.assertEqual(arrays["update_norm/classifier"].tolist(), [0, 0])
        self.assertEqual(arrays["expected_norm/classifier"].tolist(), [0, 0])
        self.assertEqual(recorder.distances()["classifier"], 0)
        self.assertGreater(recorder.distances()["layer_0"], 0)

    def test_restarted_it_begins_with_the_weights_of_now(self):
        variables = make_variables()
        recorder = record(variables, random_gradients(3, variables))
        self.assertGreater(recorder.distances()["classifier"], 0)
        self.assertBetween(recorder.share_of_step_time(), 0, 1)
        recorder.restart()
        self.assertEqual(set(recorder.distances().values()), {0.0})
        self.assertIsNone(recorder.share_of_step_time())
        self.assertEmpty(recorder.log.arrays()["update_norm/classifier"])

    def test_the_copy_is_no_view_of_the_variable(self):
        (kernel, *_) = variables = make_variables()
        recorder = record(variables, [])
        (copy, *_) = recorder._remember(tf.ones([]))
        old = kernel.numpy()
        kernel.assign_add(tf.ones(kernel.shape))
        np.testing.assert_array_equal(copy, old)
