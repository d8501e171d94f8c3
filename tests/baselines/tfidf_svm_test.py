import csv
import pathlib
import time

import numpy as np
import pytest
from absl.testing import absltest, parameterized

from tf_bert.baselines.tfidf_svm import fit_tfidf_svm
from tf_bert.scoring.metrics import METRICS

_DATA_DIR = pathlib.Path(__file__).parents[2] / "../shared/data"
_WORDS = ("red", "green", "blue", "black")


def _colours(num_rows, num_classes, seed=0):
    """Rows whose class is the colour in the middle of random letters."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num_rows) % num_classes
    letters = rng.choice(list("abcdef"), size=(num_rows, 4))
    texts = [
        " ".join([*row[:2], _WORDS[label], *row[2:]])
        for row, label in zip(letters, labels, strict=True)
    ]
    return texts, labels


class TfidfSvmTest(parameterized.TestCase):
    @parameterized.parameters(2, 3, 4)
    def test_learns_the_telling_word(self, num_classes):
        texts, labels = _colours(60, num_classes)
        model = fit_tfidf_svm(texts, None, labels, num_classes=num_classes)
        new_texts, new_labels = _colours(12, num_classes, seed=1)
        np.testing.assert_array_equal(model.predict(new_texts), new_labels)
        scores = model.decision_scores(new_texts)
        self.assertEqual(scores.shape, (12, num_classes))
        np.testing.assert_array_equal(scores.argmax(axis=1), new_labels)

    def test_pair_is_compared(self):
        # Whether the words are the same: neither text alone tells.
        first = [_WORDS[i // 4] for i in range(16)] * 2
        second = [_WORDS[i % 4] for i in range(16)] * 2
        labels = np.array(
            [int(a == b) for a, b in zip(first, second, strict=True)]
        )
        model = fit_tfidf_svm(first, second, labels, num_classes=2)
        np.testing.assert_array_equal(model.predict(first, second), labels)

    def test_second_fit_equals_the_first(self):
        texts, labels = _colours(30, 3)
        labels = np.random.default_rng(0).permutation(labels)
        first, second = (
            fit_tfidf_svm(texts, None, labels, num_classes=3).decision_scores(
                texts
            )
            for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)

    @parameterized.parameters(([0, 2, 2, 0, 0],), ([0, 2, 0, 0, 0],))
    def test_class_without_rows_is_never_predicted(self, labels):
        texts = [f"{_WORDS[label]} thing" for label in labels]
        model = fit_tfidf_svm(texts, None, np.array(labels), num_classes=4)
        scores = model.decision_scores(["red thing", "blue thing"])
        self.assertTrue(np.isneginf(scores[:, [1, 3]]).all())
        self.assertTrue(np.isfinite(scores[:, [0, 2]]).all())

    def test_one_row_per_class_is_enough(self):
        model = fit_tfidf_svm(
            ["red", "green", "blue"], None, np.arange(3), num_classes=3
        )
        self.assertEqual(model.regularisation, 1.0)
        self.assertEqual(model.predict(["blue", "red"]).tolist(), [2, 0])

    def test_metric_decides_the_regularisation(self):
        # Words that say nothing of the class: the strongest regularisation
        # answers the frequent class, which has the best accuracy and no F1.
        rng = np.random.default_rng(0)
        labels = (np.arange(120) % 4 == 0).astype(int)
        texts = [" ".join(row) for row in rng.choice([*"abcdefgh"], (120, 6))]

        def regularisation(metric):
            return fit_tfidf_svm(
                texts, None, labels, num_classes=2, metric=metric
            ).regularisation

        self.assertEqual(regularisation("accuracy"), 0.1)
        self.assertEqual(regularisation("f1"), 10.0)

    @parameterized.parameters(
        ([1, 1], 2, "at least two classes.*labels=.1. in 2 rows"),
        ([0, 2], 2, "from 0 to 1.*--label_names"),
        ([-1, 0], 2, "from 0 to 1.*labels from -1 to 0"),
    )
    def test_bad_labels_are_refused(self, labels, num_classes, message):
        with self.assertRaisesRegex(ValueError, message):
            fit_tfidf_svm(
                ["a", "b"], None, np.array(labels), num_classes=num_classes
            )


@pytest.mark.large
class TfidfSvmRealDataTest(absltest.TestCase):
    def test_sst2_within_two_minutes(self):
        texts, labels = self._read_sst2("train.tsv")
        start = time.monotonic()
        model = fit_tfidf_svm(texts, None, labels, num_classes=2)
        self.assertLess(time.monotonic() - start, 120)
        texts, labels = self._read_sst2("dev.tsv")
        accuracy = METRICS["accuracy"](labels, model.predict(texts))
        self.assertBetween(accuracy, 0.80, 0.84)

    def test_banking77(self):
        texts, names = self._read_banking77("train.csv")
        ids = {name: i for i, name in enumerate(sorted(set(names)))}
        labels = np.array([ids[name] for name in names])
        model = fit_tfidf_svm(texts, None, labels, num_classes=77)
        texts, names = self._read_banking77("test.csv")
        labels = np.array([ids[name] for name in names])
        accuracy = METRICS["accuracy"](labels, model.predict(texts))
        self.assertBetween(accuracy, 0.88, 0.91)

    def _read_sst2(self, name):
        content = (_DATA_DIR / "SST-2" / name).read_text(encoding="utf-8")
        rows = [line.split("\t") for line in content.rstrip("\n").split("\n")]
        texts, labels = zip(*rows[1:], strict=True)
        return texts, np.array(labels, int)

    def _read_banking77(self, name):
        path = _DATA_DIR / "Banking77" / name
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [r["text"] for r in rows], [r["category"] for r in rows]


if __name__ == "__main__":
    absltest.main()
