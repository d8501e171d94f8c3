"""Tests of tf_bert/report/mistakes.py."""

import csv
import dataclasses
import pathlib
import tempfile

import numpy as np
import pytest
from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.report.mistakes import confident_mistakes
from tf_bert.scoring.scored_rows import ScoredRows

_TREC = pathlib.Path(__file__).parents[2] / "../shared/data/TREC"
NAMES = ("bad", "good")
# The last is the only one that is never wrong below.
TEXTS = ("fine", "<script>alert(1)</script>", "poor", "so\tso", "awful")
LABELS = np.array([1, 1, 0, 1, 0])


def make_rows(labels, shares):
    """Rows of two classes.

    Args:
        labels: `[N]`.
        shares: `[N]`, probability of class 1.
    """
    shares = np.array(shares)
    return ScoredRows(
        labels, (shares > 0.5).astype(int), np.stack([1 - shares, shares], 1)
    )


def write(path, labels, texts=TEXTS, second=None):
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = [("text", "second", "label")]
        rows += zip(texts, second or texts, labels, strict=True)
        csv.writer(file).writerows(rows)


class ConfidentMistakesTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.train = pathlib.Path(folder, "train.csv")
        self.test = pathlib.Path(folder, "test.csv")
        write(self.train, ["good", "bad", "good", "bad", "good"])
        write(self.test, [NAMES[label] for label in LABELS])
        self.config = Config(
            output_dir="runs/x",
            train_file=str(self.train),
            test_file=str(self.test),
            validation_proportion=0,
        )

    def find(self, *shares, **changes):
        return confident_mistakes(
            self.config,
            [make_rows(LABELS, s) for s in shares],
            **{"split": "test", "label_names": NAMES, **changes},
        )

    def test_the_surest_mistake_comes_first(self):
        found = self.find([0.4, 0.05, 0.9, 0.6, 0.2])
        self.assertEqual([m.row_number for m in found], [2, 3, 1])
        self.assertEqual(
            dataclasses.asdict(found[0])
            | {"confidence": round(found[0].confidence, 9)},
            {
                "source": str(self.test),
                "row_number": 2,
                "text": "<script>alert(1)</script>",
                "text_pair": None,
                "label": "good",
                "prediction": "bad",
                "confidence": 0.95,
                "spread": "",
            },
        )

    def test_of_trials_the_mean_decides(self):
        found = self.find(
            [0.4, 0.0, 0.9, 0.9, 0.1],
            [0.4, 0.3, 0.2, 0.2, 0.1],
            [0.4, 0.3, 0.7, 0.3, 0.1],
        )
        self.assertEqual([m.row_number for m in found], [2, 1, 3, 4])
        np.testing.assert_allclose(
            [m.confidence for m in found], [0.8, 0.6, 0.6, 1.6 / 3]
        )
        self.assertEqual(
            [m.spread for m in found],
            [f"wrong in {n} of 3 trials" for n in (3, 3, 2, 2)],
        )

    def test_no_more_than_asked_for(self):
        self.assertLen(self.find([0.1] * 5, num_mistakes=2), 2)

    def test_all_right_is_an_empty_list(self):
        self.assertEqual(self.find([0.9, 0.9, 0.1, 0.9, 0.1]), [])

    def test_pairs_have_both_texts(self):
        seconds = [f"second {i}" for i in range(5)]
        write(self.test, [NAMES[i] for i in LABELS], second=seconds)
        self.config = dataclasses.replace(
            self.config, text_pair_column="second"
        )
        (found,) = self.find([0.4, 0.9, 0.1, 0.9, 0.1])
        self.assertEqual((found.text, found.text_pair), ("fine", "second 0"))

    def test_rows_held_out_of_the_training_file_are_found_again(self):
        self.config = Config(
            output_dir="runs/x",
            train_file=str(self.train),
            validation_proportion=0.4,
        )
        with open(self.train, encoding="utf-8") as file:
            lines = list(csv.reader(file))[1:]
        data = run_data.load(self.config, run_data.get_task(self.config))
        labels = data.validation.labels
        rows = make_rows(labels, 0.9 - 0.8 * labels)  # All wrong.
        found = confident_mistakes(
            self.config, [rows], split="validation", label_names=NAMES
        )
        self.assertLen(found, 2)
        for mistake in found:
            text, _, label = lines[mistake.row_number - 1]
            self.assertEqual((mistake.text, mistake.label), (text, label))

    def test_a_regression_has_its_largest_errors(self):
        labels = np.array([0.1, 2.5, 3.8, 4, 5], np.float32)
        for path in (self.train, self.test):
            write(path, labels)
        self.config = dataclasses.replace(self.config, task_type="regression")
        stored = labels.astype(np.float64)
        errors = np.array([[0, 1, 0.3, -3, 0], [0, -1.5, 0.1, -1, 0]])
        found = confident_mistakes(
            self.config,
            [ScoredRows(stored, stored + error) for error in errors],
            split="test",
            label_names=None,
        )
        # The last row, whose error is 0 in the mean, is no mistake.
        self.assertEqual([m.row_number for m in found], [4, 2, 3])
        np.testing.assert_allclose(
            [m.confidence for m in found], [2, 0.25, 0.2], atol=1e-6
        )
        self.assertEqual(found[0].label, "4")
        self.assertEqual(found[0].prediction, "2")
        self.assertEqual(found[0].spread, "1 to 3 in 2 trials")

    @parameterized.named_parameters(
        ("label", dict(labels=["good"] * 5), "row 3 of .*test.csv has another"),
        (
            "row",
            dict(labels=["good"] * 4, texts=TEXTS[:4]),
            "it has 4 rows, not 5",
        ),
    )
    def test_changed_data_is_said(self, changes, message):
        write(self.test, **changes)
        self.assertRegex(
            self.find([0.1] * 5),
            f"^The texts are not shown, since the test split of .*: {message}",
        )

    def test_other_classes_are_said(self):
        found = self.find([0.1] * 5, label_names=("poor", "good"))
        self.assertEndsWith(found, "its classes have other names.")

    def test_a_split_that_is_gone_is_said(self):
        found = self.find([0.1] * 5, split="validation")
        self.assertEndsWith(
            found,
            "the validation split of the data is not what it was: "
            "there is none.",
        )

    @parameterized.parameters(
        ("", "must"), ("text,label\nfine,good\n,bad\n", "row 2")
    )
    def test_damaged_data_is_said(self, content, message):
        self.test.write_text(content, encoding="utf-8")
        self.assertRegex(
            self.find([0.1] * 5),
            f"^The texts are not shown, since the data cannot be .*{message}",
        )

    def test_a_file_that_is_gone_is_said(self):
        self.test.unlink()
        self.assertRegex(self.find([0.1] * 5), "cannot be read .*test.csv")


