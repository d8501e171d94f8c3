"""Tests of tf_bert/runs/state/checkpointing.py."""

import os

import keras
import numpy as np
import safetensors
import safetensors.numpy
import tensorflow as tf
from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.runs.state import checkpointing

METADATA = {"progress": '{"loss": 1e-17}', "best": ""}


def make_variables(seed, shape=(3, 2)):
    """Weights, moments and step of a small training; all random."""
    rng = np.random.default_rng(seed)
    with keras.name_scope("dense"):
        kernel = keras.Variable(np.zeros(shape, np.float32), name="kernel")
    optimizer = AdamWeightDecay()
    optimizer.build([kernel])
    variables = {kernel.path: kernel, **optimizer.moments()}
    for variable in variables.values():
        variable.assign(rng.normal(size=shape))
    optimizer.iterations.assign(2**40 + seed)
    return variables | {"iterations": optimizer.iterations}


def values(variables):
    return {name: np.asarray(x.numpy()) for name, x in variables.items()}


class CheckpointingTest(WithFolder):
    def write(self, variables):
        """Returns the path of the file."""
        arrays = checkpointing.snapshot(variables)
        name = checkpointing.write(str(self.folder), "a", arrays, METADATA)
        return self.folder / name

    def assert_same(self, actual, expected):
        self.assertEqual(actual.keys(), expected.keys())
        for name, value in expected.items():
            np.testing.assert_array_equal(actual[name], value, name)
            self.assertEqual(actual[name].dtype, value.dtype, name)

    def test_variables_come_back_bit_for_bit(self):
        saved, loaded = make_variables(0), make_variables(1)
        path = str(self.write(saved))
        arrays, metadata = checkpointing.read(path)
        checkpointing.assign(loaded, arrays, path=path)
        self.assert_same(values(loaded), values(saved))
        self.assertEqual(metadata, METADATA)

    def test_a_snapshot_stays_when_the_variable_changes(self):
        variables = make_variables(0)
        copies = checkpointing.snapshot(variables)
        before = values(variables)
        for variable in variables.values():
            variable.assign_add(tf.ones_like(variable.value))
        self.assert_same(copies, before)

    def test_others_can_read_the_file(self):
        """A scalar, no element and another order in memory among them."""
        arrays = {
            "b": np.asfortranarray(
                np.arange(6, dtype=np.float32).reshape(2, 3)
            ),
            "a": np.zeros((0, 3), np.float64),
            "é": np.array(2**40),
            "d": np.array([-1], np.int32),
        }
        name = checkpointing.write(str(self.folder), "x_1", arrays, METADATA)
        self.assertRegex(name, r"^x_1\.[0-9a-f]{8}\.safetensors$")
        path = os.path.join(self.folder, name)
        self.assert_same(safetensors.numpy.load_file(path), arrays)
        with safetensors.safe_open(path, "np") as file:
            self.assertEqual(file.metadata(), METADATA)

    def test_a_file_is_named_by_all_of_its_content(self):
        variables = make_variables(0)
        names = {self.write(variables).name for _ in range(2)}
        self.assertLen(names, 1)
        variables["iterations"].assign_add(1)
        names.add(self.write(variables).name)
        arrays = checkpointing.snapshot(variables)
        names.add(checkpointing.write(str(self.folder), "a", arrays, {}))
        self.assertLen(names, 3)
        self.assertCountEqual(os.listdir(self.folder), names)

    def test_what_is_not_as_it_was_written_is_damaged(self):
        path = self.write(make_variables(0))
        whole = path.read_bytes()
        cut = [whole[:length] for length in (0, 4, 40, -10, -1)]
        flipped = [bytearray(whole) for _ in range(3)]
        for data, place in zip(flipped, (0, 20, -1), strict=True):
            data[place] ^= 1
        for data in (*cut, *flipped):
            path.write_bytes(data)
            with self.assertRaisesRegex(
                checkpointing.DamagedFile, f"^{path} is damaged$"
            ):
                checkpointing.read(str(path))
        path.write_bytes(whole)
        other = path.rename(path.with_name("a.safetensors"))
        with self.assertRaisesRegex(checkpointing.DamagedFile, "is damaged"):
            checkpointing.read(str(other))
        with self.assertRaisesRegex(checkpointing.DamagedFile, "is missing"):
            checkpointing.read(str(path))

    @parameterized.parameters("missing", "unexpected", "renamed", "reshaped")
    def test_other_variables_are_refused(self, change):
        saved, variables = make_variables(0), make_variables(1)
        if change in ("missing", "renamed"):
            variable = saved.pop("m/dense/kernel")
        if change == "renamed":
            saved["m/dense/other"] = variable
        if change == "reshaped":
            saved = make_variables(0, shape=(2, 3))
        if change == "unexpected":
            saved["extra"] = tf.Variable(1.0)
        path = self.write(saved)
        arrays, _ = checkpointing.read(str(path))
        before = values(variables)
        with self.assertRaisesRegex(
            ValueError,
            rf"of another model\. Received: {path}, with other variables\. "
            "Pass --overwrite_output_dir",
        ):
            checkpointing.assign(variables, arrays, path=str(path))
        self.assert_same(values(variables), before)
