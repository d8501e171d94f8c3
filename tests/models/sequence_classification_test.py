import keras
import numpy as np
import pytest
import tensorflow as tf
import transformers
from absl.testing import parameterized

from tf_bert.models import outputs
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
    per_example_loss,
)

IDS = np.array([[2, 5, 6, 3], [2, 7, 3, 0]])
MASK = np.array([[1, 1, 1, 1], [1, 1, 1, 0]])
TYPES = np.array([[0, 0, 1, 1], [0, 0, 0, 0]])
LABELS = np.array([2, 0])


def tiny_config(**changes):
    fields = dict(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
        num_labels=3,
    )
    return transformers.BertConfig(**(fields | changes))


def make_model(dtype=None, **changes):
    return TFBertForSequenceClassification(
        tiny_config(**changes), seed=0, dtype=dtype
    )


class CallTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = make_model()
        cls.expected = cls.model(
            input_ids=IDS, attention_mask=MASK, token_type_ids=TYPES
        ).logits.numpy()

    @parameterized.named_parameters(
        ("positions", lambda model, ids: model(ids, MASK, TYPES)),
        ("list", lambda model, ids: model([ids, MASK, TYPES])),
        (
            "dictionary",
            lambda model, ids: model(
                {
                    "input_ids": ids,
                    "attention_mask": MASK,
                    "token_type_ids": TYPES,
                }
            ),
        ),
        (
            "dictionary_and_keyword",
            lambda model, ids: model(
                {"input_ids": ids, "attention_mask": MASK},
                token_type_ids=TYPES,
            ),
        ),
        (
            "what_a_tokenizer_returns",
            lambda model, ids: model(
                transformers.BatchEncoding(
                    {
                        "input_ids": ids,
                        "attention_mask": MASK,
                        "token_type_ids": TYPES,
                    }
                )
            ),
        ),
    )
    def test_every_way_to_call_gives_the_same(self, call):
        graph = tf.function(lambda ids: call(self.model, ids))
        for output in (call(self.model, IDS), graph(tf.constant(IDS))):
            self.assertIsInstance(output, outputs.TFSequenceClassifierOutput)
            np.testing.assert_allclose(output.logits, self.expected, atol=1e-6)
            np.testing.assert_array_equal(output["logits"], output.logits)
            np.testing.assert_array_equal(output[0], output.logits)

    def test_mask_and_types_matter(self):
        for inputs in ([IDS, MASK], [IDS, np.ones_like(MASK), TYPES]):
            difference = self.model(inputs).logits - self.expected
            self.assertGreater(abs(difference.numpy()).max(), 1e-6)

    def test_loss_is_the_cross_entropy_of_each_example(self):
        output = self.model(IDS, labels=LABELS)
        logits = np.float64(output.logits)
        expected = np.log(np.exp(logits).sum(-1)) - logits[[0, 1], LABELS]
        self.assertEqual(output.keys(), ("loss", "logits"))
        np.testing.assert_allclose(output.loss, expected, rtol=1e-5)

    def test_labels_may_be_among_the_inputs(self):
        np.testing.assert_array_equal(
            self.model({"input_ids": IDS, "labels": LABELS}).loss,
            self.model(IDS, labels=LABELS).loss,
        )

    @parameterized.parameters((2,), ((2, 1),))
    def test_one_label_is_a_regression(self, shape):
        model = make_model(num_labels=1)
        scores = np.array([0.5, -2.0], np.float32).reshape(shape)
        output = model(IDS, labels=scores)
        self.assertEqual(output.logits.shape, (2, 1))
        np.testing.assert_allclose(
            output.loss,
            (output.logits.numpy()[:, 0] - [0.5, -2.0]) ** 2,
            rtol=1e-5,
        )

    def test_hidden_states_and_attentions_on_demand(self):
        output = self.model(
            IDS, output_hidden_states=True, output_attentions=True
        )
        self.assertEqual(
            output.keys(), ("logits", "hidden_states", "attentions")
        )
        self.assertEqual(
            [x.shape for x in output.hidden_states], [(2, 4, 8)] * 3
        )
        self.assertEqual(
            [x.shape for x in output.attentions], [(2, 2, 4, 4)] * 2
        )

    @parameterized.parameters("hidden_states", "attentions")
    def test_the_configuration_may_demand_them(self, field):
        model = make_model(**{f"output_{field}": True})
        self.assertEqual(model(IDS).keys(), ("logits", field))

    def test_returns_a_tuple_when_asked(self):
        loss, logits = self.model(IDS, labels=LABELS, return_dict=False)
        self.assertEqual(loss.shape, (2,))
        self.assertEqual(logits.shape, (2, 3))

    def test_classifier_dropout_applies_in_training_alone(self):
        model = make_model(
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            classifier_dropout=0.5,
        )
        without = model(IDS, training=False).logits.numpy()
        np.testing.assert_array_equal(model(IDS).logits, without)
        first = model(IDS, training=True).logits.numpy()
        second = model(IDS, training=True).logits.numpy()
        self.assertGreater(abs(first - without).max(), 1e-6)
        self.assertGreater(abs(first - second).max(), 1e-6)

    def test_classifier_dropout_defaults_to_that_of_hidden_states(self):
        self.assertEqual(
            make_model(hidden_dropout_prob=0.3).classifier_dropout, 0.3
        )
        self.assertEqual(
            make_model(
                hidden_dropout_prob=0.3, classifier_dropout=0.0
            ).classifier_dropout,
            0.0,
        )

    def test_logits_are_float32_in_mixed_precision(self):
        model = make_model(dtype="mixed_bfloat16")
        output = model(
            IDS, MASK, TYPES, labels=LABELS, output_hidden_states=True
        )
        self.assertEqual(output.logits.dtype, tf.float32)
        self.assertEqual(output.loss.dtype, tf.float32)
        self.assertEqual(output.hidden_states[1].dtype, tf.bfloat16)
        self.assertEqual(
            {w.dtype for w in model.weights_by_path().values()}, {"float32"}
        )
        np.testing.assert_allclose(output.logits, self.expected, atol=2e-3)


