import numpy as np
import tensorflow as tf
import tiny_bert
import transformers
from absl.testing import parameterized

from tf_bert.models import outputs
from tf_bert.models.sequence_classification import per_example_loss

IDS = np.array([[2, 5, 6, 3], [2, 7, 3, 0]])
MASK = np.array([[1, 1, 1, 1], [1, 1, 1, 0]])
TYPES = np.array([[0, 0, 1, 1], [0, 0, 0, 0]])
LABELS = np.array([2, 0])


class CallTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = tiny_bert.tiny_classifier()
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
        output = call(self.model, IDS)
        self.assertIsInstance(output, outputs.TFSequenceClassifierOutput)
        np.testing.assert_array_equal(output.logits, self.expected)

    def test_a_graph_gives_the_same(self):
        graph = tf.function(lambda ids: self.model(ids, MASK, TYPES))
        output = graph(tf.constant(IDS))
        self.assertIsInstance(output, outputs.TFSequenceClassifierOutput)
        np.testing.assert_allclose(output.logits, self.expected, atol=1e-6)

    def test_padding_may_stand_on_the_left(self):
        model = tiny_bert.tiny_classifier(initializer_range=0.5)
        rng = np.random.default_rng(0)
        mask = np.int32(np.arange(12) < np.arange(1, 13)[:, None])  # [B, S]
        ids = mask * rng.integers(4, 20, mask.shape)
        types = mask * (np.arange(12) > 3)

        def moved(array):
            result = np.zeros_like(array)
            result[mask[:, ::-1] == 1] = array[mask == 1]
            return result

        right = model(ids, mask, types).logits.numpy()
        self.assertGreater(right.std(axis=0).min(), 1e-2)
        left = [moved(array) for array in (ids, mask, types)]
        np.testing.assert_allclose(
            model(*left).logits, right, rtol=0, atol=1e-6
        )
        # Positions that are given are those that are used.
        given = model(*left, position_ids=np.arange(12)[None]).logits
        self.assertGreater(abs(given - right).numpy().max(), 1e-2)

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

    @parameterized.parameters((2,), ((2, 1),))
    def test_one_label_is_a_regression(self, shape):
        model = tiny_bert.tiny_classifier(num_labels=1)
        scores = np.array([0.5, -2.0], np.float32).reshape(shape)
        output = model(IDS, labels=scores)
        self.assertEqual(output.logits.shape, (2, 1))
        np.testing.assert_allclose(
            output.loss,
            (output.logits.numpy()[:, 0] - [0.5, -2.0]) ** 2,
            rtol=1e-5,
        )

    @parameterized.parameters("hidden_states", "attentions")
    def test_the_configuration_may_demand_them(self, field):
        model = tiny_bert.tiny_classifier(**{f"output_{field}": True})
        self.assertEqual(model(IDS).keys(), ("logits", field))

    def test_returns_a_tuple_when_asked(self):
        loss, logits = self.model(IDS, labels=LABELS, return_dict=False)
        self.assertEqual(loss.shape, (2,))
        self.assertEqual(logits.shape, (2, 3))

    def test_classifier_dropout_applies_in_training_alone(self):
        model = tiny_bert.tiny_classifier(
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
            tiny_bert.tiny_classifier(
                hidden_dropout_prob=0.3
            ).classifier_dropout,
            0.3,
        )
        self.assertEqual(
            tiny_bert.tiny_classifier(
                hidden_dropout_prob=0.3, classifier_dropout=0.0
            ).classifier_dropout,
            0.0,
        )

    def test_logits_are_float32_in_mixed_precision(self):
        model = tiny_bert.tiny_classifier(dtype="mixed_bfloat16")
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
        with self.assertRaisesRegex(ValueError, "one logit.*smoothing=0.1"):
            per_example_loss([0.5], tf.zeros([1, 1]), label_smoothing=0.1)


class PredictTest(parameterized.TestCase):
    def test_gives_arrays_in_order(self):
        ids = np.stack([[2, 5 + label, 3] for label in np.arange(16) % 2])
        model = tiny_bert.tiny_classifier(num_labels=2, num_hidden_layers=1)
        model.compile(run_eagerly=True)
        output = model.predict({"input_ids": ids}, batch_size=5, verbose=0)
        self.assertIsInstance(output.logits, np.ndarray)
        self.assertEqual(output.logits.shape, (16, 2))
        np.testing.assert_allclose(output.logits, model(ids).logits, atol=1e-6)
