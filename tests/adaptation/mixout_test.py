"""Tests of tf_bert/adaptation/mixout.py."""

import keras
import numpy as np
import tensorflow as tf
import tiny_bert
from absl.testing import parameterized

from tf_bert.adaptation.mixout import Mixout, mixed_kernel
from tf_bert.models import initialization

SEED = np.array([3, 5], np.int32)
KERNEL = np.array([[3, 4], [5, 6]], np.float32)
TARGET = np.array([[1, 2], [2, 2]], np.float32)
MASK = np.array([[0], [1]], np.float32)
GRADIENTS = ("derivative", "reference")
INPUTS = {"input_ids": np.array([[2, 5, 3], [2, 9, 3]], np.int32)}
KERNELS_OF_BLOCK = (
    "attention/self/query",
    "attention/self/key",
    "attention/self/value",
    "attention/output/dense",
    "intermediate/dense",
    "output/dense",
)


def make_model(*, dropout=0.1, dtype=None, intermediate_size=16):
    return tiny_bert.tiny_classifier(
        dtype=dtype,
        intermediate_size=intermediate_size,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        classifier_dropout=dropout,
        initializer_range=0.2,
    )


def draw_anew(model, seed=1):
    """Moves the weights away from the targets."""
    initialization.initialize(
        model.weights_by_path().values(), initializer_range=0.2, seed=seed
    )


def logits(model, mixout=None, seed=SEED):
    """Of a pass in training; with `mixout`, inside its scope."""
    inputs = {**INPUTS, "dropout_seed": seed}
    if mixout is None:
        return model(inputs, training=True).logits
    with mixout.scope(seed):
        return model(inputs, training=True).logits


def mixed_kernels(model, mixout, seed=SEED):
    """What the kernels read as inside the scope."""
    with mixout.scope(seed):
        return {
            variable.path: variable.value.numpy()
            for variable in model.weights
            if variable.path in mixout.paths
        }


class MixedKernelTest(parameterized.TestCase):
    @parameterized.product(
        gradient=GRADIENTS,
        case=(
            # Row 0 is masked and so the target's; row 1: 5 + (5 - 2) p/(1-p).
            (0.5, [[1, 2], [8, 10]]),
            (0.25, [[1, 2], [6, 22 / 3]]),
        ),
    )
    def test_is_the_formula(self, gradient, case):
        p, expected = case
        mixed = mixed_kernel(KERNEL, TARGET, MASK, p, gradient=gradient)
        np.testing.assert_allclose(mixed, expected, rtol=1e-6)

    @parameterized.parameters(*GRADIENTS)
    def test_probability_zero_is_the_identity(self, gradient):
        rng = np.random.default_rng(0)
        kernel, target = rng.normal(size=(2, 50, 40)).astype(np.float32)
        mixed = mixed_kernel(
            kernel, target, np.ones((50, 1)), 0.0, gradient=gradient
        )
        np.testing.assert_array_equal(mixed, kernel)

    @parameterized.parameters(
        ("derivative", 0.5, 2.0),
        ("derivative", 0.2, 1.25),
        ("reference", 0.5, 1.0),
        ("reference", 0.2, 1.0),
    )
    def test_gradient_of_an_unmasked_row(self, gradient, p, factor):
        kernel, target = tf.Variable(KERNEL), tf.Variable(TARGET)
        upstream = tf.constant([[1.0, 2.0], [3.0, 4.0]])
        with tf.GradientTape() as tape:
            mixed = mixed_kernel(
                kernel.value(), target.value(), MASK, p, gradient=gradient
            )
            loss = tf.reduce_sum(upstream * mixed)
        expected = [[0, 0], [3 * factor, 4 * factor]]
        np.testing.assert_allclose(
            tape.gradient(loss, kernel), expected, rtol=1e-6
        )

    @parameterized.parameters(
        dict(p=1.0), dict(p=float("nan")), dict(gradient="other")
    )
    def test_refuses_what_is_no_mixout(self, **changes):
        options = {"p": 0.5, "gradient": "derivative", **changes}
        (name,) = changes
        with self.assertRaisesRegex(ValueError, f"Received: {name}="):
            mixed_kernel(KERNEL, TARGET, MASK, **options)
        with self.assertRaisesRegex(ValueError, f"Received: {name}="):
            Mixout(make_model(), **options)


