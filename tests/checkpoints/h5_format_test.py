"""Tests of tf_bert/checkpoints/h5_format.py.

`transformers_4` holds what transformers 4.57.6 wrote, by
benchmarks/write_tf_model_h5.py; a test in tests/transformers4_test.py runs
that script again.
"""

import pathlib
import shutil
import tempfile

import h5py
import numpy as np
from absl.testing import parameterized

from tf_bert.checkpoints import formats
from tf_bert.models.bert_model import TFBertModel
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)

WRITTEN = pathlib.Path(__file__).parent / "transformers_4"
INPUT_IDS = np.array([[2, 5, 6, 3], [2, 7, 3, 0]])
SHARD = "tf_model-00002-of-00002.h5"
INDEX = "tf_model.h5.index.json"
WORDS = "bert/embeddings/word_embeddings/weight"


class TransformersFilesTest(parameterized.TestCase):
    @parameterized.parameters("whole", "sharded")
    def test_a_classifier_says_what_it_said_in_transformers_4(self, name):
        model, info = TFBertForSequenceClassification.from_pretrained(
            str(WRITTEN / name), output_loading_info=True
        )
        for kind, names in info.items():
            self.assertEmpty(names, kind)
        expected = np.load(WRITTEN / "logits.npy")
        self.assertGreater(abs(expected).max(), 1)
        np.testing.assert_allclose(
            model(INPUT_IDS).logits, expected, rtol=0, atol=1e-5
        )

    def test_a_bare_model_leaves_the_head_out(self):
        _, info = TFBertModel.from_pretrained(
            str(WRITTEN / "sharded"), output_loading_info=True
        )
        self.assertEmpty(info["missing_keys"])
        self.assertEqual(
            info["unexpected_keys"], ["classifier/bias", "classifier/kernel"]
        )


class WithCopy(parameterized.TestCase):
    """Copies of the files, to damage."""

    def setUp(self):
        super().setUp()
        parent = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.folder = shutil.copytree(WRITTEN, parent / "copy")
        self.whole = self.folder / "whole" / "tf_model.h5"
        self.index = self.folder / "sharded" / INDEX

    def open(self, name="whole"):
        return formats.open_weights(str(self.folder / name))

    def replace(self, **arguments):
        """Writes the word embeddings anew, in some other way."""
        with h5py.File(self.whole, "r+") as file:
            group = file["bert/tf_bert_for_sequence_classification/bert"]
            group = group["embeddings/word_embeddings"]
            del group["weight:0"]
            group.create_dataset("weight:0", **arguments)

    def assert_unreadable(self, message):
        weights = self.open()
        self.assertIn(WORDS, weights.shapes)
        with self.assertRaisesRegex(
            ValueError,
            f"in one piece.*Received: bert/tf_bert.*{message}.*Fetch the",
        ):
            weights.read(WORDS)


class NamesTest(WithCopy):
    def test_the_name_of_the_model_does_not_matter(self):
        with h5py.File(self.whole, "r+") as file:
            for layer in ("bert", "classifier"):
                group = file[layer]
                group.move("tf_bert_for_sequence_classification", "mine_7")
        model, info = TFBertForSequenceClassification.from_pretrained(
            str(self.whole.parent), output_loading_info=True
        )
        self.assertEmpty(info["missing_keys"])
        np.testing.assert_allclose(
            model(INPUT_IDS).logits, np.load(WRITTEN / "logits.npy"), atol=1e-5
        )

    def test_a_tensor_that_is_there_twice_is_named(self):
        with h5py.File(self.whole, "r+") as file:
            file.copy(
                "classifier/tf_bert_for_sequence_classification",
                file["classifier"],
                name="another",
            )
        with self.assertRaisesRegex(
            ValueError, "classifier/bias is there twice"
        ):
            self.open()

    def test_links_to_other_files_are_not_followed(self):
        with h5py.File(self.whole, "r+") as file:
            group = file["classifier/tf_bert_for_sequence_classification"]
            del group["classifier/bias:0"]
            group["classifier/bias:0"] = h5py.ExternalLink("other.h5", "/x")
        self.assertNotIn("classifier/bias", self.open().shapes)


class DamageTest(WithCopy):
    @parameterized.parameters(0, 7, 100, 5000, -1)
    def test_a_truncated_file_is_named(self, num_bytes):
        self.whole.write_bytes(self.whole.read_bytes()[:num_bytes])
        size = self.whole.stat().st_size
        with self.assertRaisesRegex(
            ValueError,
            "HDF5 file is damaged or incomplete. Received: "
            rf".*whole/tf_model.h5 \({size} bytes;.*Fetch the checkpoint",
        ):
            self.open()

    def test_changed_bytes_are_a_sentence_or_still_a_file(self):
        content = self.whole.read_bytes()
        rng = np.random.default_rng(0)
        num_refused = 0
        for _ in range(20):
            damaged = bytearray(content)
            for position in rng.integers(20_000, size=4):
                damaged[position] = rng.integers(256)
            self.whole.write_bytes(damaged)
            try:
                weights = self.open()
                for name in weights.shapes:
                    weights.read(name)
            except ValueError as error:
                self.assertIn("Received: ", str(error))
                num_refused += 1
        self.assertGreater(num_refused, 2)

    def test_a_tensor_that_its_shard_lacks_is_named(self):
        with h5py.File(self.index.parent / SHARD, "r+") as file:
            del file["classifier/bias:0"]
        with self.assertRaisesRegex(
            ValueError,
            f"No shard .*a tensor that its index.*{INDEX} with .*classifier/bi",
        ):
            self.open("sharded")


class BoundedMemoryTest(WithCopy):
    """What would need more memory than the file has bytes is refused first."""

    def test_data_that_was_never_written(self):
        # HDF5 would make up 4 * 10^18 bytes of zeros.
        self.replace(shape=(10**9, 10**9), dtype="f4")
        self.assert_unreadable(
            "takes 4000000000000000000 bytes, of which 0 are there"
        )

    def test_a_small_tensor_in_a_large_chunk(self):
        self.replace(
            data=np.zeros((20, 4), np.float32),
            chunks=(300, 300),
            maxshape=(None, None),
            compression=9,
        )
        self.assert_unreadable("chunked, compressed or virtual")

    def test_data_in_another_file(self):
        path = self.folder / "secret"
        path.write_bytes(bytes(20 * 4 * 4))
        self.replace(shape=(20, 4), dtype="f4", external=str(path))
        self.assert_unreadable("its data lies in another file")

    @parameterized.parameters("i4", "S4", h5py.string_dtype())
    def test_a_type_that_is_no_float(self, dtype):
        self.replace(shape=(20, 4), dtype=dtype)
        self.assert_unreadable("its type is ")

    @parameterized.parameters("f2", "f8")
    def test_other_precisions_keep_their_values(self, dtype):
        values = np.arange(80).reshape(20, 4).astype(dtype)
        self.replace(data=values)
        np.testing.assert_array_equal(self.open().read(WORDS), values)
