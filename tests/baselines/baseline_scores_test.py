"""Tests of tf_bert/baselines/baseline_scores.py; see comparison_test.py too."""

import json

import numpy as np
from absl.testing import parameterized

from tf_bert.baselines import baseline_scores
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.known_tasks import custom_task
from tf_bert.data.tasks.load_splits import TaskData

_WORDS = ("bad", "good", "fair")


def make_examples(words, labels):
    return Examples(
        texts=tuple(words),
        text_pairs=None,
        labels=np.array(labels),
        row_numbers=np.arange(1, len(words) + 1),
        source="rows.tsv",
    )


def make_task(num_classes=None, metric=None):
    """A task of some of the words, or of scores."""
    return custom_task(
        text_column="text",
        label_column="label",
        is_regression=num_classes is None,
        label_names=num_classes and _WORDS[:num_classes],
        metric=metric,
    )


def make_data(task, **splits):
    """Every label's word is its text; the classes are those of train."""
    return TaskData(
        task=task,
        **{
            split: labels
            and make_examples([_WORDS[int(i)] for i in labels], labels)
            for split, labels in splits.items()
        },
    )


TRAIN = [0, 1, 2, 1] * 4


class BaselinesOfTest(parameterized.TestCase):
    def test_test_is_scored_where_it_is(self):
        data = make_data(
            make_task(3), train=TRAIN, validation=[0, 1], test=[1, 2, 2, 0]
        )
        result = baseline_scores.baselines_of(data)
        self.assertEqual(result["split"], "test")
        models = result["models"]
        self.assertEqual(list(models), ["majority", "tfidf_svm"])
        self.assertEqual(models["majority"]["test"]["accuracy"], 0.25)
        self.assertEqual(models["tfidf_svm"]["test"]["accuracy"], 1.0)
        # Wilson's interval of 1 of 4.
        np.testing.assert_allclose(
            models["majority"]["test"]["accuracy_ci"],
            [0.0456, 0.6994],
            atol=1e-4,
        )
        self.assertIn("macro_f1_ci", models["tfidf_svm"]["test"])
        self.assertEqual(json.loads(json.dumps(result)), result)

    def test_else_validation_is(self):
        data = make_data(
            make_task(), train=TRAIN, validation=[0, 1, 2], test=None
        )
        result = baseline_scores.baselines_of(data)
        self.assertEqual(result["split"], "validation")
        models = result["models"]
        self.assertEqual(models["mean"]["validation"]["spearman"], 0.0)
        self.assertGreater(models["tfidf_ridge"]["validation"]["pearson"], 0.9)

    def test_without_either_there_is_nothing(self):
        data = make_data(make_task(3), train=TRAIN, validation=None, test=None)
        with self.assertLogs("absl", "WARNING") as logs:
            self.assertEqual(baseline_scores.baselines_of(data), {})
        self.assertIn("Pass --test_file", logs.output[0])


class MajorityScoreTest(parameterized.TestCase):
    @parameterized.parameters(
        ("accuracy", [1, 1, 2, 0], 0.5),
        ("matthews", [1, 1, 2, 0], 0.0),
        # F1 of class 1 is 2/3, of the others 0.
        ("macro_f1", [1, 1, 2, 0], 2 / 9),
        ("accuracy", [2, 2], 0.0),
    )
    def test_the_class_is_that_of_train(self, metric, labels, expected):
        value = baseline_scores.majority_score(
            make_task(3, metric), np.array(TRAIN), np.array(labels)
        )
        self.assertIsInstance(value, float)
        self.assertAlmostEqual(value, expected)

    @parameterized.parameters("spearman", "pearson")
    def test_a_constant_score_correlates_with_nothing(self, metric):
        labels = np.array([0.1, 0.2, 0.7], np.float32)
        task = make_task(metric=metric)
        value = baseline_scores.majority_score(task, labels, labels)
        self.assertEqual(value, 0.0)
