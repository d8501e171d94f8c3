import dataclasses
import json

import numpy as np
from absl.testing import absltest, parameterized

from tf_bert.baselines import comparison
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.scoring.metrics import METRICS

_NAMES = ("bad", "good", "fair")


def _examples(texts, labels, text_pairs=None):
    return Examples(
        texts=tuple(texts),
        text_pairs=text_pairs and tuple(text_pairs),
        labels=np.array(labels),
        row_numbers=np.arange(1, len(texts) + 1),
        source="rows.tsv",
    )


def _spec(metric, label_names=_NAMES[:2], positive_label=None):
    return TaskSpec(
        name="custom",
        text_column="text",
        label_column="label",
        label_names=label_names,
        is_regression=label_names is None,
        metric=metric,
        positive_label=positive_label,
    )


def _task(*, num_rows, share_right, num_classes=2):
    """Training rows that name their class, and rows that do so at times.

    Returns:
        Training rows and `num_rows` rows of which a model that learned the
        words gets the first `share_right` right and the others wrong.
    """
    train_labels = np.arange(12) % num_classes
    labels = np.arange(num_rows) % num_classes
    is_right = np.arange(num_rows) < share_right * num_rows
    words = np.where(is_right, labels, (labels + 1) % num_classes)
    return (
        _examples([_NAMES[i] for i in train_labels], train_labels),
        _examples([_NAMES[i] for i in words], labels),
    )


def _predictions(labels, *, wrong_from):
    """The labels up to a row, then 1 - label."""
    return np.where(np.arange(len(labels)) < wrong_from, labels, 1 - labels)


def _compare(
    share_right, wrong_from, num_rows=100, metric="accuracy", has_chosen=False
):
    train, test = _task(num_rows=num_rows, share_right=share_right)
    return comparison.compare(
        train,
        test,
        _predictions(test.labels, wrong_from=wrong_from),
        split="test",
        task=_spec(metric),
        has_chosen=has_chosen,
    )


class VerdictTest(absltest.TestCase):
    def test_clear_gain_is_worth_it(self):
        result = _compare(share_right=0.7, wrong_from=90)
        self.assertAlmostEqual(result.difference.difference, 0.2)
        self.assertGreater(result.difference.low, 0)
        self.assertRegex(
            result.verdict,
            r"^BERT was worth it: on the 100 test rows its accuracy is 0\.200 "
            r"above that of TF-IDF \+ linear SVM \(95 % interval \+0\.1\d\d to "
            r"\+0\.2\d\d, p < 0\.001\), more than chance explains\.$",
        )

    def test_small_gain_is_noise(self):
        result = _compare(share_right=0.88, wrong_from=90)
        self.assertRegex(
            result.verdict,
            r"^BERT made no clear difference: its accuracy is 0\.020 above .* "
            r"p = 0\.500\), which is within the noise of 100 test rows; the "
            r"SVM is smaller and faster\.$",
        )

    def test_the_same_gain_on_many_rows_is_worth_it(self):
        result = _compare(share_right=0.88, wrong_from=1800, num_rows=2000)
        self.assertStartsWith(result.verdict, "BERT was worth it")

    def test_no_gain_is_noise(self):
        result = _compare(share_right=0.9, wrong_from=90)
        self.assertEqual(result.difference.p_value, 1.0)
        self.assertIn("is the same as that of TF-IDF", result.verdict)
        self.assertStartsWith(result.verdict, "BERT made no clear difference")

    def test_clear_loss_is_not_worth_it(self):
        result = _compare(share_right=0.9, wrong_from=70)
        self.assertStartsWith(
            result.verdict,
            "BERT was not worth it: on the 100 test rows its accuracy is 0.200 "
            "below that of TF-IDF + linear SVM (95 % interval -0.",
        )

    def test_the_first_clear_gain_is_of_six_rows_to_none(self):
        for only_bert, p_text, is_clear in (
            (4, "p = 0.125", False),
            (5, "p = 0.062", False),
            (6, "p = 0.031", True),
        ):
            result = _compare(0.8, 80 + only_bert)
            self.assertEqual(result.difference.num_disagreements, only_bert)
            self.assertIn(p_text, result.verdict)
            self.assertEqual("worth it" in result.verdict, is_clear)
            self.assertEqual("within the noise" in result.verdict, not is_clear)

    def test_f1_follows_the_exchange_test(self):
        for wrong_from, is_clear in ((85, False), (95, True)):
            result = _compare(0.8, wrong_from, metric="f1")
            self.assertEqual(result.difference.p_value < 0.05, is_clear)
            self.assertEqual("was worth it" in result.verdict, is_clear)

    def test_rows_that_chose_the_checkpoint_are_named_in_the_sentence(self):
        clear, noise = (
            _compare(0.7, wrong_from, has_chosen=True).verdict
            for wrong_from in (90, 72)
        )
        self.assertStartsWith(
            clear,
            "BERT was worth it: on the 100 test rows, which chose its "
            "checkpoint and so flatter it, its accuracy is 0.200 above that",
        )
        self.assertIn(
            "within the noise of 100 test rows, which chose its checkpoint and "
            "so flatter it; the SVM",
            noise,
        )

    def test_p_values_are_never_rounded_across_the_level(self):
        result = _compare(0.7, 90)
        for p_value, text in (
            (0.0499, "p < 0.05)"),
            (0.0501, "p >= 0.05)"),
            (0.0512, "p = 0.051)"),
        ):
            difference = dataclasses.replace(result.difference, p_value=p_value)
            self.assertIn(
                text,
                comparison._verdict(
                    difference, "accuracy", "tfidf_svm", rows="100 test rows"
                ),
            )


