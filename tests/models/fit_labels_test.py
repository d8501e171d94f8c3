"""Labels, losses and weights of `fit` and `evaluate`, in every place.

What transformers 4 does with the same is in tests/transformers4_test.py.
"""

import functools
import pathlib
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_bert
from absl.testing import parameterized

from tf_bert.models import fit_labels
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)

NUM_EXAMPLES = 10
BATCH_SIZE = 4
RNG = np.random.default_rng(0)
IDS = np.concatenate(
    [np.full((NUM_EXAMPLES, 1), 2), RNG.integers(4, 20, (NUM_EXAMPLES, 3))], 1
)
INPUTS = {"input_ids": IDS, "attention_mask": np.ones_like(IDS)}
LABELS = np.arange(NUM_EXAMPLES) % 3
SCORES = RNG.normal(size=NUM_EXAMPLES)
WEIGHTS = RNG.uniform(0, 2, NUM_EXAMPLES)
CLASS_WEIGHT = {0: 0.5, 1: 3.0, 2: 0.0}


def constant_loss(y_true, y_pred):
    return 123.0 + 0.0 * keras.ops.sum(y_pred, -1)


def build_model(num_labels, cls=TFBertForSequenceClassification):
    config = tiny_bert.tiny_config(
        num_hidden_layers=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.5,
        num_labels=num_labels,
    )
    return cls(config, seed=0)


# One for many tests: with a learning rate of 0 it stays as it is.
shared_model = functools.cache(build_model)


def compile_model(model, loss=None, learning_rate=0.0, **options):
    options = {"run_eagerly": True} | options
    model.compile(keras.optimizers.SGD(learning_rate), loss, **options)
    return model


def make_model(num_labels=3, **options):
    return compile_model(shared_model(num_labels), **options)


def dataset(*parts):
    """A dataset of examples (x), (x, y) or (x, y, w), in batches."""
    parts = parts if len(parts) > 1 else parts[0]
    return tf.data.Dataset.from_tensor_slices(parts).batch(BATCH_SIZE)


