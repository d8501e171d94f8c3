import json
import pathlib
import tempfile

import keras
import numpy as np
import safetensors
import transformers
from absl.testing import parameterized

from tf_bert.checkpoints import save

KERNEL = np.arange(6, dtype=np.float32).reshape(2, 3)


class SaveTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        parent = self.enterContext(tempfile.TemporaryDirectory())
        self.folder = pathlib.Path(parent) / "new" / "model"

    def save(self, **fields):
        kernel = keras.Variable(KERNEL)
        bias = keras.Variable([1.0, 2.0, 3.0])
        table = keras.Variable(KERNEL + 1)
        save.save_model(
            str(self.folder),
            weights={
                "classifier/kernel": kernel,
                "classifier/bias": bias,
                "bert/embeddings/word_embeddings/embeddings": table,
            },
            config=transformers.BertConfig(**fields),
            architecture="BertForSequenceClassification",
        )

    def read(self):
        path = self.folder / "model.safetensors"
        with safetensors.safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            return tensors, file.metadata()

    def test_tensors_have_pytorchs_names_and_layout(self):
        self.save()
        tensors, metadata = self.read()
        expected = {
            "classifier.weight": KERNEL.T,
            "classifier.bias": [1, 2, 3],
            "bert.embeddings.word_embeddings.weight": KERNEL + 1,
        }
        self.assertEqual(set(tensors), set(expected))
        for name, array in expected.items():
            self.assertEqual(tensors[name].dtype, np.float32)
            np.testing.assert_array_equal(tensors[name], array)
        # Hugging Face's programs refuse a file without it.
        self.assertEqual(metadata, {"format": "pt"})

    def test_the_configuration_names_model_and_class(self):
        self.save(id2label={0: "no", 1: "yes"}, hidden_act="relu")
        text = (self.folder / "config.json").read_text(encoding="utf-8")
        fields = json.loads(text)
        self.assertEqual(fields["model_type"], "bert")
        self.assertEqual(
            fields["architectures"], ["BertForSequenceClassification"]
        )
        self.assertEqual(fields["dtype"], "float32")
        self.assertEqual(fields["id2label"], {"0": "no", "1": "yes"})
        self.assertEqual(fields["hidden_act"], "relu")

    def test_saved_again_the_two_files_are_equal_byte_for_byte(self):
        contents = []
        for _ in range(2):
            self.save()
            contents.append(
                {path.name: path.read_bytes() for path in self.folder.iterdir()}
            )
        self.assertEqual(contents[0], contents[1])
        self.assertEqual(set(contents[0]), {"config.json", "model.safetensors"})
