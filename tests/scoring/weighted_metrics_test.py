"""The closed forms over counts agree with scikit-learn and SciPy."""

import numpy as np
from absl.testing import parameterized
from scipy import stats
from sklearn import metrics as sklearn_metrics

from tf_bert.scoring import weighted_metrics

# Class ids of 4 classes, of which the last is never true.
_LABELS = np.array([0, 1, 2, 1, 0, 2, 1, 1, 0, 2, 0, 1])
_PREDICTIONS = np.array([0, 1, 1, 1, 0, 2, 3, 0, 0, 2, 2, 1])
# Scores with ties on both sides.
_SCORES = np.array([1.0, 2.5, 2.5, 0.0, 4.0, 5.0, 3.5, 1.0, 2.0, 4.5, 0.5, 3.0])
_GUESSES = np.array(
    [0.9, 2.0, 3.0, 0.9, 3.1, 6.0, 2.0, 1.5, 1.5, 4.0, 1.0, 2.9], np.float32
)
_COUNTS = np.array(
    [
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        [0, 3, 1, 0, 2, 1, 0, 1, 1, 1, 2, 0],
        [2, 0, 2, 2, 0, 1, 3, 0, 1, 0, 0, 1],
    ],
    np.float64,
)

_CLASS_FUNCTIONS = (
    ("accuracy", weighted_metrics.accuracy, sklearn_metrics.accuracy_score),
    (
        "macro_f1",
        weighted_metrics.macro_f1,
        lambda y, p: sklearn_metrics.f1_score(y, p, average="macro"),
    ),
    ("matthews", weighted_metrics.matthews, sklearn_metrics.matthews_corrcoef),
    (
        "f1",
        weighted_metrics.f1,
        lambda y, p: sklearn_metrics.f1_score(y == 1, p == 1),
    ),
)
_SCORE_FUNCTIONS = (
    ("pearson", weighted_metrics.pearson, lambda y, p: stats.pearsonr(y, p)[0]),
    (
        "spearman",
        weighted_metrics.spearman,
        lambda y, p: stats.spearmanr(y, p)[0],
    ),
    (
        "mean_squared_error",
        weighted_metrics.mean_squared_error,
        sklearn_metrics.mean_squared_error,
    ),
    (
        "mean_absolute_error",
        weighted_metrics.mean_absolute_error,
        sklearn_metrics.mean_absolute_error,
    ),
)


class WeightedMetricsTest(parameterized.TestCase):
    @parameterized.named_parameters(*_CLASS_FUNCTIONS)
    def test_counts_of_classes_equal_repeated_rows(self, function, reference):
        values = function(_LABELS, _PREDICTIONS, _COUNTS)
        expected = [
            reference(*(np.repeat(x, c) for x in (_LABELS, _PREDICTIONS)))
            for c in _COUNTS.astype(int)
        ]
        np.testing.assert_allclose(values, expected, rtol=1e-12)

    @parameterized.named_parameters(*_SCORE_FUNCTIONS)
    def test_counts_of_scores_equal_repeated_rows(self, function, reference):
        values = function(_SCORES, _GUESSES, _COUNTS)
        guesses = _GUESSES.astype(np.float64)
        expected = [
            reference(*(np.repeat(x, c) for x in (_SCORES, guesses)))
            for c in _COUNTS.astype(int)
        ]
        np.testing.assert_allclose(values, expected, rtol=1e-12)

    @parameterized.parameters(
        weighted_metrics.pearson, weighted_metrics.spearman
    )
    def test_correlation_with_a_constant_is_zero(self, function):
        constant = np.full(12, 0.1)  # Its mean is not exactly 0.1.
        self.assertEqual(function(_SCORES, constant, _COUNTS[0]), 0.0)
        self.assertEqual(function(constant, _SCORES, _COUNTS[0]), 0.0)

    @parameterized.parameters(
        weighted_metrics.pearson, weighted_metrics.spearman
    )
    def test_correlation_within_one_repeated_row_is_zero(self, function):
        for row in range(12):
            counts = 12.0 * np.eye(12)[row]
            self.assertEqual(function(_SCORES, _GUESSES, counts), 0.0)

    def test_correlation_of_close_scores_is_not_taken_for_constant(self):
        labels = np.array([1.0, 2.0, 3.0, 5.0])
        predictions = 3.0 + 1e-7 * labels
        self.assertAlmostEqual(
            weighted_metrics.pearson(labels, predictions, np.ones(4)), 1.0
        )

    def test_correlation_never_leaves_its_range(self):
        values = np.array([0.1, 0.2, 0.3])
        self.assertLessEqual(
            weighted_metrics.pearson(values, values, np.ones(3)), 1.0
        )

    def test_without_class_1_both_are_zero(self):
        zeros = np.zeros(12, int)
        for function in (weighted_metrics.matthews, weighted_metrics.f1):
            self.assertEqual(function(zeros, zeros, _COUNTS[0]), 0)

    def test_macro_f1_leaves_out_classes_that_are_not_taken(self):
        labels = predictions = np.array([0, 1, 2])
        counts = np.array([2.0, 1.0, 0.0])
        self.assertEqual(
            weighted_metrics.macro_f1(labels, predictions, counts), 1.0
        )