class CompareTest(parameterized.TestCase):
    def test_scores_are_those_of_the_predictions(self):
        result = _compare(share_right=0.7, wrong_from=90)
        self.assertEqual(
            {m: s["accuracy"].value for m, s in result.scores.items()},
            {"majority": 0.5, "tfidf_svm": 0.7, "bert": 0.9},
        )
        self.assertEqual(result.scores["majority"]["f1"].value, 0.0)
        for scores in result.scores.values():
            for score in scores.values():
                self.assertBetween(score.value, *score.interval.ends)

    @parameterized.parameters(
        (2, "accuracy", ["accuracy", "f1"]),
        (2, "f1", ["accuracy", "f1"]),
        (2, "matthews", ["accuracy", "f1", "matthews"]),
        (3, "accuracy", ["accuracy", "macro_f1"]),
        (3, "matthews", ["accuracy", "macro_f1", "matthews"]),
    )
    def test_columns_suit_the_task(self, num_classes, metric, columns):
        train, test = _task(
            num_rows=30, share_right=0.8, num_classes=num_classes
        )
        result = comparison.compare(
            train,
            test,
            test.labels,
            split="test",
            task=_spec(metric, _NAMES[:num_classes]),
        )
        for scores in result.scores.values():
            self.assertSequenceEqual(list(scores), columns)
        self.assertEqual(result.metric, metric)

    def test_f1_is_of_the_positive_class_and_says_so(self):
        train, test = _task(num_rows=30, share_right=0.8)
        never = np.ones(30, int)  # Never "bad".
        for label, value in (("bad", 0.0), ("good", 2 / 3)):
            result = comparison.compare(
                train,
                test,
                never,
                split="test",
                task=_spec("f1", positive_label=label),
            )
            self.assertAlmostEqual(result.scores["bert"]["f1"].value, value)
            self.assertIn(f"F1 ({label})", comparison.render(result))
            self.assertIn(f"its F1 ({label}) is", result.verdict)
            self.assertAlmostEqual(
                result.difference.difference,
                value - result.scores["tfidf_svm"]["f1"].value,
            )

    def test_same_call_gives_the_same_result(self):
        self.assertEqual(_compare(0.7, 80), _compare(0.7, 80))

    def test_pairs_reach_the_baseline(self):
        train = _examples(
            ["a", "a", "b", "b"] * 4, [1, 0, 0, 1] * 4, "abab" * 4
        )
        result = comparison.compare(
            train,
            train,
            train.labels,
            split="train",
            task=_spec("accuracy", ("other", "same")),
        )
        self.assertEqual(result.scores["tfidf_svm"]["accuracy"].value, 1.0)

    @parameterized.parameters(
        (
            "f1",
            _NAMES,
            "3 classes.*metric='f1'. Choose one of: accuracy, macro",
        ),
        ("pearson", _NAMES[:2], "2 classes.*Choose one of: accuracy, f1"),
        ("accuracy", None, "regression.*Choose one of: pearson, spearman.$"),
        ("mse", None, "higher must be better"),
        ("bleu", None, "must be one of the known ones"),
    )
    def test_metric_must_suit_the_task(self, metric, label_names, message):
        train, test = _task(num_rows=10, share_right=1)
        with self.assertRaisesRegex(ValueError, message):
            comparison.compare(
                train,
                test,
                test.labels,
                split="test",
                task=_spec(metric, label_names),
            )

    def test_unlabelled_rows_are_refused(self):
        train, test = _task(num_rows=10, share_right=1)
        unlabelled = dataclasses.replace(test, labels=None)
        with self.assertRaisesRegex(
            ValueError, r"the test split \(rows.tsv\).*--label_column"
        ):
            comparison.compare(
                train,
                unlabelled,
                test.labels,
                split="test",
                task=_spec("accuracy"),
            )

    def test_missing_predictions_are_refused(self):
        train, test = _task(num_rows=10, share_right=1)
        with self.assertRaisesRegex(ValueError, r"shape=\(9,\) for 10 test"):
            comparison.compare(
                train,
                test,
                test.labels[:9],
                split="test",
                task=_spec("accuracy"),
            )


class RegressionTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        scores = np.tile([0.0, 1.0, 2.0], 20)
        texts = [("bad", "fair", "good")[int(score)] for score in scores]
        rng = np.random.default_rng(0)
        self.predictions = scores + rng.normal(size=60)
        rows = _examples(texts, scores)
        self.result = comparison.compare(
            rows,
            rows,
            self.predictions,
            split="validation",
            task=_spec("spearman", None),
        )
        self.labels = scores

    def test_mean_ridge_and_bert_are_compared(self):
        scores = self.result.scores
        self.assertEqual(list(scores), ["mean", "tfidf_ridge", "bert"])
        self.assertEqual(scores["mean"]["pearson"].value, 0.0)
        self.assertAlmostEqual(scores["tfidf_ridge"]["spearman"].value, 1.0)
        self.assertEqual(
            scores["bert"]["pearson"].value,
            METRICS["pearson"](self.labels, self.predictions),
        )

    def test_verdict_names_the_ridge_model(self):
        self.assertRegex(
            self.result.verdict,
            r"not worth it: on the 60 validation rows its Spearman correlation "
            r"is 0\.\d{3} below that of TF-IDF \+ ridge",
        )


class RenderTest(absltest.TestCase):
    def test_table_by_eye(self):
        result = _compare(share_right=0.7, wrong_from=90)
        lines = comparison.render(result).split("\n")
        low, high = (
            f"{end:.3f}" for end in result.scores["bert"]["f1"].interval.ends
        )
        self.assertEqual(
            lines[:7],
            [
                "BERT and simple baselines on 100 test rows",
                "",
                "                     Accuracy              F1",
                "-" * 63,
                "Majority class       0.500 [0.404, 0.596]  0.000 [0.000, "
                "0.106]",
                lines[5],
                "BERT                 0.900 [0.826, 0.945]  0.900 "
                f"[{low}, {high}]",
            ],
        )
        self.assertStartsWith(lines[5], "TF-IDF + linear SVM  0.700 [0.604, ")
        self.assertEqual(" ".join(lines[10:]), result.verdict)

    def test_three_columns_fit_eighty_characters(self):
        result = _compare(share_right=0.2, wrong_from=10, metric="matthews")
        text = comparison.render(result)
        self.assertLessEqual(max(map(len, text.split("\n"))), 80)
        self.assertIn("Accuracy        F1              Matthews correl", text)
        self.assertRegex(text, r"\nBERT +0\.100 +0\.100 +-0\.800\n +\[0\.055, ")

    def test_where_a_class_has_too_few_rows_a_line_says_so(self):
        text = comparison.render(
            _compare(share_right=0.7, wrong_from=18, num_rows=18)
        )
        self.assertRegex(text, r"\nBERT +1\.000 \[0\.824, 1\.000\] +1\.000\n")
        self.assertIn(
            "rows alone.\nF1 has none: too few rows of class good.\n", text
        )


class AsJsonTest(absltest.TestCase):
    def test_holds_everything_as_plain_numbers(self):
        result = _compare(share_right=0.7, wrong_from=90)
        stored = json.loads(json.dumps(comparison.as_json(result)))
        self.assertEqual(
            list(stored),
            ["majority", "tfidf_svm", "bert", "difference", "verdict"],
        )
        accuracy = result.scores["bert"]["accuracy"]
        self.assertEqual(stored["bert"]["accuracy"], accuracy.value)
        self.assertEqual(
            stored["bert"]["accuracy_ci"], list(accuracy.interval.ends)
        )
        difference = result.difference
        self.assertEqual(
            stored["difference"],
            {
                "metric": "accuracy",
                "value": difference.difference,
                "ci": [difference.low, difference.high],
                "p_value": difference.p_value,
                "num_disagreements": 20,
            },
        )
        self.assertEqual(stored["verdict"], result.verdict)


if __name__ == "__main__":
    absltest.main()
