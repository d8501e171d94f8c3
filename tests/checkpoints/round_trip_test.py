"""Every format gives the same arrays, and what is saved again has them too.

A new format is a row of `WRITERS`.
"""

import json
import pathlib
import tempfile

import h5py
import keras
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
import torch_files
import transformers
from absl.testing import parameterized

from tf_bert.checkpoints import formats, names, save

SHAPES = {
    "bert/embeddings/word_embeddings/embeddings": (7, 4),
    "bert/embeddings/LayerNorm/gamma": (4,),
    "bert/embeddings/LayerNorm/beta": (4,),
    "bert/encoder/layer_0/intermediate/dense/kernel": (4, 6),
    "bert/encoder/layer_0/intermediate/dense/bias": (6,),
    "classifier/kernel": (4, 3),
    "classifier/bias": (3,),
}


def arrays_in(name_of, arrays):
    """Returns arrays by the names of a format, transposed where it wants."""
    stored = {}
    for path, array in arrays.items():
        name, is_transposed = name_of(path)
        array = array.T if is_transposed else array
        stored[name] = np.ascontiguousarray(array)
    return stored


def write_shards(folder, arrays, write, whole):
    """Writes two files and their index, as Hugging Face's tools do."""
    stem, ending = whole.split(".")
    arrays = arrays_in(names.torch_name, arrays)
    weight_map = {
        name: f"{stem}-0000{1 + i % 2}-of-00002.{ending}"
        for i, name in enumerate(arrays)
    }
    for file in sorted(set(weight_map.values())):
        part = {n: a for n, a in arrays.items() if weight_map[n] == file}
        write(folder / file, part)
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (folder / f"{whole}.index.json").write_text(json.dumps(index))


def write_safetensors(path, arrays):
    safetensors.numpy.save_file(arrays, path)


def write_zip(path, arrays):
    torch_files.write_arrays(path, arrays, is_zip=True)


def write_stream(path, arrays):
    torch_files.write_arrays(path, arrays, is_zip=False)


def write_tf1(folder, arrays):
    tensors = arrays_in(names.tf1_name, arrays)
    tf.raw_ops.SaveV2(
        prefix=str(folder / "bert_model.ckpt"),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=list(tensors.values()),
    )


def write_h5(folder, arrays):
    with h5py.File(folder / "tf_model.h5", "w") as file:
        for name, array in arrays_in(names.h5_name, arrays).items():
            file[f"{name.split('/')[0]}/my_model/{name}:0"] = array


def write_h5_shards(folder, arrays):
    weight_map = {}
    for i, (name, array) in enumerate(arrays_in(names.h5_name, arrays).items()):
        shard = f"tf_model-0000{1 + i % 2}-of-00002.h5"
        with h5py.File(folder / shard, "a") as file:
            file[f"{name}:0"] = array
        weight_map[f"my_model/{name}:0"] = shard
    index = folder / "tf_model.h5.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))


def whole(write, file):
    return lambda folder, arrays: write(
        folder / file, arrays_in(names.torch_name, arrays)
    )


def sharded(write, file):
    return lambda folder, arrays: write_shards(folder, arrays, write, file)


WRITERS = {
    "safetensors": whole(write_safetensors, "model.safetensors"),
    "safetensors_sharded": sharded(write_safetensors, "model.safetensors"),
    "bin_zip": whole(write_zip, "pytorch_model.bin"),
    "bin_zip_sharded": sharded(write_zip, "pytorch_model.bin"),
    "bin_stream": whole(write_stream, "pytorch_model.bin"),
    "bin_stream_sharded": sharded(write_stream, "pytorch_model.bin"),
    "h5": write_h5,
    "h5_sharded": write_h5_shards,
    "tf1": write_tf1,
}
# The one that is read where a folder holds several.
PREFERRED = ("safetensors", "safetensors_sharded", "bin_zip", "h5", "tf1")


class WithFolder(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )
        rng = np.random.default_rng(0)
        self.arrays = {
            path: rng.normal(size=shape).astype(np.float32)
            for path, shape in SHAPES.items()
        }

    def read(self):
        weights = formats.open_weights(str(self.folder))
        read = {}
        for path in self.arrays:
            name, is_transposed = weights.stored_name(path)
            array = weights.read(name)
            self.assertEqual(weights.shapes[name], array.shape)
            read[path] = array.T if is_transposed else array
        return read

    def assert_read(self):
        for path, array in self.read().items():
            np.testing.assert_array_equal(array, self.arrays[path], path)


class RoundTripTest(WithFolder):
    @parameterized.parameters(*WRITERS)
    def test_the_same_arrays_come_back_and_are_saved_again(self, name):
        WRITERS[name](self.folder, self.arrays)
        self.assert_read()
        self.replace_by_links()
        self.assert_read()
        variables = {
            path: keras.Variable(array) for path, array in self.read().items()
        }
        self.folder = self.folder / "saved"
        save.save_model(
            str(self.folder),
            weights=variables,
            config=transformers.BertConfig(),
            architecture="BertForSequenceClassification",
        )
        self.assert_read()

    def replace_by_links(self):
        """Makes symbolic links of all files, as the hub's client keeps them."""
        links = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for i, file in enumerate(sorted(self.folder.iterdir())):
            blob = self.folder / f"blob{i}"
            file.rename(blob)
            (links / file.name).symlink_to(blob)
        self.folder = links

    @parameterized.parameters(*zip(PREFERRED, PREFERRED[1:], strict=False))
    def test_the_better_format_is_read(self, better, worse):
        WRITERS[better](self.folder, self.arrays)
        zeros = {path: 0 * array for path, array in self.arrays.items()}
        WRITERS[worse](self.folder, zeros)
        self.assert_read()


@pytest.mark.large
@pytest.mark.reference
class TorchTest(WithFolder):
    @parameterized.product(
        is_zip=(True, False), dtype=("float32", "float16", "bfloat16")
    )
    def test_shards_that_torch_wrote_come_back(self, is_zip, dtype):
        import torch

        def write(path, arrays):
            torch.save(
                {
                    name: torch.from_numpy(array).to(getattr(torch, dtype))
                    for name, array in arrays.items()
                },
                path,
                _use_new_zipfile_serialization=is_zip,
            )

        write_shards(self.folder, self.arrays, write, "pytorch_model.bin")
        for path, array in self.read().items():
            expected = torch.from_numpy(self.arrays[path])
            expected = expected.to(getattr(torch, dtype)).float().numpy()
            np.testing.assert_array_equal(array, expected)
