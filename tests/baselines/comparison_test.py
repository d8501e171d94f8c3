"""Tests of comparison.py and of the baseline_scores.py that it is made of."""

import dataclasses
import functools
import json

import numpy as np
import pytest

from tf_bert.baselines import baseline_scores, comparison
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.known_tasks import custom_task
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.scoring.metrics import METRICS

NAMES = ("bad", "good", "fair")
TRAIN = [0, 1, 2, 1] * 4


def make_examples(texts, labels, text_pairs=None):
    return Examples(
        texts=tuple(texts),
        text_pairs=text_pairs and tuple(text_pairs),
        labels=np.array(labels),
        row_numbers=np.arange(1, len(texts) + 1),
        source="rows.tsv",
    )


def make_task(label_names=None, metric=None, positive_label=None):
    """Without label names it is a regression."""
    task = custom_task(
        text_column="text",
        label_column="label",
        is_regression=label_names is None,
        label_names=label_names,
        metric=metric,
    )
    return dataclasses.replace(task, positive_label=positive_label)


def words_of(labels):
    return [NAMES[int(label)] for label in labels]


def make_data(task, **splits):
    """Every label's word is its text; None for a split that is not there."""
    return TaskData(
        task=task,
        **{
            split: labels and make_examples(words_of(labels), labels)
            for split, labels in splits.items()
        },
    )


def rows_of(num_rows, share_right, num_classes=2):
    """Training rows that name their class, and rows that do so at times.

    A model that learned the words gets the first `share_right` of the second
    ones right and the others wrong.
    """
    train_labels = np.arange(12) % num_classes
    labels = np.arange(num_rows) % num_classes
    is_right = np.arange(num_rows) < share_right * num_rows
    words = np.where(is_right, labels, (labels + 1) % num_classes)
    return (
        make_examples(words_of(train_labels), train_labels),
        make_examples(words_of(words), labels),
    )


@functools.cache
def compare(
    share_right, wrong_from, num_rows=100, metric="accuracy", has_chosen=False
):
    """The SVM is right in a share of the rows, BERT up to `wrong_from`."""
    train, test = rows_of(num_rows, share_right)
    is_right = np.arange(num_rows) < wrong_from
    return comparison.compare(
        train,
        test,
        np.where(is_right, test.labels, 1 - test.labels),
        split="test",
        task=make_task(NAMES[:2], metric),
        has_chosen=has_chosen,
    )


class TestVerdict:
    @pytest.mark.parametrize(
        "arguments, start, end",
        [
            (
                (0.7, 90),
                "BERT was worth it: on the 100 test examples its accuracy is "
                "0.200 above that of TF-IDF + linear SVM (95 % interval +0.1",
                ", p < 0.001), more than chance explains.",
            ),
            (
                (0.88, 90),
                "BERT made no clear difference: its accuracy is 0.020 above",
                "p = 0.500), which is within the noise of 100 test examples; "
                "the SVM is smaller and faster.",
            ),
            # The same gain on many rows.
            ((0.88, 1800, 2000), "BERT was worth it: on the 2,000 test", "."),
            (
                (0.9, 90),
                "BERT made no clear difference: its accuracy is the same as "
                "that of TF-IDF",
                "faster.",
            ),
            (
                (0.9, 70),
                "BERT was not worth it: on the 100 test examples its accuracy "
                "is 0.200 below that of TF-IDF + linear SVM (95 % interval -0.",
                "explains.",
            ),
            (
                (0.7, 90, 100, "accuracy", True),
                "BERT was worth it: on the 100 test examples, which chose its "
                "checkpoint and so flatter it, its accuracy is 0.200 above",
                ".",
            ),
            (
                (0.7, 72, 100, "accuracy", True),
                "BERT made no clear difference",
                "within the noise of 100 test examples, which chose its "
                "checkpoint and so flatter it; the SVM is smaller and faster.",
            ),
        ],
    )
    def test_sentence(self, arguments, start, end):
        verdict = compare(*arguments).verdict
        assert verdict.startswith(start)
        assert verdict.endswith(end)

    @pytest.mark.parametrize(
        "arguments, p_text, is_clear",
        [
            # The first clear gain is of six rows to none.
            ((0.8, 84), "p = 0.125", False),
            ((0.8, 85), "p = 0.062", False),
            ((0.8, 86), "p = 0.031", True),
            # F1 follows the exchange test.
            ((0.8, 85, 100, "f1"), "p = 0.0", False),
            ((0.8, 95, 100, "f1"), "p < 0.001", True),
        ],
    )
    def test_follows_the_test(self, arguments, p_text, is_clear):
        result = compare(*arguments)
        assert p_text in result.verdict
        assert (result.difference.p_value < 0.05) == is_clear
        assert ("worth it" in result.verdict) == is_clear
        assert ("within the noise" in result.verdict) == (not is_clear)
        assert result.difference.num_disagreements == arguments[1] - 80