class Batches(keras.utils.PyDataset):
    """Batches of what may be a tree of arrays."""

    def __init__(self, arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return -(-NUM_EXAMPLES // BATCH_SIZE)

    def __getitem__(self, index):
        rows = slice(index * BATCH_SIZE, (index + 1) * BATCH_SIZE)
        return keras.tree.map_structure(lambda x: x[rows], self.arrays)


# What `fit` takes first, of the labels.
WAYS = {
    "apart": lambda y: (INPUTS, y),
    "apart_in_a_dictionary": lambda y: (INPUTS, {"labels": y}),
    "apart_beside_ids_alone": lambda y: (IDS, y),
    "among_the_inputs": lambda y: ({**INPUTS, "labels": y},),
    "in_both_places": lambda y: ({**INPUTS, "labels": y}, y),
    "dataset_of_inputs": lambda y: (dataset({**INPUTS, "labels": y}),),
    "dataset_of_pairs": lambda y: (dataset(INPUTS, y),),
    "dataset_of_dictionaries": lambda y: (dataset(INPUTS, {"labels": y}),),
    "batches_of_inputs": lambda y: (Batches({**INPUTS, "labels": y}),),
    "batches_of_pairs": lambda y: (Batches((INPUTS, y)),),
}
LOSSES = {
    "own": None,
    "auto": "auto",
    "passthrough": "passthrough",
    "cross_entropy": keras.losses.SparseCategoricalCrossentropy(
        from_logits=True
    ),
    "constant": constant_loss,
}


def example_losses(model, labels, loss=None):
    """The loss of each example, by a call."""
    output = model(INPUTS, labels=labels)
    if loss is constant_loss:
        return np.full(NUM_EXAMPLES, 123.0)
    return output.loss.numpy()


def evaluate(model, *given):
    """The loss. (A list has metrics of earlier `compile`s of a model too.)"""
    return model.evaluate(*given, verbose=0, return_dict=True)["loss"]


def fit_once(model, way, labels, **options):
    """One epoch in order; returns its results by name."""
    given = WAYS[way](labels)
    if hasattr(given[0], "shape") or isinstance(given[0], dict):
        options |= {"batch_size": BATCH_SIZE}
    history = model.fit(*given, shuffle=False, verbose=0, **options).history
    return {name: values[0] for name, values in history.items()}


class FitTest(parameterized.TestCase):
    """The defects, in one place each; the rest of the table is below."""

    @parameterized.parameters(
        ("among_the_inputs", "constant"),
        ("among_the_inputs", "own"),
        ("apart", "own"),
        ("dataset_of_pairs", "own"),
    )
    def test_the_loss_is_the_compiled_one_or_the_models_own(self, way, loss):
        check_loss(way, loss)

    def test_weights_of_zero_do_not_train(self):
        model = compile_model(build_model(3), learning_rate=0.5)
        before = model.get_weights()
        weights = 0 * WEIGHTS
        fit_once(model, "among_the_inputs", LABELS, sample_weight=weights)
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_class_weights_count_where_labels_are_among_the_inputs(self):
        check_class_weights("among_the_inputs", "own")


def check_loss(way, loss):
    model = make_model(loss=LOSSES[loss], metrics=["accuracy"])
    results = fit_once(model, way, LABELS)
    expected = example_losses(model, LABELS, LOSSES[loss]).mean()
    np.testing.assert_allclose(results["loss"], expected, rtol=1e-5)
    predicted = model(INPUTS).logits.numpy().argmax(-1)
    accuracy = (predicted == LABELS).mean()
    np.testing.assert_allclose(results["accuracy"], accuracy, atol=1e-5)


def check_class_weights(way, loss):
    model = make_model(loss=LOSSES[loss])
    results = fit_once(model, way, LABELS, class_weight=CLASS_WEIGHT)
    check_is_weighted(results, model)


def check_is_weighted(results, model):
    """Checks that a loss is the mean of all, weighted by their classes."""
    weights = np.array([CLASS_WEIGHT[label] for label in LABELS])
    expected = (weights * example_losses(model, LABELS)).mean()
    np.testing.assert_allclose(results["loss"], expected, rtol=1e-5)


@pytest.mark.large
class PlacesTest(parameterized.TestCase):
    """With a learning rate of 0, what `fit` reports is a mean over all."""

    @parameterized.parameters(
        *[(way, "own") for way in WAYS],
        ("dataset_of_inputs", "constant"),
        ("batches_of_pairs", "constant"),
    )
    def test_the_loss_is_the_compiled_one_or_the_models_own(self, way, loss):
        check_loss(way, loss)

    @parameterized.parameters("auto", "passthrough", "cross_entropy")
    def test_every_other_loss(self, loss):
        check_loss("among_the_inputs", loss)

    @parameterized.parameters(
        *[(way, "own") for way in WAYS if "dataset" not in way][:5],
        ("among_the_inputs", "cross_entropy"),
    )
    def test_sample_weights_count(self, way, loss):
        model = make_model(loss=LOSSES[loss], weighted_metrics=["accuracy"])
        results = fit_once(model, way, LABELS, sample_weight=WEIGHTS)
        expected = (WEIGHTS * example_losses(model, LABELS)).mean()
        np.testing.assert_allclose(results["loss"], expected, rtol=1e-5)
        right = model(INPUTS).logits.numpy().argmax(-1) == LABELS
        accuracy = np.average(right, weights=WEIGHTS)
        self.assertAlmostEqual(results["accuracy"], accuracy, places=5)

    @parameterized.parameters(
        [(INPUTS, LABELS, WEIGHTS)],
        [({**INPUTS, "labels": LABELS}, LABELS, WEIGHTS)],
        [(INPUTS, {"labels": LABELS}, {"labels": WEIGHTS})],
    )
    def test_sample_weights_of_a_dataset_count(self, parts):
        model = make_model()
        loss = evaluate(model, dataset(*parts))
        expected = (WEIGHTS * example_losses(model, LABELS)).mean()
        np.testing.assert_allclose(loss, expected, rtol=1e-5)

    @parameterized.parameters(
        *[(name, "own") for name in WAYS if name != "batches_of_inputs"],
        ("apart", "cross_entropy"),
    )
    def test_class_weights_count(self, way, loss):
        check_class_weights(way, loss)

    @parameterized.product(
        way=["apart", "among_the_inputs", "dataset_of_pairs"],
        loss=[None, "mse"],
    )
    def test_a_regression(self, way, loss):
        model = make_model(num_labels=1, loss=loss, metrics=["mae"])
        results = fit_once(model, way, SCORES)
        errors = model(INPUTS).logits.numpy()[:, 0] - SCORES
        np.testing.assert_allclose(results["loss"], (errors**2).mean(), 1e-5)
        np.testing.assert_allclose(results["mae"], abs(errors).mean(), 1e-5)

    def test_validation_data_may_have_labels_in_either_place(self):
        model = make_model()
        among = {**INPUTS, "labels": LABELS}
        losses = example_losses(model, LABELS)
        for given, expected in (
            (among, losses),
            ((INPUTS, LABELS, WEIGHTS), losses * WEIGHTS),
            ((among, None, WEIGHTS), losses * WEIGHTS),
            (dataset(among), losses),
        ):
            results = fit_once(
                model, "among_the_inputs", LABELS, validation_data=given
            )
            np.testing.assert_allclose(
                results["val_loss"], expected.mean(), rtol=1e-5
            )

    def test_loss_weights_and_further_losses_count(self):
        model = compile_model(build_model(3), loss_weights=2.0)
        model.classifier.kernel.regularizer = keras.regularizers.L2(0.1)
        results = fit_once(model, "among_the_inputs", LABELS)
        kernel = model.classifier.kernel.numpy()
        expected = 2 * example_losses(model, LABELS).mean()
        expected += 0.1 * (kernel**2).sum()
        np.testing.assert_allclose(results["loss"], expected, rtol=1e-5)

    def test_arguments_stand_in_transformers_order(self):
        model = make_model()
        model.compile(
            keras.optimizers.SGD(0.0), constant_loss, ["accuracy"], 2.0
        )
        results = model.evaluate(INPUTS, LABELS, verbose=0, return_dict=True)
        self.assertEqual(results["loss"], 246.0)
        self.assertIn("accuracy", results)

    def test_a_subclass_may_have_a_loss_of_its_own(self):
        class Constant(TFBertForSequenceClassification):
            def hf_compute_loss(self, labels, logits):
                return constant_loss(labels, logits)

        model = compile_model(build_model(3, Constant))
        self.assertEqual(model(INPUTS, labels=LABELS).loss[0], 123.0)
        for way in ("apart", "among_the_inputs"):
            self.assertEqual(fit_once(model, way, LABELS)["loss"], 123.0)

    @parameterized.parameters("train_on_batch", "test_on_batch")
    def test_one_batch_takes_labels_from_either_place(self, method):
        model = make_model()
        step = getattr(model, method)
        expected = (WEIGHTS * example_losses(model, LABELS)).mean()
        for given in ((INPUTS, LABELS), ({**INPUTS, "labels": LABELS},)):
            results = step(*given, sample_weight=WEIGHTS, return_dict=True)
            np.testing.assert_allclose(results["loss"], expected, rtol=1e-5)
            if method == "train_on_batch":
                results = step(
                    *given, class_weight=CLASS_WEIGHT, return_dict=True
                )
                check_is_weighted(results, model)


class MistakeTest(parameterized.TestCase):
    @parameterized.parameters(
        ("fit", "own", INPUTS),
        ("fit", "cross_entropy", dataset(INPUTS)),
        ("evaluate", "own", dataset(INPUTS)),
        ("evaluate", "cross_entropy", IDS),
        ("train_on_batch", "own", IDS),
    )
    def test_no_labels(self, method, loss, data):
        model = make_model(loss=LOSSES[loss], metrics=["accuracy"])
        with self.assertRaisesRegex(
            ValueError, "There are no labels.* Pass `y`"
        ):
            getattr(model, method)(data)

    def test_no_labels_for_class_weights(self):
        for data in (INPUTS, IDS, dataset(INPUTS)):
            with self.assertRaisesRegex(ValueError, "There are no labels"):
                make_model().fit(data, class_weight=CLASS_WEIGHT, verbose=0)

    def test_labels_that_contradict_each_other(self):
        other = LABELS.copy()
        other[[3, 7]] = [1, 2]
        inputs = {**INPUTS, "labels": LABELS}
        expected = r"in 2 of 10 .*inputs\[\"labels\"\]\[3\]=0, y\[3\]=1"
        for method in ("fit", "evaluate", "train_on_batch"):
            with self.assertRaisesRegex(ValueError, expected):
                getattr(make_model(), method)(inputs, other)
        # A compiled loss is of `y`, whatever else there is.
        model = make_model(loss=LOSSES["cross_entropy"])
        loss = evaluate(model, inputs, other)
        expected = example_losses(model, other).mean()
        np.testing.assert_allclose(loss, expected, rtol=1e-5)

    def test_scores_of_two_precisions_do_not_contradict_each_other(self):
        inputs = {**INPUTS, "labels": SCORES.astype(np.float32)}
        fit_labels.check_same_labels(inputs, SCORES[:, None])

    @parameterized.parameters(
        (LABELS.tolist(), "y=a list of 10"),
        ({"labels": LABELS, "weights": WEIGHTS}, "y=a dict of 2"),
    )
    def test_more_than_one_array_of_labels(self, y, received):
        with self.assertRaisesRegex(ValueError, received):
            make_model().fit(INPUTS, y, verbose=0)

    def test_class_weights_that_keras_would_leave_out(self):
        batches = Batches({**INPUTS, "labels": LABELS})
        with self.assertRaisesRegex(ValueError, "pairs"):
            make_model().fit(batches, class_weight=CLASS_WEIGHT, verbose=0)


# Each trains as eager steps on one device do.
TRACED = {
    "xla": {"jit_compile": True},
    "several steps at once": {"steps_per_execution": 2},
}
TWO_REPLICAS = """
    import sys
    import numpy as np
    import tensorflow as tf

    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    sys.path[:0] = sys.argv[2:]
    import fit_labels_test

    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    with strategy.scope():
        np.savez(sys.argv[1], *fit_labels_test.train(run_eagerly=False))
"""


def train(**options) -> list[np.ndarray]:
    """Two epochs on batches of 4, with weights; losses and what was trained."""
    model = compile_model(build_model(3), learning_rate=0.5, **options)
    rows = slice(0, 8)  # As many for every replica.
    inputs = {name: x[rows] for name, x in INPUTS.items()}
    losses = model.fit(
        inputs | {"labels": LABELS[rows]},
        sample_weight=WEIGHTS[rows],
        batch_size=BATCH_SIZE,
        epochs=2,
        shuffle=False,
        verbose=0,
    ).history["loss"]
    weights = model.weights_by_path().values()
    return [np.array(losses), *(np.array(weight) for weight in weights)]


@pytest.mark.large
class TestTraced:
    @pytest.fixture(scope="class")
    def eager(self):
        return train()

    def compare(self, results, eager):
        assert eager[0][0] - eager[0][1] > 0.01
        for ours, expected in zip(results, eager, strict=True):
            np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("name", TRACED)
    def test_trains_as_eager_steps_do(self, eager, name):
        self.compare(train(run_eagerly=False, **TRACED[name]), eager)

    def test_two_replicas_train_as_one_device_does(self, eager, tmp_path):
        path = tmp_path / "results.npz"
        folder = pathlib.Path(__file__).parent
        program = textwrap.dedent(TWO_REPLICAS)
        folders = [str(folder), str(folder.parent)]  # This file's, tiny_bert's.
        result = subprocess.run(
            [sys.executable, "-c", program, str(path), *folders],
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        with np.load(path) as arrays:
            self.compare([arrays[name] for name in arrays.files], eager)
