import numpy as np
from absl.testing import absltest, parameterized
from scipy import sparse

from tf_bert.baselines import cross_validation
from tf_bert.scoring.metrics import METRICS


class _Constant:
    """Predicts the candidate, whatever the row."""

    def __init__(self, candidate):
        self._candidate = candidate

    def fit(self, features, labels):
        return self

    def predict(self, features):
        return np.full(features.shape[0], self._candidate)


class FoldsTest(parameterized.TestCase):
    @parameterized.parameters(
        ([10, 10], 5),
        ([10, 3], 3),
        ([10, 2, 7], 2),
        ([10, 1], 5),
        ([2, 1, 1], 2),
    )
    def test_folds_are_as_many_as_the_smallest_class_allows(
        self, class_sizes, num_folds
    ):
        labels = np.repeat(np.arange(len(class_sizes)), class_sizes)
        folds = cross_validation.stratified_folds(labels, seed=0)
        self.assertLen(folds, num_folds)
        for trained, scored in folds:
            self.assertContainsSubset(labels, labels[trained])
            self.assertEmpty(set(trained) & set(scored))
        is_single = np.bincount(labels)[labels] == 1
        self.assertSameElements(
            np.concatenate([scored for _, scored in folds]),
            np.flatnonzero(~is_single),
        )

    def test_classes_of_single_rows_have_no_folds(self):
        self.assertEmpty(
            cross_validation.stratified_folds(np.arange(3), seed=0)
        )

    @parameterized.parameters((1, 0), (2, 2), (3, 3), (50, 5))
    def test_plain_folds_score_each_row_once(self, num_rows, num_folds):
        folds = cross_validation.plain_folds(num_rows, seed=0)
        self.assertLen(folds, num_folds)
        if folds:
            scored = np.concatenate([scored for _, scored in folds])
            self.assertCountEqual(scored, range(num_rows))


class ChooseTest(parameterized.TestCase):
    @parameterized.parameters(
        ("mse", [1.0, 2.0, 3.0], 2.0),  # Lower is better.
        ("pearson", [3.0, 1.0, 2.0], 3.0),  # All 0: the first of equals.
    )
    def test_best_by_the_metric(self, metric, candidates, expected):
        labels = np.array([1.0, 2.0, 3.0, 2.0])
        chosen = cross_validation.choose(
            candidates,
            _Constant,
            sparse.csr_matrix((4, 1)),
            labels,
            folds=cross_validation.plain_folds(4, seed=0),
            metric=METRICS[metric],
        )
        self.assertEqual(chosen, expected)


if __name__ == "__main__":
    absltest.main()
