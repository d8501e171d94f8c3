"""Tests of tf_bert/report/row_numbers.py."""

import numpy as np
from absl.testing import parameterized
from sklearn import metrics as sklearn_metrics

from tf_bert.report import row_numbers
from tf_bert.report.row_numbers import RECALLS
from tf_bert.scoring.metrics import classification_metrics
from tf_bert.scoring.scored_rows import ScoredRows


def make_rows(labels, seed, num_classes):
    """Rows whose probabilities know a little of the label."""
    logits = np.random.default_rng(seed).normal(size=(len(labels), num_classes))
    logits[np.arange(len(labels)), labels] += 1
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return ScoredRows(labels, shares.argmax(axis=1), shares)


class ConfusionCountsTest(parameterized.TestCase):
    def test_is_the_sum_over_the_trials(self):
        labels = np.arange(40) % 4
        trials = [make_rows(labels, seed, 4) for seed in range(3)]
        expected = sum(
            sklearn_metrics.confusion_matrix(rows.labels, rows.predictions)
            for rows in trials
        )
        counts = row_numbers.confusion_counts(trials, 4)
        np.testing.assert_array_equal(counts, expected)

    def test_a_class_that_is_nowhere_has_a_line(self):
        rows = ScoredRows(np.array([0, 2]), np.array([2, 2]))
        counts = row_numbers.confusion_counts([rows], 4)
        self.assertEqual(counts.sum(axis=1).tolist(), [1, 0, 1, 0])


class ClassCurvesTest(parameterized.TestCase):
    def test_precision_by_hand(self):
        # From the surest row down: right, wrong, right, wrong.
        shares = np.array([0.9, 0.8, 0.4, 0.1])
        rows = ScoredRows(
            np.array([1, 0, 1, 0]),
            np.array([1, 1, 0, 0]),
            np.stack([1 - shares, shares], axis=1),
        )
        curve = row_numbers.curve_of_rarer_class(
            row_numbers.class_curves([rows]), [rows]
        )
        self.assertEqual(curve.class_id, 1)
        self.assertEqual((curve.num_rows, curve.base_rate), (2, 0.5))
        np.testing.assert_allclose(curve.precision[0, RECALLS <= 0.5], 1)
        np.testing.assert_allclose(curve.precision[0, RECALLS > 0.5], 2 / 3)
        self.assertAlmostEqual(curve.mean, (1 + 2 / 3) / 2)

    def test_the_mean_of_a_curve_is_its_average_precision(self):
        labels = (np.arange(60) % 6 == 0).astype(int)  # 10 rows divide 200.
        trials = [make_rows(labels, seed, 2) for seed in range(4)]
        curve = row_numbers.curve_of_rarer_class(
            row_numbers.class_curves(trials), trials
        )
        self.assertEqual(curve.precision.shape, (4, 200))
        np.testing.assert_allclose(
            curve.precision.mean(axis=1), curve.average_precision
        )
        for rows, value in zip(trials, curve.average_precision, strict=True):
            metrics = classification_metrics(rows.labels, rows.probabilities)
            self.assertAlmostEqual(metrics["average_precision"], value)

    def test_the_macro_average_is_that_of_the_metrics(self):
        rows = make_rows(np.arange(50) % 5, 0, 5)
        curves = row_numbers.class_curves([rows])
        metrics = classification_metrics(rows.labels, rows.probabilities)
        self.assertAlmostEqual(
            row_numbers.macro_average(curves), metrics["average_precision"]
        )
        means = [curve.mean for curve in curves]
        self.assertEqual(means, sorted(means))

    def test_equal_probabilities_are_guessing(self):
        labels = np.array([0, 1, 1, 1])
        rows = ScoredRows(labels, labels, np.full((4, 2), 0.5))
        (first, second) = row_numbers.class_curves([rows])
        self.assertEqual((first.class_id, second.class_id), (0, 1))
        np.testing.assert_allclose(first.precision, first.base_rate)
        np.testing.assert_allclose(second.precision, 0.75)

    def test_a_class_without_rows_has_none(self):
        rows = make_rows(np.array([0, 2, 2]), 0, 4)
        curves = row_numbers.class_curves([rows])
        self.assertCountEqual([c.class_id for c in curves], [0, 2])

    @parameterized.parameters(([0, 0, 1], 1), ([1, 1, 0], 0), ([0, 1], 1))
    def test_the_rarer_class_is_drawn(self, labels, expected):
        trials = [make_rows(np.array(labels), 0, 2)]
        curve = row_numbers.curve_of_rarer_class(
            row_numbers.class_curves(trials), trials
        )
        self.assertEqual(curve.class_id, expected)