class TestCompare:
    def test_scores_are_those_of_the_predictions(self):
        result = compare(0.7, 90)
        assert {m: s["accuracy"].value for m, s in result.scores.items()} == {
            "majority": 0.5,
            "tfidf_svm": 0.7,
            "bert": 0.9,
        }
        assert result.scores["majority"]["f1"].value == 0.0
        for scores in result.scores.values():
            for score in scores.values():
                low, high = score.interval.ends
                assert low <= score.value <= high

    @pytest.mark.parametrize(
        "num_classes, metric, columns",
        [
            (2, "f1", ["accuracy", "f1"]),
            (2, "matthews", ["accuracy", "f1", "matthews"]),
            (3, "accuracy", ["accuracy", "macro_f1"]),
        ],
    )
    def test_columns_suit_the_task(self, num_classes, metric, columns):
        train, test = rows_of(30, 0.8, num_classes)
        task = make_task(NAMES[:num_classes], metric)
        result = comparison.compare(
            train, test, test.labels, split="test", task=task
        )
        assert [list(scores) for scores in result.scores.values()] == (
            [columns] * 3
        )

    @pytest.mark.parametrize("label, value", [("bad", 0.0), ("good", 2 / 3)])
    def test_f1_is_of_the_positive_class_and_says_so(self, label, value):
        train, test = rows_of(30, 0.8)
        result = comparison.compare(
            train,
            test,
            np.ones(30, int),  # Never "bad".
            split="test",
            task=make_task(NAMES[:2], "f1", label),
        )
        assert result.scores["bert"]["f1"].value == pytest.approx(value)
        assert f"F1 ({label})" in comparison.render(result)
        assert f"its F1 ({label}) is" in result.verdict
        assert result.difference.difference == pytest.approx(
            value - result.scores["tfidf_svm"]["f1"].value
        )

    def test_pairs_reach_the_baseline(self):
        rows = make_examples("aabb" * 4, [1, 0, 0, 1] * 4, "abab" * 4)
        predicted = baseline_scores.predict(
            rows, rows, make_task(("other", "same"))
        )
        assert (predicted["tfidf_svm"] == rows.labels).all()

    def test_regression_has_mean_and_ridge(self):
        labels = np.tile([0.0, 1.0, 2.0], 20)
        predictions = labels + np.random.default_rng(0).normal(size=60)
        rows = make_examples(
            [("bad", "fair", "good")[int(x)] for x in labels], labels
        )
        result = comparison.compare(
            rows, rows, predictions, split="validation", task=make_task()
        )
        scores = result.scores
        assert list(scores) == ["mean", "tfidf_ridge", "bert"]
        assert scores["mean"]["pearson"].value == 0.0
        assert scores["tfidf_ridge"]["spearman"].value == pytest.approx(1.0)
        assert scores["bert"]["pearson"].value == METRICS["pearson"](
            labels, predictions
        )
        assert result.verdict.startswith(
            "BERT was not worth it: on the 60 validation examples its Spearman "
        )
        assert "below that of TF-IDF + ridge" in result.verdict


class TestRender:
    def test_table_by_eye(self):
        result = compare(0.7, 90)
        lines = comparison.render(result).split("\n")
        low, high = (
            f"{end:.3f}" for end in result.scores["bert"]["f1"].interval.ends
        )
        assert lines[:7] == [
            "BERT and simple baselines on 100 test examples",
            "",
            "                     Accuracy              F1",
            "-" * 63,
            "Majority class       0.500 [0.404, 0.596]  0.000 [0.000, 0.106]",
            lines[5],
            f"BERT                 0.900 [0.826, 0.945]  0.900 [{low}, {high}]",
        ]
        assert lines[5].startswith("TF-IDF + linear SVM  0.700 [0.604, ")
        assert " ".join(lines[10:]) == result.verdict

    def test_three_columns_fit_eighty_characters(self):
        text = comparison.render(compare(0.2, 10, 100, "matthews"))
        assert max(map(len, text.split("\n"))) <= 80
        assert "Accuracy        F1              Matthews correl" in text
        bert = text[text.index("\nBERT") :].split()
        assert bert[:5] == ["BERT", "0.100", "0.100", "-0.800", "[0.055,"]

    def test_where_a_class_has_too_few_rows_a_line_says_so(self):
        text = comparison.render(compare(0.7, 18, 18))
        assert "1.000 [0.824, 1.000]  1.000\n" in text
        assert (
            "examples alone.\nF1 has none: too few examples of class good.\n"
            in text
        )


