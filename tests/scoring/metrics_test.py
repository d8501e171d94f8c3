import numpy as np
from absl.testing import absltest, parameterized
from sklearn import metrics as sklearn_metrics

from tf_bert.data.tasks.positive_class import PositiveClass
from tf_bert.scoring import metrics

_LABELS = np.array([0, 0, 0, 1, 1, 1])
_PROBABILITIES = np.array(
    [[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.2, 0.8], [0.45, 0.55], [0.8, 0.2]]
)
_LABELS_OF_3 = np.array([0, 1, 2, 1, 0])
_PROBABILITIES_OF_3 = np.array(
    [
        [0.6, 0.3, 0.1],
        [0.2, 0.5, 0.3],
        [0.3, 0.3, 0.4],
        [0.5, 0.1, 0.4],
        [0.3, 0.4, 0.3],
    ]
)


class ClassificationMetricsTest(parameterized.TestCase):
    def test_two_classes_by_hand(self):
        values = metrics.classification_metrics(_LABELS, _PROBABILITIES)
        # 2 true positives, 1 false positive, 1 false negative, 2 true
        # negatives; 7 of the 9 pairs (class 1, class 0) are in order.
        precision_at_hits = (1 / 1 + 2 / 3 + 3 / 5) / 3
        expected = {
            "accuracy": 4 / 6,
            "f1": 2 / 3,
            "macro_f1": 2 / 3,
            "matthews": 1 / 3,
            "roc_auc": 6 / 9,
            "average_precision": precision_at_hits,
        }
        self.assertSameElements(values, expected)
        for name, value in expected.items():
            self.assertAlmostEqual(values[name], value, msg=name)

    def test_of_the_other_class_f1_and_average_precision_are_others(self):
        # 4 rows are of class 1 and found, 1 of class 0 is found, 1 is not.
        labels = np.array([0, 0, 1, 1, 1, 1])
        shares = np.array([0.6, 0.1, 0.3, 0.2, 0.05, 0.15])  # Of class 0.
        probabilities = np.stack([shares, 1 - shares], axis=1)
        values = {
            name: metrics.classification_metrics(
                labels, probabilities, positive=PositiveClass(index, name)
            )
            for index, name in enumerate(("fraud", "legit"))
        }
        fraud, legit = values["fraud"], values["legit"]
        self.assertAlmostEqual(fraud["f1"], 2 / 3)
        self.assertAlmostEqual(legit["f1"], 8 / 9)
        # Of fraud the 1st and the 5th of the order are right.
        self.assertAlmostEqual(fraud["average_precision"], (1 + 2 / 5) / 2)
        self.assertAlmostEqual(
            legit["average_precision"],
            sklearn_metrics.average_precision_score(labels, 1 - shares),
        )
        for name in fraud.keys() - {"f1", "average_precision"}:
            self.assertAlmostEqual(fraud[name], legit[name], msg=name)

    def test_three_classes_average_one_against_the_rest(self):
        values = metrics.classification_metrics(
            _LABELS_OF_3, _PROBABILITIES_OF_3
        )
        self.assertNotIn("f1", values)
        self.assertAlmostEqual(
            values["roc_auc"],
            sklearn_metrics.roc_auc_score(
                _LABELS_OF_3, _PROBABILITIES_OF_3, multi_class="ovr"
            ),
        )
        self.assertAlmostEqual(
            values["average_precision"],
            sklearn_metrics.average_precision_score(
                np.eye(3)[_LABELS_OF_3], _PROBABILITIES_OF_3
            ),
        )

    @parameterized.parameters(
        ([0, 0], _PROBABILITIES[:2]),
        ([1, 1], _PROBABILITIES[:2]),
        ([0, 2], _PROBABILITIES_OF_3[:2]),
    )
    def test_ranking_without_a_class_is_none_and_noted(
        self, labels, probabilities
    ):
        with self.assertLogs(level="INFO") as logs:
            values = metrics.classification_metrics(labels, probabilities)
        self.assertIsNone(values["roc_auc"])
        self.assertIsNone(values["average_precision"])
        self.assertIn("are undefined: class", logs.output[0])

    def test_diverged_probabilities_are_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"not all finite.*probabilities\[2\]=nan \(1 of 4\)"
        ):
            metrics.classification_metrics([0, 1], [[0.1, 0.9], [np.nan, 0.1]])


class RegressionMetricsTest(absltest.TestCase):
    def test_values_by_hand(self):
        values = metrics.regression_metrics([1.0, 2.0, 3.0], [1.0, 3.0, 2.0])
        self.assertAlmostEqual(values["pearson"], 0.5)
        self.assertAlmostEqual(values["spearman"], 0.5)
        self.assertAlmostEqual(values["mse"], 2 / 3)
        self.assertAlmostEqual(values["mae"], 2 / 3)

    def test_diverged_predictions_are_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"predictions\[1\]=inf \(1 of 2\).*--learning_rate"
        ):
            metrics.regression_metrics([1.0, 2.0], [1.0, np.inf])


class MetricFnTest(parameterized.TestCase):
    @parameterized.parameters(*metrics.METRICS)
    def test_perfect_predictions_are_best(self, name):
        metric = metrics.metric_fn(name)
        labels, others = [0, 1, 1, 0], [0, 1, 0, 0]
        perfect, imperfect = metric(labels, labels), metric(labels, others)
        self.assertAlmostEqual(perfect, 1 if metric.higher_is_better else 0)
        self.assertEqual(perfect > imperfect, metric.higher_is_better)

    @parameterized.parameters(
        ("acc", "metric='acc'. Choose one of: accuracy, f1"),
        ("micro_f1", "metric='micro_f1'. Accuracy is the same number"),
    )
    def test_unknown_name_lists_the_choices(self, name, message):
        with self.assertRaisesRegex(ValueError, message):
            metrics.metric_fn(name)


class ConfusionMatrixTest(absltest.TestCase):
    def test_rows_are_true_classes(self):
        matrix = metrics.confusion_matrix(
            [0, 0, 0, 1], [1, 1, 0, 1], num_classes=3
        )
        self.assertEqual(matrix, [[1, 2, 0], [0, 1, 0], [0, 0, 0]])

    def test_many_classes_in_a_small_dtype(self):
        ids = np.arange(77, dtype=np.int8)
        matrix = metrics.confusion_matrix(ids, ids, num_classes=77)
        self.assertEqual(matrix, np.eye(77, dtype=int).tolist())