class MixoutTest(parameterized.TestCase):
    def test_every_linear_layer_is_mixed_and_nothing_else(self):
        model = make_model()
        mixout = Mixout(model, 0.5)
        expected = {
            f"bert/encoder/layer_{layer}/{name}/kernel"
            for layer in (0, 1)
            for name in KERNELS_OF_BLOCK
        } | {"bert/pooler/dense/kernel", "classifier/kernel"}
        self.assertLen(mixout.paths, len(expected))
        self.assertEqual(set(mixout.paths), expected)
        draw_anew(model)
        with mixout.scope(SEED):
            inside = {v.path: v.value.numpy() for v in model.weights}
        changed = {
            variable.path
            for variable in model.weights
            if not np.array_equal(variable.numpy(), inside[variable.path])
        }
        self.assertEqual(changed, expected)

    def test_input_units_are_mixed_whole(self):
        model = make_model()
        start = {v.path: v.numpy() for v in model.weights}
        mixout = Mixout(model, 0.5)
        draw_anew(model)
        masks = mixout.masks(SEED)
        for path, mixed in mixed_kernels(model, mixout).items():
            is_target = np.broadcast_to(~masks[path].numpy(), mixed.shape)
            np.testing.assert_array_equal(mixed == start[path], is_target, path)

    @parameterized.parameters(0.1, 0.9)
    def test_mean_over_the_masks_is_the_kernel(self, p):
        # Of 20000 input units that have the same weights.
        model = make_model(intermediate_size=20_000)
        kernel = model.bert.encoder.blocks[1].output_layer.dense.kernel
        kernel.assign(np.full(kernel.shape, 2.0))
        mixout = Mixout(model, p)
        kernel.assign(np.full(kernel.shape, 3.0))
        mixed = mixed_kernels(model, mixout)[kernel.path][:, 0]
        # 2 with probability p, else 2 + 1 / (1 - p).
        deviation = (p / (1 - p) / len(mixed)) ** 0.5
        self.assertAlmostEqual(mixed.mean(), 3, delta=5 * deviation)
        share = (mixed == 2).mean()
        deviation = (p * (1 - p) / len(mixed)) ** 0.5
        self.assertAlmostEqual(share, p, delta=5 * deviation)

    def test_masks_follow_from_the_seed_and_the_kernel_alone(self):
        model = make_model()
        masks = [
            np.concatenate(list(Mixout(model, 0.5).masks(seed).values()))
            for seed in (SEED, SEED, SEED + 1, SEED + np.int32([0, 1]))
        ]
        np.testing.assert_array_equal(masks[0], masks[1])
        for other in masks[2:]:
            agreement = (masks[0] == other).mean()
            # 128 fair coins, within 5 standard deviations.
            self.assertAlmostEqual(agreement, 0.5, delta=0.22)

    def test_kernels_have_masks_of_their_own(self):
        masks = Mixout(make_model(), 0.5).masks(SEED).values()
        distinct = {mask.numpy().tobytes() for mask in masks}
        # 12 of the 14 have 8 input units: a pair may agree by chance.
        self.assertGreater(len(distinct), 10)

    def test_frozen_kernels_are_not_mixed_and_change_no_other_mask(self):
        model = make_model()
        everything = Mixout(model, 0.5).masks(SEED)
        for variable in model.bert.encoder.blocks[0].variables:
            variable.trainable = False
        upper = Mixout(model, 0.5).masks(SEED)
        below = {p for p in everything if p.startswith("bert/encoder/layer_0")}
        self.assertLen(below, 6)
        self.assertEqual(set(upper), set(everything) - below)
        for path, value in upper.items():
            np.testing.assert_array_equal(value, everything[path], path)

    def test_a_frozen_model_is_refused(self):
        model = make_model()
        model.trainable = False
        with self.assertRaisesRegex(ValueError, "14 kernels, all frozen"):
            Mixout(model, 0.5)

    def test_probability_zero_is_refused(self):
        with self.assertRaisesRegex(ValueError, "leave out --mixout"):
            Mixout(make_model(), 0)

    def test_every_dropout_is_off_and_the_configuration_says_so(self):
        model = make_model(dropout=0.3)
        seeds = np.array([[1, 2], [3, 4]], np.int32)
        before = [logits(model, seed=seed) for seed in seeds]
        self.assertGreater(np.abs(before[0] - before[1]).max(), 1e-3)
        shared = model.config
        Mixout(model, 0.5)
        self.assertEqual(model.config.hidden_dropout_prob, 0)
        self.assertEqual(model.config.attention_probs_dropout_prob, 0)
        self.assertIsNone(model.config.classifier_dropout)
        self.assertEqual(shared.hidden_dropout_prob, 0.3)
        after = [logits(model, seed=seed) for seed in seeds]
        np.testing.assert_array_equal(*after)
        np.testing.assert_array_equal(after[0], model(INPUTS).logits)

    def test_a_pass_has_the_weights_that_the_scope_shows(self):
        model = make_model()
        mixout = Mixout(model, 0.5)
        draw_anew(model)
        actual = logits(model, mixout)
        plain = logits(model)
        self.assertGreater(np.abs(actual - plain).max(), 1e-2)
        mixed = mixed_kernels(model, mixout)
        for variable in model.weights:
            if variable.path in mixed:
                variable.assign(mixed[variable.path])
        np.testing.assert_allclose(actual, logits(model), atol=1e-6)

    def test_a_graph_gives_the_eager_result(self):
        model = make_model()
        mixout = Mixout(model, 0.5)
        draw_anew(model)
        graph = tf.function(lambda seed: logits(model, mixout, seed))
        np.testing.assert_allclose(
            graph(tf.constant(SEED)), logits(model, mixout), atol=1e-6
        )

    @parameterized.parameters(
        ("derivative", "float32"),
        ("derivative", "mixed_bfloat16"),
        ("reference", "float32"),
    )
    def test_masked_units_get_no_gradient(self, gradient, dtype):
        model = make_model(dtype=dtype)
        mixout = Mixout(model, 0.5, gradient=gradient)
        draw_anew(model)
        kernels = [v for v in model.weights if v.path in mixout.paths]
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(logits(model, mixout)[:, 0])
        gradients = tape.gradient(loss, [v.value for v in kernels])
        masks = mixout.masks(SEED)
        for variable, value in zip(kernels, gradients, strict=True):
            path = variable.path
            self.assertEqual(value.dtype, "float32")
            is_kept = masks[path].numpy()[:, 0]
            self.assertFalse(np.any(value.numpy()[~is_kept]), path)
            self.assertTrue(np.any(value.numpy()[is_kept]), path)

    def test_targets_are_the_weights_at_its_making_until_taken_again(self):
        model = make_model()
        draw_anew(model)  # As re-initialisation does.
        expected = tiny_bert.values(model)
        num_weights = len(model.weights)
        mixout = Mixout(model, 0.5)
        self.assertLen(model.weights, num_weights)
        draw_anew(model, seed=2)
        self.check_targets(mixout, expected)
        mixout.take_targets()
        self.check_targets(mixout, tiny_bert.values(model))

    def check_targets(self, mixout, expected):
        state = mixout.state()
        self.assertEqual(set(state), {f"mixout/{p}" for p in mixout.paths})
        for name, target in state.items():
            path = name.removeprefix("mixout/")
            np.testing.assert_array_equal(target.numpy(), expected[path])
            self.assertFalse(target.trainable)

    def test_targets_are_read_from_the_state(self):
        model = make_model()
        mixout = Mixout(model, 0.5)
        state = mixout.state()
        state["mixout/classifier/kernel"].assign(np.full((8, 3), 7.0))
        mixed = mixed_kernels(model, mixout)["classifier/kernel"]
        self.assertTrue((mixed == 7).all(axis=1).any())
        self.assertIsInstance(state["mixout/classifier/kernel"], keras.Variable)
