import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.checkpoints import formats, tf1_format

ROOT = pathlib.Path(__file__).parents[2]
FIXTURE = ROOT / "../shared/data/bert_ckpt_fixture"
ARRAY = np.array([[1.5, -2.25, 0.0], [1024.0, 0.0625, -0.5]], np.float32)
INDEX = "model.safetensors.index.json"


class WithFolder(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )

    def write(self, tensors, name="model.safetensors"):
        path = self.folder / name
        safetensors.numpy.save_file(tensors, path)
        return path

    def write_index(self, weight_map):
        text = json.dumps({"weight_map": weight_map})
        (self.folder / INDEX).write_text(text, encoding="utf-8")

    def write_tf1(self, tensors, name="bert_model.ckpt"):
        tf.raw_ops.SaveV2(
            prefix=str(self.folder / name),
            tensor_names=list(tensors),
            shape_and_slices=[""] * len(tensors),
            tensors=list(tensors.values()),
        )


class SafetensorsTest(WithFolder):
    def write_raw(self, data, **entry):
        """Writes a file with the header of one tensor, whatever it claims."""
        header = json.dumps({"bert.a.weight": entry}).encode()
        (self.folder / "model.safetensors").write_bytes(
            struct.pack("<Q", len(header)) + header + data
        )

    @parameterized.parameters(
        ("F16", np.float16), ("BF16", ml_dtypes.bfloat16), ("F64", np.float64)
    )
    def test_other_precisions_keep_their_values(self, name, dtype):
        array = ARRAY.astype(dtype)
        offsets = [0, array.nbytes]
        self.write_raw(
            array.tobytes(), dtype=name, shape=[2, 3], data_offsets=offsets
        )
        read = formats.open_weights(self.folder).read("bert.a.weight")
        np.testing.assert_array_equal(read.astype(np.float32), ARRAY)

    def test_names_of_transformers_4_in_tensorflow_are_known(self):
        """What `safe_serialization=True` wrote there."""
        self.write(
            {
                "bert/encoder/layer_._1/x/kernel:0": ARRAY,
                "classifier/bias:0": ARRAY[0],
            }
        )
        weights = formats.open_weights(self.folder)
        stored = weights.stored_name("bert/encoder/layer_1/x/kernel")
        self.assertFalse(stored.is_transposed)
        np.testing.assert_array_equal(weights.read(stored.name), ARRAY)
        self.assertIn("classifier/bias", weights.shapes)

    def test_a_missing_shard_is_named(self):
        self.write({"bert.a.weight": ARRAY}, "one.safetensors")
        self.write_index(
            {
                "bert.a.weight": "one.safetensors",
                "bert.b.weight": "two.safetensors",
            }
        )
        with self.assertRaisesRegex(
            FileNotFoundError, "is missing. Received: .*two.safetensors. Fetch"
        ):
            formats.open_weights(self.folder)

    def test_a_tensor_that_its_shard_lacks_is_named(self):
        self.write({"bert.a.weight": ARRAY}, "one.safetensors")
        self.write_index(
            {
                "bert.a.weight": "one.safetensors",
                "bert.b.weight": "one.safetensors",
            }
        )
        with self.assertRaisesRegex(ValueError, r"bert\.b\.weight"):
            formats.open_weights(self.folder)

    @parameterized.parameters(
        "{",
        "[]",
        "{}",
        '{"weight_map": {}}',
        '{"weight_map": ["one.safetensors"]}',
        '{"weight_map": {"bert.a.weight": 1}}',
        '{"weight_map": {"bert.a.weight": "../one.safetensors"}}',
        '{"weight_map": {"bert.a.weight": "/etc/passwd"}}',
        "[" * 100_000,
    )
    def test_a_bad_index_is_named(self, text):
        (self.folder / INDEX).write_text(text, encoding="utf-8")
        with self.assertRaisesRegex(
            ValueError, f"`weight_map` .*Received: .*{INDEX}.*Fetch"
        ):
            formats.open_weights(self.folder)

    @parameterized.parameters(0, 7, 40, -1)
    def test_a_truncated_file_is_named(self, num_bytes):
        path = self.write({"bert.a.weight": ARRAY})
        path.write_bytes(path.read_bytes()[:num_bytes])
        size = path.stat().st_size
        with self.assertRaisesRegex(
            ValueError,
            rf"Received: .*model.safetensors \({size} bytes;.*Fetch the check",
        ):
            formats.open_weights(self.folder)

    @parameterized.parameters(
        b"\xff" * 8, struct.pack("<Q", 40), struct.pack("<Q", 3)
    )
    def test_a_bad_header_is_named(self, start):
        path = self.write({"bert.a.weight": ARRAY})
        path.write_bytes(start + path.read_bytes()[8:])
        with self.assertRaisesRegex(
            ValueError, "damaged or incomplete. Received: .*safetensors"
        ):
            formats.open_weights(self.folder)

    def test_a_header_that_claims_very_many_elements(self):
        shape = [10**9, 10**9]
        offsets = [0, 4 * 10**18]
        self.write_raw(
            ARRAY.tobytes(), dtype="F32", shape=shape, data_offsets=offsets
        )
        with self.assertRaisesRegex(ValueError, "damaged or incomplete"):
            formats.open_weights(self.folder)

    def test_a_type_that_is_no_weights_is_named(self):
        self.write_raw(
            ARRAY.tobytes(), dtype="F8_E4M3", shape=[24], data_offsets=[0, 24]
        )
        with self.assertRaisesRegex(
            ValueError, "Received: bert.a.weight of type F8_E4M3 in .*safeten"
        ):
            formats.open_weights(self.folder)

    def test_bfloat16_needs_no_tensorflow(self):
        # NumPy knows the type once a module has told it.
        self.write_raw(
            b"\x80?\0@", dtype="BF16", shape=[2], data_offsets=[0, 4]
        )
        path = str(self.folder / "model.safetensors")
        code = (
            "from tf_bert.checkpoints import safetensors_format\n"
            f"weights = safetensors_format.read({path!r})\n"
            "print(weights.read('bert.a.weight').tolist())"
        )
        output = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        self.assertEqual(output, "[1.0, 2.0]\n")

    def test_old_and_new_name_of_one_tensor_are_refused(self):
        path = self.write({"x.gamma": ARRAY, "x.weight": ARRAY})
        with self.assertRaisesRegex(
            ValueError, f"twice, by its old.*: x.gamma and x.weight in {path}"
        ):
            formats.open_weights(self.folder)


