"""Tests of tf_bert/training/checkpointing.py."""

import os
import tempfile

import keras
import numpy as np
import safetensors.numpy
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.training import checkpointing

PROGRESS = {"step": 3, "best": 0.1 + 0.2, "history": [{"loss": 1e-17}]}


def make_state(seed, shape=(3, 2)):
    """Weights, moments and step of a small training; all random."""
    rng = np.random.default_rng(seed)
    with keras.name_scope("dense"):
        kernel = keras.Variable(np.zeros(shape, np.float32), name="kernel")
    optimizer = AdamWeightDecay()
    optimizer.build([kernel])
    arrays = {kernel.path: kernel, **optimizer.moments()}
    for variable in arrays.values():
        variable.assign(rng.normal(size=shape))
    optimizer.iterations.assign(2**40 + seed)
    return arrays | {"iterations": optimizer.iterations}


def values(arrays):
    return {name: np.asarray(x.numpy()) for name, x in arrays.items()}


class CheckpointingTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "checkpoints", "state")

    def assert_same(self, actual, expected):
        self.assertEqual(actual.keys(), expected.keys())
        for name, value in expected.items():
            np.testing.assert_array_equal(actual[name], value, name)
            self.assertEqual(actual[name].dtype, value.dtype, name)

    def assert_refused(self, arrays, message):
        before = values(arrays)
        with self.assertRaisesRegex(ValueError, message):
            checkpointing.load_arrays(self.path, arrays)
        self.assert_same(values(arrays), before)

    def test_state_comes_back_bit_for_bit(self):
        saved, loaded = make_state(0), make_state(1)
        checkpointing.save_arrays(self.path, saved, PROGRESS)
        progress = checkpointing.load_arrays(self.path, loaded)
        self.assert_same(values(loaded), values(saved))
        self.assertEqual(progress, PROGRESS)

    def test_progress_may_be_left_out(self):
        checkpointing.save_arrays(self.path, make_state(0))
        self.assertEqual(
            checkpointing.load_arrays(self.path, make_state(0)), {}
        )

    def test_later_state_replaces_an_earlier_one(self):
        for seed in (0, 1):
            checkpointing.save_arrays(self.path, make_state(seed))
        loaded = make_state(2)
        checkpointing.load_arrays(self.path, loaded)
        self.assert_same(values(loaded), values(make_state(1)))
        self.assertEqual(os.listdir(os.path.dirname(self.path)), ["state"])

    def test_equal_states_are_equal_files(self):
        files = []
        for _ in range(2):
            checkpointing.save_arrays(self.path, make_state(0), PROGRESS)
            with open(self.path, "rb") as file:
                files.append(file.read())
        self.assertEqual(*files)

    def test_variables_of_tensorflow_are_saved_too(self):
        saved, loaded = tf.Variable([1.0, 2.0]), tf.Variable([0.0, 0.0])
        checkpointing.save_arrays(self.path, {"a": saved})
        checkpointing.load_arrays(self.path, {"a": loaded})
        np.testing.assert_array_equal(loaded.numpy(), [1.0, 2.0])

    @parameterized.parameters(0, 4, 8, 40, 0.5, -1)
    def test_truncated_file_is_refused(self, length):
        checkpointing.save_arrays(self.path, make_state(0), PROGRESS)
        with open(self.path, "rb") as file:
            data = file.read()
        if length == 0.5:
            length = len(data) // 2
        with open(self.path, "wb") as file:
            file.write(data[:length])
        self.assert_refused(
            make_state(1),
            rf"must be whole\. Received: {self.path} \(.*"
            "pass --overwrite_output_dir",
        )

    def test_other_file_is_refused(self):
        os.makedirs(os.path.dirname(self.path))
        with open(self.path, "wb") as file:
            file.write(b"not a state at all, but long enough to be one")
        self.assert_refused(make_state(1), "must be whole")

    def test_file_without_progress_is_refused(self):
        os.makedirs(os.path.dirname(self.path))
        arrays = make_state(0)
        safetensors.numpy.save_file(values(arrays), self.path)
        self.assert_refused(arrays, "must be whole")
        safetensors.numpy.save_file(values(arrays), self.path, {"a": "b"})
        self.assert_refused(arrays, "must be whole")

    def test_state_of_other_shapes_is_refused(self):
        checkpointing.save_arrays(self.path, make_state(0, shape=(2, 3)))
        self.assert_refused(
            make_state(1),
            rf"this model's variables\. Received: {self.path}, of another "
            r"model\. Pass --overwrite_output_dir",
        )

    @parameterized.parameters("missing", "unexpected", "renamed")
    def test_state_of_other_names_is_refused(self, change):
        saved, arrays = make_state(0), make_state(1)
        if change in ("missing", "renamed"):
            variable = saved.pop("m/dense/kernel")
        if change == "renamed":
            saved["m/dense/other"] = variable
        if change == "unexpected":
            saved["extra"] = tf.Variable(1.0)
        checkpointing.save_arrays(self.path, saved)
        self.assert_refused(arrays, "of another model")

    def test_missing_file_is_an_error(self):
        with self.assertRaisesRegex(FileNotFoundError, self.path):
            checkpointing.load_arrays(self.path, make_state(0))