class LossTest(parameterized.TestCase):
    LOGITS = np.array([[3.0, -1.0, 0.5], [-2.0, 40.0, 0.0]], np.float32)
    LABELS = np.array([2, 0])

    def loss_and_gradient(self, smoothing):
        logits = tf.constant(self.LOGITS)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = per_example_loss(
                self.LABELS, logits, label_smoothing=smoothing
            )
        return loss.numpy(), tape.gradient(loss, logits).numpy()

    @parameterized.parameters(0.1, 0.6)
    def test_smoothed_loss_and_its_gradient_are_the_formulas(self, smoothing):
        """Of each class: its share of the target, and p less that share."""
        logits = np.float64(self.LOGITS)
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        target = (1 - smoothing) * np.eye(3)[self.LABELS] + smoothing / 3
        loss, gradient = self.loss_and_gradient(smoothing)
        np.testing.assert_allclose(loss, -(target * log_p).sum(-1), rtol=1e-6)
        np.testing.assert_allclose(gradient, np.exp(log_p) - target, atol=1e-6)

    def test_without_smoothing_it_is_the_plain_loss(self):
        plain = per_example_loss(self.LABELS, tf.constant(self.LOGITS))
        loss, _ = self.loss_and_gradient(0.0)
        np.testing.assert_array_equal(loss, plain)

    def test_a_regression_is_not_smoothed(self):
        with self.assertRaisesRegex(ValueError, "one logit. .*smoothing=0.1"):
            per_example_loss([0.5], tf.zeros([1, 1]), label_smoothing=0.1)


class FitTest(parameterized.TestCase):
    """Sixteen examples that a model can tell apart by their second token."""

    def setUp(self):
        super().setUp()
        # `fit` shuffles by the global generators.
        keras.utils.set_random_seed(0)
        self.labels = np.arange(16) % 2
        ids = np.stack([[2, 5 + label, 3] for label in self.labels])
        self.inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        self.model = make_model(
            num_labels=2,
            num_hidden_layers=1,
            hidden_dropout_prob=0.0,
            initializer_range=0.2,
        )
        self.optimizer = keras.optimizers.Adam(0.02)

    def test_labels_among_the_inputs_need_no_loss(self):
        self.model.compile(optimizer=self.optimizer, metrics=["accuracy"])
        inputs = {**self.inputs, "labels": self.labels}
        history = self.model.fit(inputs, batch_size=8, epochs=8, verbose=0)
        self.assertAlmostEqual(history.history["loss"][0], 0.69, delta=0.3)
        results = self.model.evaluate(inputs, verbose=0, return_dict=True)
        self.assertLess(results["loss"], 0.2)
        self.assertEqual(results["accuracy"], 1)
        loss = self.model(inputs).loss.numpy().mean()
        self.assertAlmostEqual(results["loss"], loss, delta=1e-5)

    @pytest.mark.large
    def test_a_loss_of_ones_own_and_labels_apart(self):
        self.model.compile(
            optimizer=self.optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        history = self.model.fit(
            self.inputs, self.labels, batch_size=8, epochs=8, verbose=0
        )
        self.assertAlmostEqual(history.history["loss"][0], 0.69, delta=0.3)
        results = self.model.evaluate(
            self.inputs, self.labels, verbose=0, return_dict=True
        )
        self.assertLess(results["loss"], 0.2)
        self.assertEqual(results["accuracy"], 1)
        loss = self.model(self.inputs, labels=self.labels).loss.numpy().mean()
        self.assertAlmostEqual(results["loss"], loss, delta=1e-5)

    def test_predict_gives_arrays_in_order(self):
        output = self.model.predict(self.inputs, batch_size=5, verbose=0)
        self.assertIsInstance(output.logits, np.ndarray)
        self.assertEqual(output.logits.shape, (16, 2))
        np.testing.assert_allclose(
            output.logits, self.model(self.inputs).logits, atol=1e-6
        )
