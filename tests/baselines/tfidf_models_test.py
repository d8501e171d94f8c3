import csv
import pathlib

import numpy as np
import pytest
from absl.testing import parameterized
from scipy import sparse

from tf_bert.baselines import tfidf_models
from tf_bert.baselines.tfidf_models import fit_tfidf_ridge, fit_tfidf_svm
from tf_bert.scoring.metrics import METRICS

_DATA_DIR = pathlib.Path(__file__).parents[2] / "../shared/data"
_WORDS = ("red", "green", "blue", "black")
_TEXTS = ["good", "good film", "fair film", "fair", "bad film", "bad"] * 3
_SCORES = np.array([2.0, 2.0, 1.0, 1.0, 0.0, 0.0] * 3, np.float32)


def _svm(texts, text_pairs, labels, metric="accuracy"):
    return fit_tfidf_svm(texts, text_pairs, labels, metric=METRICS[metric])


def _ridge(texts, text_pairs, labels, metric="mse"):
    return fit_tfidf_ridge(texts, text_pairs, labels, metric=METRICS[metric])


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
    @parameterized.parameters(2, 4)
    def test_learns_the_telling_word(self, num_classes):
        texts, labels = _colours(60, num_classes)
        model = _svm(texts, None, labels)
        new_texts, new_labels = _colours(12, num_classes, seed=1)
        np.testing.assert_array_equal(model.predict(new_texts), new_labels)

    def test_pair_is_compared(self):
        # Whether the words are the same: neither text alone tells.
        first = [_WORDS[i // 4] for i in range(16)] * 2
        second = [_WORDS[i % 4] for i in range(16)] * 2
        labels = np.equal(first, second).astype(int)
        model = _svm(first, second, labels)
        np.testing.assert_array_equal(model.predict(first, second), labels)

    def test_second_fit_equals_the_first(self):
        texts, labels = _colours(30, 3)
        labels = np.random.default_rng(0).permutation(labels)
        first, second = (
            _svm(texts, None, labels).linear.coef_ for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)

    @parameterized.parameters(([0, 2, 2, 0, 0],), ([0, 2, 0, 0, 0],))
    def test_class_without_rows_is_never_predicted(self, labels):
        texts = [f"{_WORDS[label]} thing" for label in labels]
        model = _svm(texts, None, np.array(labels))
        found = model.predict(["red thing", "blue thing", "green thing"])
        self.assertContainsSubset(found, [0, 2])

    def test_one_row_per_class_is_enough(self):
        model = _svm(["red", "green", "blue"], None, np.arange(3))
        self.assertEqual(model.linear.C, 1.0)
        self.assertEqual(model.predict(["blue", "red"]).tolist(), [2, 0])

    def test_metric_decides_the_regularisation(self):
        # Words that say nothing of the class: the strongest regularisation
        # answers the frequent class, which has the best accuracy and no F1.
        rng = np.random.default_rng(0)
        labels = (np.arange(120) % 4 == 0).astype(int)
        texts = [" ".join(row) for row in rng.choice([*"abcdefgh"], (120, 6))]
        self.assertEqual(_svm(texts, None, labels).linear.C, 0.1)
        self.assertEqual(_svm(texts, None, labels, "f1").linear.C, 10.0)

    def test_one_class_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "all of one class.*labels=.1. in 2 examples"
        ):
            _svm(["a", "b"], None, np.array([1, 1]))


class TfidfRidgeTest(parameterized.TestCase):
    def test_scores_follow_the_telling_words(self):
        model = _ridge(_TEXTS, None, _SCORES)
        good, fair, bad = model.predict(["good day", "fair day", "bad day"])
        self.assertGreater(good, fair + 0.5)
        self.assertGreater(fair, bad + 0.5)
        # Clean data asks for little regularisation, unrelated scores for much.
        self.assertEqual(model.linear.alpha, 0.1)
        scores = np.random.default_rng(3).normal(size=60)
        texts = [f"{a} {b}" for a in "abcdef" for b in "ghijklmnop"]
        self.assertEqual(_ridge(texts, None, scores).linear.alpha, 10.0)
        # One row gives its score.
        model = _ridge(["good"], None, np.array([3.0]))
        np.testing.assert_allclose(model.predict(["good", "bad"]), [3.0, 3.0])

    def test_second_fit_of_pairs_equals_the_first(self):
        pairs = (_TEXTS, _TEXTS[::-1])
        first, second = (
            _ridge(*pairs, _SCORES).predict(*pairs) for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)


class FoldsTest(parameterized.TestCase):
    @parameterized.parameters(
        ([10, 10], 5),
        ([10, 3], 3),
        ([10, 2, 7], 2),
        ([10, 1], 5),
        ([2, 1, 1], 2),
        ([1, 1, 1], 0),
    )
    def test_folds_are_as_many_as_the_smallest_class_allows(
        self, class_sizes, num_folds
    ):
        labels = np.repeat(np.arange(len(class_sizes)), class_sizes)
        folds = tfidf_models.stratified_folds(labels)
        self.assertLen(folds, num_folds)
        for trained, scored in folds:
            self.assertContainsSubset(labels, labels[trained])
            self.assertEmpty(set(trained) & set(scored))
        is_single = np.bincount(labels)[labels] == 1
        self.assertCountEqual(
            [row for _, scored in folds for row in scored],
            np.flatnonzero(~is_single),
        )

    @parameterized.parameters((1, 0), (2, 2), (3, 3), (50, 5))
    def test_plain_folds_score_each_row_once(self, num_rows, num_folds):
        folds = tfidf_models.plain_folds(num_rows)
        self.assertLen(folds, num_folds)
        if folds:
            scored = np.concatenate([scored for _, scored in folds])
            self.assertCountEqual(scored, range(num_rows))


class _Constant:
    """Predicts the candidate, whatever the row."""

    def __init__(self, candidate):
        self._candidate = candidate

    def fit(self, vectors, labels):
        return self

    def predict(self, vectors):
        return np.full(vectors.shape[0], self._candidate)


class ChooseTest(parameterized.TestCase):
    @parameterized.parameters(
        ("mse", [1.0, 2.0, 3.0], 2.0),  # Lower is better.
        ("pearson", [3.0, 1.0, 2.0], 3.0),  # All 0: the first of equals.
    )
    def test_best_by_the_metric(self, metric, candidates, expected):
        chosen = tfidf_models.choose(
            candidates,
            _Constant,
            sparse.csr_matrix((4, 1)),
            np.array([1.0, 2.0, 3.0, 2.0]),
            folds=tfidf_models.plain_folds(4),
            metric=METRICS[metric],
        )
        self.assertEqual(chosen, expected)


def _read(dataset, name, step=1):
    """Returns the columns of every `step`-th row of a real file."""
    path = _DATA_DIR / dataset / name
    is_csv = path.suffix == ".csv"
    with path.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(
            file,
            delimiter="," if is_csv else "\t",
            quoting=csv.QUOTE_MINIMAL if is_csv else csv.QUOTE_NONE,
        )
    return list(zip(*rows[::step], strict=True))


@pytest.mark.large
class RealDataTest(parameterized.TestCase):
    @parameterized.parameters(
        ("SST-2", "train.tsv", "dev.tsv", 8, 0.78, 0.81),
        ("Banking77", "train.csv", "test.csv", 2, 0.855, 0.88),
    )
    def test_classes(self, dataset, train, test, step, low, high):
        texts, names = _read(dataset, train, step)
        ids = {name: i for i, name in enumerate(sorted(set(names)))}
        model = _svm(texts, None, np.array([ids[name] for name in names]))
        texts, names = _read(dataset, test)
        labels = np.array([ids[name] for name in names])
        accuracy = METRICS["accuracy"](labels, model.predict(texts))
        self.assertBetween(accuracy, low, high)

    def test_scores_of_pairs(self):
        *_, first, second, scores = _read("STS-B", "train.tsv", 3)
        model = _ridge(first, second, np.array(scores, float), "spearman")
        *_, first, second, scores = _read("STS-B", "dev.tsv")
        correlation = METRICS["spearman"](
            np.array(scores, float), model.predict(first, second)
        )
        self.assertBetween(correlation, 0.68, 0.71)