@pytest.mark.large
def test_trec(tmp_path):
    """Ten made-up trials on 500 questions of six classes."""
    paths = {}
    for split in ("train", "test"):
        lines = (_TREC / f"TREC.{split}").read_text("latin-1").split("\n")[:-1]
        rows = [line.replace(":", " ", 1).split(" ", 2) for line in lines]
        paths[split] = tmp_path / f"{split}.csv"
        with open(paths[split], "w", encoding="utf-8", newline="") as file:
            content = [(text, label) for label, _, text in rows]
            csv.writer(file).writerows([("text", "label"), *content])
    names = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
    texts, words = zip(*content, strict=True)
    labels = np.array([names.index(word) for word in words])
    trials = []
    for seed in range(10):
        logits = np.random.default_rng(seed).normal(size=(500, 6))
        logits[np.arange(500), labels] += 2
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        trials.append(ScoredRows(labels, shares.argmax(axis=1), shares))
    config = Config(
        output_dir="runs/x",
        train_file=str(paths["train"]),
        test_file=str(paths["test"]),
        validation_proportion=0,
    )
    one = confident_mistakes(
        config, trials[:1], split="test", label_names=names
    )
    assert len(one) == 20
    assert sorted(one, key=lambda m: -m.confidence) == one
    for mistake in one:
        row = mistake.row_number - 1
        assert mistake.text == texts[row]
        assert mistake.label == words[row] != mistake.prediction
        assert mistake.confidence == trials[0].probabilities[row].max()
    # The mean of ten is right where most of them are.
    assert (
        confident_mistakes(config, trials, split="test", label_names=names)
        == []
    )
