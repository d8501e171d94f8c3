import json

import numpy as np
from absl.testing import parameterized

from tf_bert.data.tasks.positive_class import PositiveClass
from tf_bert.scoring import class_intervals, row_intervals, score_intervals
from tf_bert.scoring.metrics import METRICS

NAMES = ("no", "yes", "perhaps")


def _interval(name, sizes, *, wrong=0, **arguments):
    """Of labels with that many rows of each class, the first ones wrong."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    predictions = labels.copy()
    predictions[:wrong] = 1
    return score_intervals.score_interval(
        name,
        labels,
        predictions,
        label_names=NAMES[: len(sizes)],
        **arguments,
    )


class ScoreIntervalTest(parameterized.TestCase):
    @parameterized.parameters(
        (20, 0, 0.8389, 1.0), (20, 20, 0.0, 0.1611), (200, 19, 0.8564, 0.9383)
    )
    def test_accuracy_has_wilsons(self, num_rows, wrong, *expected):
        ends = _interval("accuracy", (num_rows, 0), wrong=wrong).ends
        np.testing.assert_allclose(ends, expected, atol=5e-5)

    @parameterized.parameters("f1", "macro_f1", "matthews")
    def test_metrics_of_classes_have_the_closed_form(self, name):
        formula = getattr(class_intervals, f"{name}_interval")
        self.assertEqual(
            _interval(name, (30, 20), wrong=4).ends,
            formula(np.array([[26, 4], [0, 20]])),
        )

    @parameterized.parameters("pearson", "spearman", "mse", "mae")
    def test_metrics_of_scores_have_the_bootstrap(self, name):
        labels, predictions = np.random.default_rng(0).normal(size=(2, 40))
        self.assertEqual(
            score_intervals.score_interval(
                name, labels, predictions, label_names=None
            ).ends,
            row_intervals.bootstrap_interval(
                METRICS[name], labels, predictions
            ),
        )

    @parameterized.parameters(
        ("f1", (20, 9), "yes"),
        ("macro_f1", (9, 20), "no"),
        ("matthews", (20, 9), "yes"),
        ("macro_f1", (20, 20, 4), "perhaps"),
        ("matthews", (4, 20, 0), "perhaps and 1 more"),
    )
    def test_too_few_rows_of_a_class_have_none(self, name, sizes, named):
        interval = _interval(name, sizes)
        self.assertIsNone(interval.ends)
        self.assertEqual(interval.note, f"too few examples of class {named}")
        self.assertEqual(str(interval), f"[too few examples of class {named}]")

    @parameterized.parameters(
        ("f1", (2, 10)),
        ("macro_f1", (10, 10)),
        ("matthews", (10, 10)),
        ("macro_f1", (5, 5, 5)),
        ("accuracy", (1, 1)),
    )
    def test_just_enough_have_one(self, name, sizes):
        self.assertIsNotNone(_interval(name, sizes).ends)

    def test_f1_is_about_the_positive_class(self):
        no = PositiveClass(0, "no")
        self.assertIn("class no", _interval("f1", (9, 20), positive=no).note)
        low, _ = _interval("f1", (20, 9), positive=no, wrong=10).ends
        self.assertLess(low, 0.6)


class StoredTest(parameterized.TestCase):
    @parameterized.parameters(
        score_intervals.ScoreInterval((0.25, 0.5)),
        score_intervals.ScoreInterval(None, "too few examples of class no"),
    )
    def test_json_gives_it_back(self, interval):
        scores = json.loads(json.dumps({"f1": 0.4} | interval.as_json("f1")))
        self.assertEqual(score_intervals.stored(scores, "f1"), interval)

    def test_what_has_no_interval_has_none(self):
        self.assertIsNone(score_intervals.stored({"roc_auc": 0.5}, "roc_auc"))