def test_json_holds_everything_as_plain_numbers():
    result = compare(0.7, 90)
    stored = json.loads(json.dumps(comparison.as_json(result)))
    assert list(stored) == (
        ["majority", "tfidf_svm", "bert", "difference", "verdict"]
    )
    accuracy, difference = result.scores["bert"]["accuracy"], result.difference
    assert stored["bert"]["accuracy"] == accuracy.value
    assert stored["bert"]["accuracy_ci"] == list(accuracy.interval.ends)
    assert stored["difference"] == {
        "metric": "accuracy",
        "value": difference.difference,
        "ci": [difference.low, difference.high],
        "p_value": difference.p_value,
        "num_disagreements": 20,
    }
    assert stored["verdict"] == result.verdict


class TestBaselinesOf:
    def test_test_is_scored_where_it_is(self):
        data = make_data(
            make_task(NAMES), train=TRAIN, validation=[0, 1], test=[1, 2, 2, 0]
        )
        result = baseline_scores.baselines_of(data)
        assert result["split"] == "test"
        models = result["models"]
        assert list(models) == ["majority", "tfidf_svm"]
        assert models["majority"]["test"]["accuracy"] == 0.25
        assert models["tfidf_svm"]["test"]["accuracy"] == 1.0
        # Wilson's interval of 1 of 4.
        assert models["majority"]["test"]["accuracy_ci"] == pytest.approx(
            [0.0456, 0.6994], abs=1e-4
        )
        assert "macro_f1_ci" in models["tfidf_svm"]["test"]
        assert json.loads(json.dumps(result)) == result

    def test_else_validation_is(self):
        data = make_data(
            make_task(), train=TRAIN, validation=[0, 1, 2], test=None
        )
        result = baseline_scores.baselines_of(data)
        assert result["split"] == "validation"
        models = result["models"]
        assert models["mean"]["validation"]["spearman"] == 0.0
        assert models["tfidf_ridge"]["validation"]["pearson"] > 0.9

    def test_without_either_there_is_nothing(self, caplog):
        data = make_data(
            make_task(NAMES), train=TRAIN, validation=None, test=None
        )
        assert baseline_scores.baselines_of(data) == {}
        assert "Pass --test_file" in caplog.text


@pytest.mark.parametrize(
    "train_labels, scored_labels, expected",
    [
        ([2, 0, 2, 2, 1], [0], 2),
        # Equally frequent, but for one row: the scored examples say it.
        ([0, 0, 0, 1, 1, 1, 2], [2, 2, 2, 1, 1, 0], 1),
        ([0, 0, 0, 1, 1, 2], [2, 2, 2, 1, 1, 0], 1),
        # The lowest id of those that are equal there, too.
        ([2, 1, 1, 2, 0], [1, 2], 1),
        # The training examples say it where they can.
        ([0, 0, 0, 1], [1, 1], 0),
    ],
)
def test_constant_answer_is_the_most_frequent_class(
    train_labels, scored_labels, expected
):
    labels = np.array(train_labels), np.array(scored_labels)
    assert (
        baseline_scores.constant_answer(make_task(NAMES), *labels) == expected
    )


@pytest.mark.parametrize(
    "metric, labels, expected",
    [
        ("accuracy", [1, 1, 2, 0], 0.5),
        ("matthews", [1, 1, 2, 0], 0.0),
        # F1 of class 1 is 2/3, of the others 0.
        ("macro_f1", [1, 1, 2, 0], 2 / 9),
        ("accuracy", [2, 2], 0.0),
    ],
)
def test_majority_score_is_of_the_class_of_train(metric, labels, expected):
    value = baseline_scores.majority_score(
        make_task(NAMES, metric), np.array(TRAIN), np.array(labels)
    )
    assert value == pytest.approx(expected)


def test_a_constant_score_is_the_mean_and_correlates_with_nothing():
    task, labels = make_task(), np.array([1.0, 4.0], np.float32)
    assert baseline_scores.constant_answer(task, labels, labels) == 2.5
    assert baseline_scores.majority_score(task, labels, labels) == 0.0
