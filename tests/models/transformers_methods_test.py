"""Tests of tf_bert/models/transformers_methods.py.

What transformers 4 does with the same is in tests/transformers4_test.py.
"""

import pathlib
import tempfile

import numpy as np
import pytest
import tensorflow as tf
import tiny_bert
from absl.testing import parameterized

from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)

IDS = np.array([[2, 5, 6, 3], [2, 7, 3, 0]])
WORDS = "bert/embeddings/word_embeddings/embeddings"


class ResizeTest(parameterized.TestCase):
    @parameterized.parameters(23, 8)
    def test_words_are_added_or_removed_at_the_end(self, size):
        model, same = tiny_bert.tiny_classifier(), tiny_bert.tiny_classifier()
        before = model(IDS).logits.numpy()
        layer = model.resize_token_embeddings(size)
        self.assertIs(layer, model.get_input_embeddings())
        self.assertEqual(layer.weight.shape, (size, 8))
        self.assertEqual(model.config.vocab_size, size)
        np.testing.assert_array_equal(model(IDS).logits, before)

        # Every weight has the place that it had, and nothing else is there.
        old, new = tiny_bert.values(same), tiny_bert.values(model)
        self.assertEqual(list(new), list(old))
        self.assertLen(model.weights, len(same.weights))
        self.assertEqual(
            [variable.path for variable in model.trainable_variables],
            list(old),
        )
        kept = min(size, 20)
        np.testing.assert_array_equal(new[WORDS][:kept], old[WORDS][:kept])
        if size > 20:
            self.assertBetween(new[WORDS][20:].std(), 0.01, 0.03)

    def test_a_model_with_new_words_trains_predicts_and_is_saved(self):
        model = tiny_bert.tiny_classifier()
        model.compile("sgd")
        model.fit(IDS, np.array([0, 1]), verbose=0)
        model.predict(IDS, verbose=0)
        model.resize_token_embeddings(30)
        ids = np.array([[2, 29, 3]])
        # The functions that were traced before know no word 29.
        np.testing.assert_allclose(
            model.predict(ids, verbose=0).logits, model(ids).logits, atol=1e-6
        )
        model.compile("sgd")
        before = tiny_bert.values(model)[WORDS]
        model.fit(ids, np.array([1]), verbose=0)
        after = tiny_bert.values(model)[WORDS]
        self.assertGreater(abs(after - before)[29].max(), 0)

        folder = self.enterContext(tempfile.TemporaryDirectory())
        model.save_pretrained(folder)
        loaded = TFBertForSequenceClassification.from_pretrained(folder)
        np.testing.assert_array_equal(loaded(ids).logits, model(ids).logits)

    def test_none_and_the_size_that_it_has_change_nothing(self):
        model = tiny_bert.tiny_classifier()
        table = model.get_input_embeddings().weight
        for size in (None, 20):
            self.assertIs(model.resize_token_embeddings(size).weight, table)

    def test_a_size_below_one_is_refused(self):
        with self.assertRaisesRegex(ValueError, "new_num_tokens=0. Pass len"):
            tiny_bert.tiny_classifier().resize_token_embeddings(0)


class SaveWeightsTest(parameterized.TestCase):
    @parameterized.parameters("w", "w.h5", "w.weights.h5", pathlib.Path("w"))
    def test_what_was_saved_is_loaded_by_the_same_name(self, name):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        first, second = (tiny_bert.tiny_classifier(seed) for seed in (0, 1))
        first.save_weights(folder / name)
        self.assertEqual([p.name for p in folder.iterdir()], ["w.weights.h5"])
        second.load_weights(str(folder / name))
        np.testing.assert_array_equal(second(IDS).logits, first(IDS).logits)

    def test_shards_are_keras_s(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        first, second = (tiny_bert.tiny_classifier(seed) for seed in (0, 1))
        first.save_weights(f"{folder}/w.weights.json", max_shard_size=1)
        second.load_weights(f"{folder}/w.weights.json")
        np.testing.assert_array_equal(second(IDS).logits, first(IDS).logits)

    def test_a_file_that_is_not_there_is_named(self):
        with pytest.raises((ValueError, OSError), match="nothing"):
            tiny_bert.tiny_classifier().load_weights("nothing")


class RestTest(parameterized.TestCase):
    def test_a_model_is_made_of_a_configuration(self):
        config = tiny_bert.tiny_config()
        model = TFBertForSequenceClassification.from_config(config, seed=0)
        np.testing.assert_array_equal(
            model(IDS).logits, tiny_bert.tiny_classifier()(IDS).logits
        )

    def test_only_a_dataset_of_datasets_is_prepared(self):
        model = tiny_bert.tiny_classifier()
        with self.assertRaisesRegex(TypeError, "Received: dataset=a dict. "):
            model.prepare_tf_dataset({"input_ids": IDS})

    def test_dummy_inputs_are_a_batch(self):
        model = tiny_bert.tiny_classifier()
        inputs = model.dummy_inputs
        self.assertEqual({x.dtype for x in inputs.values()}, {tf.int32})
        self.assertEqual(model(inputs).logits.shape, (1, 3))