class LinkTest(WithFolder):
    @parameterized.parameters("model.safetensors", "pytorch_model.bin", INDEX)
    def test_a_link_that_leads_nowhere_is_named(self, name):
        (self.folder / name).symlink_to(self.folder / "gone")
        with self.assertRaisesRegex(
            FileNotFoundError,
            f"symbolic link .*Received: .*{name} -> {self.folder}/gone. Rest",
        ):
            formats.open_weights(self.folder)

    def test_a_link_to_itself_is_named(self):
        path = self.folder / "model.safetensors"
        path.symlink_to(path)
        with self.assertRaisesRegex(FileNotFoundError, f"{path} -> {path}"):
            formats.open_weights(self.folder)

    def test_a_folder_is_no_file(self):
        (self.folder / "pytorch_model.bin").mkdir()
        with self.assertRaisesRegex(
            FileNotFoundError, "missing. Received: .*pytorch_model.bin"
        ):
            formats.open_weights(self.folder)


class Tf1Test(WithFolder):
    def test_a_checkpoint_of_another_name_is_found(self):
        self.write_tf1({"x": ARRAY}, "model.ckpt-120")
        self.assertEqual(
            tf1_format.find(self.folder), str(self.folder / "model.ckpt-120")
        )

    def test_bert_model_goes_before_others(self):
        self.write_tf1({"x": ARRAY}, "another")
        self.write_tf1({"x": ARRAY})
        self.assertEndsWith(tf1_format.find(self.folder), "bert_model.ckpt")

    def test_of_several_one_must_be_chosen(self):
        self.write_tf1({"x": ARRAY}, "model.ckpt-1")
        self.write_tf1({"x": ARRAY}, "model.ckpt-2")
        with self.assertRaisesRegex(
            ValueError, "several TensorFlow.*model.ckpt-1, model.ckpt-2"
        ):
            formats.open_weights(self.folder)

    def test_a_damaged_index_is_named(self):
        self.write_tf1({"x": ARRAY})
        (self.folder / "bert_model.ckpt.index").write_bytes(b"no index")
        with self.assertRaisesRegex(
            ValueError, "damaged or incomplete. Received: .*bert_model.ckpt"
        ):
            formats.open_weights(self.folder)

    @parameterized.named_parameters(
        ("truncated", lambda content: content[:30]),
        ("changed", lambda content: content[:30] + b"!" + content[31:]),
    )
    def test_damaged_data_names_the_tensor(self, damage):
        self.write_tf1({"x": ARRAY, "y": ARRAY})
        data = self.folder / "bert_model.ckpt.data-00000-of-00001"
        data.write_bytes(damage(data.read_bytes()))
        weights = formats.open_weights(self.folder)
        np.testing.assert_array_equal(weights.read("x"), ARRAY)
        with self.assertRaisesRegex(
            ValueError, "cannot be read. Received: y of .*bert_model.ckpt"
        ):
            weights.read("y")

    @parameterized.parameters(0, 10, 23)
    def test_an_index_that_claims_more_than_there_is(self, num_bytes):
        self.write_tf1({"x": ARRAY})
        data = self.folder / "bert_model.ckpt.data-00000-of-00001"
        data.write_bytes(data.read_bytes()[:num_bytes])
        with self.assertRaisesRegex(
            ValueError,
            r"shorter than .*Received: x of shape \(2, 3\) in .*bert_model.ckpt"
            rf", with {num_bytes} bytes of data. Fetch",
        ):
            formats.open_weights(self.folder)

    def test_missing_data_is_named(self):
        self.write_tf1({"x": ARRAY})
        (self.folder / "bert_model.ckpt.data-00000-of-00001").unlink()
        with self.assertRaisesRegex(ValueError, "Received: .*bert_model.ckpt"):
            formats.open_weights(self.folder)


class OpenWeightsTest(WithFolder):
    def test_a_folder_without_weights_is_described(self):
        (self.folder / "config.json").write_text("{}", encoding="utf-8")
        with self.assertRaisesRegex(
            FileNotFoundError, "Received: .* with config.json. Pass an --init"
        ):
            formats.open_weights(self.folder)

    def test_an_empty_folder_is_described(self):
        with self.assertRaisesRegex(FileNotFoundError, "with no file"):
            formats.open_weights(self.folder)


@pytest.mark.large
class RealFilesTest(WithFolder):
    def test_googles_checkpoint_reads_as_tensorflow_reads_it(self):
        weights = formats.open_weights(FIXTURE)
        reader = tf.train.load_checkpoint(str(FIXTURE / "bert_model.ckpt"))
        shapes = reader.get_variable_to_shape_map()
        self.assertEqual(
            weights.shapes, {name: tuple(s) for name, s in shapes.items()}
        )
        for name in shapes:
            np.testing.assert_array_equal(
                weights.read(name), reader.get_tensor(name)
            )
