import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_bert
import transformers
from absl.testing import parameterized

from tf_bert.checkpoints.fetch import resolve
from tf_bert.data.tokens import tokenizer_files
from tf_bert.models import pretrained
from tf_bert.models.bert_model import TFBertModel
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)

IDS = np.array([[2, 5, 6, 3], [2, 7, 3, 0]])


values = tiny_bert.values


class WithFolder(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def load(self, cls=TFBertForSequenceClassification, **arguments):
        return cls.from_pretrained(self.folder, **arguments)


class ConstructorTest(parameterized.TestCase):
    def test_two_models_have_the_same_variable_paths(self):
        first, second = (tiny_bert.tiny_classifier() for _ in range(2))
        self.assertEqual(list(values(first)), list(values(second)))
        self.assertLen(values(first), 5 + 2 * 16 + 2 + 2)
        self.assertIn("bert/encoder/layer_1/output/dense/kernel", values(first))
        # And the optimizer sees no other variables than those.
        self.assertEqual(
            [variable.path for variable in first.trainable_variables],
            list(values(first)),
        )

    def test_without_a_seed_the_global_one_decides(self):
        kernels = []
        for seed in (1, 1, 2):
            keras.utils.set_random_seed(seed)
            kernels.append(
                values(tiny_bert.tiny_classifier(seed=None))[
                    "classifier/kernel"
                ]
            )
        np.testing.assert_array_equal(kernels[0], kernels[1])
        self.assertGreater(abs(kernels[0] - kernels[2]).max(), 0)

    @parameterized.parameters(
        ("position_embedding_type", "relative_key"),
        ("position_embedding_type", "relative_key_query"),
        ("is_decoder", True),
        ("add_cross_attention", True),
        ("problem_type", "multi_label_classification"),
    )
    def test_refuses_what_is_no_plain_encoder(self, field, value):
        with self.assertRaisesRegex(
            ValueError, f"plain BERT encoder.*Received: {field}={value!r}"
        ):
            tiny_bert.tiny_classifier(**{field: value})

    def test_refuses_another_model_type(self):
        with self.assertRaisesRegex(ValueError, "model_type='roberta'"):
            TFBertModel(transformers.RobertaConfig(), seed=0)

    @parameterized.parameters(
        ({"hidden_act": "gelu_fast"}, "hidden_act='gelu_fast'"),
        ({"num_attention_heads": 3}, "hidden_size=8, num_attention_heads=3"),
    )
    def test_refuses_what_it_cannot_compute(self, changes, message):
        with self.assertRaisesRegex(ValueError, message):
            tiny_bert.tiny_classifier(**changes)


class InputsTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"token_types": IDS}, "Received: token_types"),
        ({"head_mask": np.ones((2, 2))}, "Received: head_mask"),
    )
    def test_an_unknown_input_is_refused_by_name(self, extra, message):
        model = tiny_bert.tiny_classifier()
        with self.assertRaisesRegex(
            ValueError, f"does not know .*{message}. Remove it: .* input_ids,"
        ):
            model({"input_ids": IDS, **extra})
        if "head_mask" in extra:
            with self.assertRaisesRegex(ValueError, message):
                model(IDS, **extra)

    @parameterized.parameters(
        {"attention_mask": IDS},
        {"input_ids": IDS, "inputs_embeds": np.ones((2, 4, 8))},
    )
    def test_either_ids_or_embeddings_are_needed(self, **inputs):
        with self.assertRaisesRegex(
            ValueError, "one of the two. Received: .*" + sorted(inputs)[-1]
        ):
            tiny_bert.tiny_classifier()(**inputs)

    def test_unpacked_inputs_become_rows_of_one_example(self):
        packed = pretrained.packed_inputs(
            {"input_ids": IDS, "attention_mask": np.int64(IDS > 0)}
        )
        np.testing.assert_array_equal(packed["example_ids"], IDS > 0)
        np.testing.assert_array_equal(packed["cls_positions"], [0, 4])
        np.testing.assert_array_equal(
            packed["position_ids"], [[0, 1, 2, 3]] * 2
        )
        np.testing.assert_array_equal(packed["token_type_ids"], 0 * IDS)

    @parameterized.parameters(np.int64, np.float32, bool)
    def test_the_first_real_token_is_pooled_and_has_position_0(self, dtype):
        mask = np.array([[0, 0, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0]])
        packed = pretrained.packed_inputs(
            {"input_ids": 7 * mask, "attention_mask": mask.astype(dtype)}
        )
        np.testing.assert_array_equal(packed["example_ids"], mask)
        np.testing.assert_array_equal(packed["cls_positions"], [2, 4, 8])
        np.testing.assert_array_equal(
            packed["position_ids"], [[0, 0, 0, 1], [0, 1, 2, 3], [0, 1, 2, 3]]
        )

    def test_packed_inputs_stay_as_they_are(self):
        inputs = {
            "input_ids": IDS,
            "token_type_ids": IDS % 2,
            "position_ids": IDS % 3,
            "example_ids": IDS % 4,
            "cls_positions": np.array([0, 5, 6]),
        }
        packed = pretrained.packed_inputs(inputs)
        np.testing.assert_array_equal(packed.pop("words"), IDS)
        for name, array in packed.items():
            np.testing.assert_array_equal(array, inputs[name])

    def test_an_argument_and_a_dictionary_are_merged(self):
        merged = pretrained.merge_inputs(
            {"input_ids": 1, "attention_mask": None}, {"token_type_ids": 2}
        )
        self.assertEqual(merged, {"input_ids": 1, "token_type_ids": 2})


