"""Tests of tf_bert/inspection/similarity.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.inspection.similarity import find_similar, piece_sets


def sets_of(rows):
    ids = np.array([piece for row in rows for piece in row], np.int64)
    return piece_sets(ids, np.cumsum([0, *map(len, rows)]))


def jaccard(first, second):
    return len(set(first) & set(second)) / len(set(first) | set(second))


class PieceSetsTest(parameterized.TestCase):
    def test_order_and_repetition_are_forgotten(self):
        sets = sets_of([[5, 9, 5], [9, 5]])
        self.assertEqual(sets.pieces.tolist(), [0, 1, 0, 1])

    def test_rare_pieces_come_first(self):
        sets = sets_of([[1, 2, 3], [1, 2], [1]])
        self.assertEqual(sets.pieces.tolist(), [0, 1, 2, 1, 2, 2])

    def test_all_rows_may_be_empty(self):
        sets = sets_of([[], []])
        found = find_similar(sets, np.arange(2), np.arange(2), threshold=0.8)
        self.assertEqual(found.tolist(), [-1, -1])


class FindSimilarTest(parameterized.TestCase):
    @parameterized.parameters(
        # Second row, threshold, whether it is like the first, {1, 2, 3, 4}.
        ([1, 2, 3, 4, 5], 0.8, True),  # 4 / 5: at the threshold.
        ([1, 2, 3, 4, 5, 6], 0.8, False),  # 4 / 6.
        ([1, 2, 3, 9], 0.6, True),  # 3 / 5.
        ([1, 2, 3, 9], 0.61, False),
        ([4, 3, 2, 1, 1], 1.0, True),
        ([5], 0.01, False),
        ([], 0.01, False),
    )
    def test_the_threshold_is_exact(self, row, threshold, expected):
        sets = sets_of([[1, 2, 3, 4], row])
        every = np.arange(2)
        found = find_similar(sets, every, every, threshold=threshold)
        self.assertEqual(found.tolist(), [-1, 0 if expected else -1])

    def test_no_candidates_are_no_error(self):
        sets = sets_of([[1]])
        found = find_similar(
            sets, np.array([0]), np.zeros(0, np.int64), threshold=0.8
        )
        self.assertEqual(found.tolist(), [-1])

    @parameterized.product(threshold=[0.3, 0.8, 1.0], seed=[0, 1])
    def test_agrees_with_comparing_all_pairs(self, threshold, seed):
        generator = np.random.default_rng(seed)
        rows = [
            generator.integers(0, 10, generator.integers(0, 9)).tolist()
            for _ in range(70)
        ]
        queries, candidates = np.arange(10, 70), np.arange(0, 70, 2)
        found = find_similar(
            sets_of(rows), queries, candidates, threshold=threshold
        )
        for query, other in zip(queries, found, strict=True):
            alike = [
                candidate
                for candidate in candidates
                if candidate < query
                and rows[query]
                and jaccard(rows[candidate], rows[query]) >= threshold - 1e-9
            ]
            if alike:
                self.assertIn(other, alike)
            else:
                self.assertEqual(other, -1)

    def test_many_texts_of_one_template_are_all_found(self):
        """More than are compared at once."""
        rows = [[*range(9), 100 + i] for i in range(2000)]
        every = np.arange(len(rows))
        found = find_similar(sets_of(rows), every, every, threshold=0.8)
        self.assertEqual(found[0], -1)
        self.assertTrue((found[1:] >= 0).all())
        self.assertTrue((found < every).all())
