import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

import h5py
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
    def test_gives_shapes_and_arrays_by_normal_names(self):
        self.write({"encoder.x.gamma": ARRAY, "classifier.bias": ARRAY[0]})
        weights = formats.open_weights(self.folder)
        self.assertEqual(
            weights.shapes,
            {"bert.encoder.x.weight": (2, 3), "classifier.bias": (3,)},
        )
        np.testing.assert_array_equal(
            weights.read("bert.encoder.x.weight"), ARRAY
        )
        self.assertEndsWith(weights.file, "model.safetensors")
        self.assertEqual(
            weights.stored_name("classifier/kernel"),
            ("classifier.weight", True),
        )

    @parameterized.parameters(
        ("F16", np.float16), ("BF16", ml_dtypes.bfloat16), ("F64", np.float64)
    )
    def test_other_precisions_keep_their_values(self, name, dtype):
        array = ARRAY.astype(dtype)
        entry = {
            "dtype": name,
            "shape": [2, 3],
            "data_offsets": [0, array.nbytes],
        }
        header = json.dumps({"classifier.weight": entry}).encode()
        (self.folder / "model.safetensors").write_bytes(
            struct.pack("<Q", len(header)) + header + array.tobytes()
        )
        read = formats.open_weights(self.folder).read("classifier.weight")
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

    def test_shards_are_one_checkpoint(self):
        self.write({"bert.a.weight": ARRAY}, "one.safetensors")
        self.write({"bert.b.weight": 2 * ARRAY}, "two.safetensors")
        self.write_index(
            {
                "bert.a.weight": "one.safetensors",
                "bert.b.weight": "two.safetensors",
            }
        )
        weights = formats.open_weights(self.folder)
        self.assertEqual(
            set(weights.shapes), {"bert.a.weight", "bert.b.weight"}
        )
        np.testing.assert_array_equal(weights.read("bert.a.weight"), ARRAY)
        np.testing.assert_array_equal(weights.read("bert.b.weight"), 2 * ARRAY)
        self.assertEndsWith(weights.file, INDEX)

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
            rf"Received: .*model.safetensors \({size} bytes;.*fetch it again",
        ):
            formats.open_weights(self.folder)

    @parameterized.parameters(
        b"\xff" * 8, struct.pack("<Q", 40), struct.pack("<Q", 3)
    )
    def test_a_bad_header_is_named(self, start):
        path = self.write({"bert.a.weight": ARRAY})
        path.write_bytes(start + path.read_bytes()[8:])
        with self.assertRaisesRegex(
            ValueError, "must have a whole header.*Received: .*safetensors"
        ):
            formats.open_weights(self.folder)

    def test_a_header_that_claims_very_many_elements(self):
        entry = {
            "dtype": "F32",
            "shape": [10**9, 10**9],
            "data_offsets": [0, 4 * 10**18],
        }
        header = json.dumps({"bert.a.weight": entry}).encode()
        (self.folder / "model.safetensors").write_bytes(
            struct.pack("<Q", len(header)) + header + ARRAY.tobytes()
        )
        with self.assertRaisesRegex(ValueError, "whole header and all its"):
            formats.open_weights(self.folder)

    def test_a_type_that_is_no_weights_is_named(self):
        entry = {"dtype": "F8_E4M3", "shape": [24], "data_offsets": [0, 24]}
        header = json.dumps({"bert.a.weight": entry}).encode()
        (self.folder / "model.safetensors").write_bytes(
            struct.pack("<Q", len(header)) + header + ARRAY.tobytes()
        )
        with self.assertRaisesRegex(
            ValueError, "Received: bert.a.weight of type F8_E4M3 in .*safeten"
        ):
            formats.open_weights(self.folder)

    def test_bfloat16_needs_no_tensorflow(self):
        # NumPy knows the type once a module has told it.
        entry = {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}
        header = json.dumps({"bert.a.weight": entry}).encode()
        (self.folder / "model.safetensors").write_bytes(
            struct.pack("<Q", len(header)) + header + b"\x80?\0@"
        )
        code = (
            "from tf_bert.checkpoints import safetensors_format as format\n"
            f"weights = format.read(format.find({str(self.folder)!r}))\n"
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
            ValueError, f"x.gamma and x.weight, old and new .* in {path}"
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
    def test_gives_shapes_and_arrays_by_stored_names(self):
        self.write_tf1({"bert/pooler/dense/kernel": ARRAY, "global_step": 7})
        weights = formats.open_weights(self.folder)
        self.assertEqual(
            weights.shapes,
            {"bert/pooler/dense/kernel": (2, 3), "global_step": ()},
        )
        np.testing.assert_array_equal(
            weights.read("bert/pooler/dense/kernel"), ARRAY
        )
        self.assertEqual(
            weights.stored_name("classifier/kernel"), ("output_weights", True)
        )

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
            ValueError, "one TensorFlow checkpoint.*model.ckpt-1, model.ckpt-2"
        ):
            formats.open_weights(self.folder)

    def test_safetensors_go_before_tf1(self):
        self.write_tf1({"x": ARRAY})
        self.write({"classifier.bias": ARRAY})
        weights = formats.open_weights(self.folder)
        self.assertEndsWith(weights.file, "model.safetensors")

    def test_a_damaged_index_is_named(self):
        self.write_tf1({"x": ARRAY})
        (self.folder / "bert_model.ckpt.index").write_bytes(b"no index")
        with self.assertRaisesRegex(
            ValueError, "whole .index and .data.*Received: .*bert_model.ckpt"
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
            rf"as long as .*Received: x of shape \(2, 3\) in .*bert_model.ckpt"
            rf", with {num_bytes} bytes of data. Fetch",
        ):
            formats.open_weights(self.folder)

    def test_missing_data_is_named(self):
        self.write_tf1({"x": ARRAY})
        (self.folder / "bert_model.ckpt.data-00000-of-00001").unlink()
        with self.assertRaisesRegex(ValueError, "Received: .*bert_model.ckpt"):
            formats.open_weights(self.folder)


class OpenWeightsTest(WithFolder):
    def test_safetensors_go_before_h5_and_h5_before_tf1(self):
        """Where several lie side by side, they are the same model's."""
        with h5py.File(self.folder / "tf_model.h5", "w") as file:
            file["classifier/m/classifier/bias:0"] = ARRAY
        self.write_tf1({"x": ARRAY})
        weights = formats.open_weights(self.folder)
        self.assertEndsWith(weights.file, "tf_model.h5")
        self.write({"classifier.bias": ARRAY})
        weights = formats.open_weights(self.folder)
        self.assertEndsWith(weights.file, "model.safetensors")

    def test_a_folder_without_weights_is_described(self):
        (self.folder / "config.json").write_text("{}", encoding="utf-8")
        with self.assertRaisesRegex(
            FileNotFoundError, "Received: .* with config.json. Pass another"
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

    @parameterized.parameters("float16", "bfloat16", "float32")
    @pytest.mark.reference
    def test_what_pytorch_wrote_reads_as_its_float32_values(self, dtype):
        import safetensors.torch
        import torch

        torch.manual_seed(0)
        tensor = torch.randn(7, 5).to(getattr(torch, dtype))
        safetensors.torch.save_file(
            {"classifier.weight": tensor}, self.folder / "model.safetensors"
        )
        read = formats.open_weights(self.folder).read("classifier.weight")
        np.testing.assert_array_equal(
            read.astype(np.float32), tensor.float().numpy()
        )
