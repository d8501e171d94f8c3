"""Tests of tf_bert/training/evaluate.py."""

import numpy as np
import small_training
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.data.tasks.positive_class import PositiveClass
from tf_bert.scoring import metrics
from tf_bert.training import evaluate
from tf_bert.training.inference import Inference, probabilities

LABELS = np.array([0, 1, 1, 0, 1, 1, 0], np.int32)
SCORES = np.array([0.5, -1, 2, 0, 3, 1, 1], np.float32)


def make_examples(labels):
    return small_training.make_examples(len(labels), labels=labels)


def make_inference(num_labels=2):
    model = small_training.make_model(num_labels=num_labels)
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    return Inference(model, strategy, batch_size=4)


def set_bias(inference, values):
    inference.model.weights_by_path()["classifier/bias"].assign(values)


class ClassificationTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inference = make_inference()

    def setUp(self):
        super().setUp()
        set_bias(self.inference, [0.0, 0.0])
        self.examples = make_examples(LABELS)

    def test_metrics_are_those_of_the_logits(self):
        result = evaluate.evaluate(self.inference, self.examples, positive=None)
        shares = probabilities(self.inference.logits(self.examples))
        np.testing.assert_array_equal(result.labels, LABELS)
        np.testing.assert_array_equal(result.predictions, shares.argmax(1))
        np.testing.assert_array_equal(result.probabilities, shares)
        expected = metrics.classification_metrics(LABELS, shares)
        expected["loss"] = -np.log(shares[range(7), LABELS]).mean()
        self.assertEqual(set(result.metrics), set(expected))
        for name, value in expected.items():
            self.assertAlmostEqual(result.metrics[name], value, places=12)

    def test_a_constant_model_is_right_where_it_should_be(self):
        set_bias(self.inference, [-30.0, 30.0])
        result = evaluate.evaluate(self.inference, self.examples, positive=None)
        self.assertEqual(result.predictions.tolist(), [1] * 7)
        self.assertEqual(result.metrics["accuracy"], 4 / 7)
        # Three wrong rows, each at a distance of about 60.
        self.assertAlmostEqual(result.metrics["loss"], 60 * 3 / 7, delta=2)

    def test_a_class_that_is_never_predicted_has_an_f1_of_zero(self):
        set_bias(self.inference, [-30.0, 30.0])
        for index, low, high in ((0, 0, 0), (1, 0.5, 1)):
            result = evaluate.evaluate(
                self.inference,
                self.examples,
                positive=PositiveClass(index, "x"),
            )
            self.assertBetween(result.metrics["f1"], low, high)
            stored = result.with_intervals(("no", "yes"))
            self.assertIsNone(stored["f1_ci"])
            self.assertIn(f"class {('no', 'yes')[index]}", stored["f1_ci_note"])

    def test_a_share_of_zero_has_a_finite_loss(self):
        set_bias(self.inference, [-1e4, 1e4])
        result = evaluate.evaluate(self.inference, self.examples, positive=None)
        self.assertTrue(np.isfinite(result.metrics["loss"]))
        self.assertGreater(result.metrics["loss"], 100)

    @parameterized.parameters(np.nan, np.inf)
    def test_a_diverged_model_is_refused(self, value):
        set_bias(self.inference, [0.0, value])
        with self.assertRaisesRegex(
            ValueError, "logit is NaN or infinite.*Lower --learning_rate"
        ):
            evaluate.evaluate(self.inference, self.examples, positive=None)

    def test_a_split_of_one_class_has_no_ranking(self):
        examples = make_examples(np.ones(7, np.int32))
        result = evaluate.evaluate(self.inference, examples, positive=None)
        self.assertIsNone(result.metrics["roc_auc"])
        self.assertIsNone(result.with_intervals(("no", "yes"))["roc_auc"])


class RegressionTest(parameterized.TestCase):
    def test_scores_are_the_logits(self):
        inference = make_inference(num_labels=1)
        examples = make_examples(SCORES)
        result = evaluate.evaluate(inference, examples, positive=None)
        logits = inference.logits(examples)[:, 0]
        np.testing.assert_array_equal(result.predictions, logits)
        self.assertIsNone(result.probabilities)
        self.assertAlmostEqual(
            result.metrics["loss"], np.square(logits - SCORES).mean(), places=5
        )
        self.assertEqual(
            set(result.metrics), {"loss", "mse", "mae", "pearson", "spearman"}
        )


class WithIntervalsTest(parameterized.TestCase):
    def test_metrics_with_an_interval_get_one(self):
        predictions = np.array([0, 1, 1, 0, 0, 1, 1])
        evaluation = evaluate.Evaluation(
            LABELS,
            predictions,
            {"loss": 0.4, "accuracy": 5 / 7, "f1": 0.75, "roc_auc": 0.5},
        )
        result = evaluation.with_intervals(("no", "yes"))
        self.assertEqual(
            set(result),
            {
                "num_examples",
                "loss",
                "accuracy",
                "accuracy_ci",
                "f1",
                "f1_ci",
                "f1_ci_note",
                "roc_auc",
            },
        )
        self.assertEqual(result["num_examples"], 7)
        # Wilson's interval of 5 of 7.
        np.testing.assert_allclose(
            result["accuracy_ci"], [0.3589, 0.9178], atol=1e-4
        )
        self.assertIsNone(result["f1_ci"])
        self.assertEqual(result["f1_ci_note"], "too few examples of class yes")
