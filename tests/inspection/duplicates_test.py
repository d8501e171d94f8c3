"""Tests of tf_bert/inspection/duplicates.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.data.tasks.examples import Examples
from tf_bert.inspection import duplicates, similarity


def examples(*texts, labels=None, pairs=None, first_row=1):
    return Examples(
        texts=texts,
        text_pairs=pairs,
        labels=np.array(labels or [0] * len(texts)),
        row_numbers=np.arange(first_row, first_row + len(texts)),
        source="x.csv",
    )


def overlaps(**splits):
    """Finds overlaps; words stand for word pieces."""
    words: dict[str, int] = {}
    ids, lengths = [], []
    for split in splits.values():
        for text in split.texts:
            row = [words.setdefault(w, len(words)) for w in text.split()]
            ids += row
            lengths.append(len(row))
    sets = similarity.piece_sets(
        np.array(ids, np.int64), np.cumsum([0, *lengths])
    )
    return {
        (overlap.split, overlap.earlier): (overlap.exact, overlap.near)
        for overlap in duplicates.find_overlaps(splits, sets)
    }


class FindOverlapsTest(parameterized.TestCase):
    def test_repeats_name_the_first_row_of_their_text(self):
        found = overlaps(train=examples("a b", "c", "a b", "a b"))
        self.assertEqual(found, {("train", "train"): ([(3, 1), (4, 1)], [])})

    def test_rows_go_by_the_numbers_of_their_files(self):
        found = overlaps(
            train=examples("a b", "c", first_row=100), test=examples("d", "c")
        )
        self.assertEqual(found["test", "train"], ([(2, 101)], []))

    def test_every_two_splits_are_compared(self):
        found = overlaps(
            train=examples("a"), validation=examples("b"), test=examples("b")
        )
        self.assertLen(found, 6)
        self.assertEqual(found["test", "validation"], ([(1, 1)], []))
        self.assertEqual(found["test", "train"], ([], []))

    def test_near_repeats_are_no_exact_ones(self):
        found = overlaps(
            train=examples("a b c d", "b a c d", "a b c d"),
            test=examples("d c b a e", "x", "a b c d"),
        )
        self.assertEqual(found["train", "train"], ([(3, 1)], [(2, 1)]))
        self.assertEqual(found["test", "train"], ([(3, 1)], [(1, 1)]))

    def test_case_and_spaces_do_not_count(self):
        found = overlaps(train=examples("a b", "A  B"), test=examples("a B"))
        self.assertEqual(found["train", "train"], ([(2, 1)], []))
        self.assertEqual(found["test", "train"], ([(1, 1)], []))

    def test_both_texts_of_a_pair_count(self):
        found = overlaps(
            train=examples("a b", "a b", "a b", pairs=("x", "y", "x"))
        )
        self.assertEqual(found["train", "train"][0], [(3, 1)])

    def test_empty_texts_repeat_nothing(self):
        found = overlaps(train=examples(" ", " ", ""))
        self.assertEqual(found, {("train", "train"): ([], [])})


class FindContradictionsTest(parameterized.TestCase):
    def test_names_every_row_of_the_text(self):
        found = duplicates.find_contradictions(
            {
                "train": examples("A", "b", "a", labels=[0, 1, 0]),
                "test": examples("a", "b", labels=[1, 1]),
            },
            label_names=("no", "yes"),
        )
        rows = [("train", 1, "no"), ("train", 3, "no"), ("test", 1, "yes")]
        self.assertEqual(found, [duplicates.Contradiction("A", rows)])

    def test_another_second_text_is_another_pair(self):
        pairs = examples("a", "a", labels=[0, 1], pairs=("x", "y"))
        found = duplicates.find_contradictions(
            {"train": pairs}, label_names=("no", "yes")
        )
        self.assertEmpty(found)

    @parameterized.parameters((0.5, 1), (1.0, 0))
    def test_scores_may_differ_by_the_tolerance(self, tolerance, expected):
        found = duplicates.find_contradictions(
            {"train": examples("a", "a", labels=[1.5, 2.5])},
            label_names=None,
            tolerance=tolerance,
        )
        self.assertLen(found, expected)

    def test_empty_texts_contradict_nothing(self):
        found = duplicates.find_contradictions(
            {"train": examples("", "", labels=[0, 1])},
            label_names=("no", "yes"),
        )
        self.assertEmpty(found)