class FromPretrainedTest(WithFolder):
    def test_a_round_trip_keeps_every_bit(self):
        model = tiny_bert.tiny_classifier()
        model.save_pretrained(self.folder)
        loaded, info = self.load(seed=1, output_loading_info=True, from_pt=True)
        self.assertEqual(
            info,
            {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": []},
        )
        self.assertEqual(list(values(loaded)), list(values(model)))
        for path, array in values(model).items():
            np.testing.assert_array_equal(values(loaded)[path], array)
        np.testing.assert_array_equal(loaded(IDS).logits, model(IDS).logits)

    def test_another_number_of_labels_replaces_the_classifier(self):
        tiny_bert.tiny_classifier().save_pretrained(self.folder)
        with self.assertLogs("absl", "INFO") as logs:
            model, info = self.load(
                num_labels=5, seed=4, output_loading_info=True
            )
        head = ["classifier/kernel", "classifier/bias"]
        self.assertEqual(info["mismatched_keys"], head)
        self.assertIn("another number of labels", "".join(logs.output))
        self.assertEqual(model(IDS).logits.shape, (2, 5))
        new = tiny_bert.tiny_classifier(num_labels=5, seed=4)
        np.testing.assert_array_equal(
            values(model)[head[0]], values(new)[head[0]]
        )

    def test_a_classifier_starts_from_a_bare_model(self):
        bare = TFBertModel(tiny_bert.tiny_config(), seed=0)
        bare.save_pretrained(self.folder)
        model, info = self.load(seed=1, output_loading_info=True)
        self.assertEqual(
            info["missing_keys"], ["classifier/kernel", "classifier/bias"]
        )
        np.testing.assert_array_equal(
            model(IDS, output_hidden_states=True).hidden_states[-1],
            bare(IDS).last_hidden_state,
        )

    def test_a_bare_model_reports_the_unused_head(self):
        tiny_bert.tiny_classifier().save_pretrained(self.folder)
        _, info = self.load(TFBertModel, output_loading_info=True)
        self.assertEqual(
            info["unexpected_keys"], ["classifier.bias", "classifier.weight"]
        )

    def test_fields_of_the_configuration_can_be_changed(self):
        tiny_bert.tiny_classifier().save_pretrained(self.folder)
        model = self.load(hidden_dropout_prob=0.0, classifier_dropout=0.3)
        self.assertEqual(model.config.hidden_dropout_prob, 0.0)
        self.assertEqual(model.classifier_dropout, 0.3)

    @parameterized.parameters(
        ("hidden_size", 10**9), ("num_hidden_layers", 10**9)
    )
    def test_a_size_that_the_weights_do_not_have_is_refused(self, name, value):
        tiny_bert.tiny_classifier().save_pretrained(self.folder)
        with self.assertRaisesRegex(
            ValueError, f"belongs to other weights: `{name}` differs"
        ):
            self.load(config=tiny_bert.tiny_config(**{name: value}))

    def test_fewer_layers_than_there_are_may_be_asked_for(self):
        model = tiny_bert.tiny_classifier()
        model.save_pretrained(self.folder)
        loaded = self.load(num_hidden_layers=1)
        self.assertLess(len(values(loaded)), len(values(model)))
        for path, array in values(loaded).items():
            np.testing.assert_array_equal(array, values(model)[path], path)

    def test_an_unknown_field_is_refused(self):
        tiny_bert.tiny_classifier().save_pretrained(self.folder)
        with self.assertRaisesRegex(
            ValueError, "`num_label` is not a field.*Received: num_label=2"
        ):
            self.load(num_label=2)

    def test_a_configuration_of_ones_own_replaces_the_stored_one(self):
        tiny_bert.tiny_classifier().save_pretrained(self.folder)
        model = self.load(config=tiny_bert.tiny_config(num_labels=2), seed=0)
        self.assertEqual(model(IDS).logits.shape, (2, 2))

    def test_mixed_precision_keeps_float32_weights(self):
        model = tiny_bert.tiny_classifier()
        model.save_pretrained(self.folder)
        loaded = self.load(dtype="mixed_bfloat16")
        loaded.save_pretrained(self.folder)
        for path, array in values(self.load()).items():
            np.testing.assert_array_equal(array, values(model)[path])
        output = loaded(IDS, output_hidden_states=True)
        self.assertEqual(output.hidden_states[0].dtype, tf.bfloat16)
        self.assertEqual(output.logits.dtype, tf.float32)


@pytest.mark.large
@pytest.mark.reference
class TransformersTest(parameterized.TestCase):
    """A folder of the pinned model, as a run saves it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        source = resolve.resolve("minilm-l6")
        cls.model = TFBertForSequenceClassification.from_pretrained(
            source,
            seed=0,
            id2label={0: "no", 1: "yes"},
            label2id={"no": 0, "yes": 1},
        )
        # A head that decides, so that a difference would show.
        kernel = cls.model.weights_by_path()["classifier/kernel"]
        kernel.assign(20 * kernel.value)
        cls.model.save_pretrained(cls.folder)
        tokenizer_files.write_tokenizer_files(
            cls.folder,
            tokenizer_files.read_tokenizer_settings(source),
            model_max_length=cls.model.config.max_position_embeddings,
        )

    def probabilities(self, texts):
        tokenizer = transformers.AutoTokenizer.from_pretrained(self.folder)
        inputs = tokenizer(texts, padding=True, return_tensors="np")
        return keras.ops.softmax(self.model(dict(inputs)).logits).numpy()

    def test_opens_with_the_auto_class_and_nothing_is_missing(self):
        import torch

        cls = transformers.AutoModelForSequenceClassification
        theirs, info = cls.from_pretrained(
            self.folder, output_loading_info=True
        )
        for name, found in info.items():
            self.assertEmpty(found, name)
        self.assertIsInstance(
            theirs, transformers.BertForSequenceClassification
        )
        with torch.no_grad():
            logits = theirs.eval()(torch.tensor(IDS)).logits
        np.testing.assert_allclose(
            self.model(IDS).logits, logits.numpy(), rtol=0, atol=1e-5
        )

    def test_opens_as_a_pipeline_also_for_a_long_text(self):
        texts = [
            "A short one.",
            " ".join(["I would buy this again, my dear!"] * 43),
        ]
        self.assertGreater(len(texts[1].split()), 300)
        classify = transformers.pipeline(
            "text-classification", model=self.folder, top_k=None
        )
        self.assertEqual(classify.tokenizer.model_max_length, 512)
        length = len(classify.tokenizer(texts[1])["input_ids"])
        self.assertBetween(length, 301, 512)
        for text, expected in zip(
            texts, self.probabilities(texts), strict=True
        ):
            (results,) = classify([text])
            scores = {row["label"]: row["score"] for row in results}
            self.assertGreater(abs(scores["yes"] - 0.5), 0.01)
            self.assertAlmostEqual(scores["no"], expected[0], delta=1e-5)
            self.assertAlmostEqual(scores["yes"], expected[1], delta=1e-5)
