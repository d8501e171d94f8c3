"""Tests of tf_bert/data/tasks/stratified_split.py."""

import logging

import numpy as np
import pytest
from absl.testing import parameterized

from tf_bert.data.tasks.stratified_split import (
    balanced_sample,
    halves,
    stratified_split,
)


class StratifiedSplitTest(parameterized.TestCase):
    @parameterized.parameters(
        (0, [0, 2, 9, 11]),
        (7, [1, 3, 4, 8]),
    )
    def test_known_seeds_give_the_stored_split(self, seed, expected):
        labels = np.array([0, 1] * 6)
        _, held_out = stratified_split(labels, 0.34, seed)
        self.assertEqual(held_out.tolist(), expected)

    def test_parts_are_disjoint_complete_and_in_file_order(self):
        labels = np.arange(101) % 3
        kept, held_out = stratified_split(labels, 0.3, 5)
        np.testing.assert_array_equal(kept, np.sort(kept))
        np.testing.assert_array_equal(held_out, np.sort(held_out))
        np.testing.assert_array_equal(
            np.sort(np.concatenate([kept, held_out])), np.arange(101)
        )

    @parameterized.parameters(
        # Rows of a class, proportion, how many are held out.
        (1, 0.5, 0),  # Its only row stays in training.
        (2, 0.1, 1),  # At least one of two.
        (2, 0.9, 1),  # And one stays.
        (10, 0.1, 1),
        (15, 0.1, 2),  # Half is rounded up.
        (14, 0.1, 1),
        (10, 0.99, 9),
        (10, 0.0, 0),
    )
    def test_held_out_rows_of_a_class(self, size, proportion, expected):
        labels = np.array([0] * size + [1] * 100)
        _, held_out = stratified_split(labels, proportion, 0)
        self.assertEqual(np.sum(labels[held_out] == 0), expected)

    def test_a_larger_proportion_holds_out_the_same_rows_and_more(self):
        labels = np.arange(60) % 2
        _, few = stratified_split(labels, 0.1, 3)
        _, many = stratified_split(labels, 0.4, 3)
        self.assertContainsSubset(few, many)
        self.assertLen(many, 24)

    def test_scores_are_divided_as_one_group(self):
        scores = np.linspace(0, 5, 50).astype(np.float32)
        _, held_out = stratified_split(scores, 0.2, 0)
        self.assertLen(held_out, 10)

    def test_other_seeds_give_other_splits(self):
        labels = np.zeros(100, np.int32)
        parts = {
            tuple(stratified_split(labels, 0.1, seed)[1]) for seed in range(5)
        }
        self.assertLen(parts, 5)

    def test_global_generator_is_neither_read_nor_moved(self):
        labels = np.zeros(50, np.int32)
        np.random.seed(1)
        expected = stratified_split(labels, 0.2, 0)[1]
        after = np.random.random()
        np.random.seed(1)
        self.assertEqual(np.random.random(), after)
        np.testing.assert_array_equal(
            stratified_split(labels, 0.2, 0)[1], expected
        )

    def test_every_row_is_held_out_about_equally_often(self):
        labels = np.arange(20) % 2
        counts = np.zeros(20)
        for seed in range(2000):
            counts[stratified_split(labels, 0.2, seed)[1]] += 1
        # Mean 400, standard deviation 18.
        self.assertBetween(counts.min(), 310, 400)
        self.assertBetween(counts.max(), 400, 490)

    @parameterized.parameters(-0.1, 1.0, 1.5, float("nan"))
    def test_proportion_out_of_range_is_refused(self, proportion):
        with self.assertRaisesRegex(
            ValueError, r"`proportion` must be .*--validation_proportion"
        ):
            stratified_split(np.zeros(4, np.int32), proportion, 0)

    @parameterized.parameters(-1, 2**64)
    def test_seed_out_of_range_is_refused(self, seed):
        with self.assertRaisesRegex(ValueError, rf"split_seed={seed}\. "):
            stratified_split(np.zeros(4, np.int32), 0.5, seed)

    def test_single_rows_cannot_be_divided(self):
        with self.assertRaisesRegex(
            ValueError, "class has two rows.*2 rows.*--validation_proportion=0"
        ):
            stratified_split(np.array([0, 1]), 0.5, 0)


class TogetherTest(parameterized.TestCase):
    """Rows that stay together, in both kinds of division."""

    @parameterized.product(seed=(0, 1, 2, 3), proportion=(0.05, 0.3, 0.9))
    def test_rows_that_are_alone_are_divided_as_without(self, seed, proportion):
        labels = np.random.default_rng(seed).integers(0, 4, 200)
        for one, other in (
            (
                stratified_split(labels, proportion, seed),
                stratified_split(labels, proportion, seed, np.arange(200)),
            ),
            (halves(labels, seed), halves(labels, seed, np.arange(200) * 7)),
        ):
            np.testing.assert_array_equal(one[1], other[1])

    @parameterized.product(seed=(0, 1, 2, 3, 4), num_copies=(1, 20, 100))
    def test_copies_cost_no_row_of_what_was_asked_for(self, seed, num_copies):
        random = np.random.default_rng(seed)
        together = np.arange(400)
        together[-num_copies:] = random.integers(0, 40, num_copies)
        labels = together % 3  # Copies have one label.
        sizes = np.bincount(labels)
        _, held_out = stratified_split(labels, 0.1, seed, together)
        self._check(together, held_out)
        np.testing.assert_array_equal(
            np.bincount(labels[held_out]), (sizes * 0.1 + 0.5).astype(int)
        )
        first, _ = halves(labels, seed, together)
        self._check(together, first)
        np.testing.assert_array_equal(np.bincount(labels[first]), sizes // 2)

    def _check(self, together, part):
        others = np.setdiff1d(np.arange(len(together)), part)
        self.assertEmpty(np.intersect1d(together[part], together[others]))

    @parameterized.product(seed=(0, 1, 2, 3, 4), num_groups=(10, 30, 100))
    def test_groups_of_both_classes_come_near(self, seed, num_groups):
        random = np.random.default_rng(seed)
        together = random.integers(0, num_groups, 1000)
        labels = (random.random(1000) < 0.3).astype(int)
        largest = np.bincount(together).max()
        for part, wanted in (
            (stratified_split(labels, 0.1, seed, together)[1], 100),
            (halves(labels, seed, together)[0], 500),
        ):
            self._check(together, part)
            self.assertLessEqual(abs(len(part) - wanted), largest / 2)
            self.assertBetween(labels[part].mean(), 0.2, 0.4)

    def test_groups_that_are_all_too_large_give_one(self):
        together = np.arange(40) % 4  # A tenth is 4 rows, a group is 10.
        _, held_out = stratified_split(np.zeros(40, int), 0.1, 0, together)
        self.assertLen(held_out, 10)
        self._check(together, held_out)

    def test_no_class_leaves_the_training_whole(self):
        together = np.repeat([0, 1, 2, 3], 10)
        labels = np.where(together == 2, 1, 0)  # Class 1 is in one group.
        for seed in range(20):
            _, held_out = stratified_split(labels, 0.3, seed, together)
            self.assertNotIn(1, labels[held_out])
            self.assertNotEmpty(held_out)

    def test_copies_with_different_labels_stay_together(self):
        together = np.array([0, 0, 2, 2, 4, 4, 6, 6])
        labels = np.array([0, 1] * 4)
        kept, held_out = stratified_split(labels, 0.25, 0, together)
        self.assertEqual(labels[held_out].tolist(), [0, 1])
        self.assertLen(kept, 6)
        self._check(together, held_out)

    @parameterized.parameters(
        (lambda x, y: stratified_split(x, 0.5, 0, y), "held out"),
        (lambda x, y: halves(x, 0, y), "cut in half"),
    )
    def test_one_group_cannot_be_divided(self, divide, message):
        with self.assertRaisesRegex(
            ValueError, f"{message} only if .* group. .*8 rows in 1 groups of"
        ):
            divide(np.zeros(8, int), np.zeros(8, int))


class HalvesTest(parameterized.TestCase):
    def test_known_seeds_give_the_stored_halves(self):
        validation, _ = halves(np.array([0, 1] * 6), 0)
        self.assertEqual(validation.tolist(), [2, 3, 4, 5, 7, 8])

    @parameterized.parameters(
        # Rows of each class, how many of them are validation.
        ([131, 146], [65, 73]),  # RTE
        ([129, 279], [64, 139]),  # MRPC
        ([322, 721], [161, 360]),  # CoLA
        ([1, 2], [0, 1]),
    )
    def test_the_odd_row_of_a_class_is_test(self, sizes, expected):
        labels = np.repeat([0, 1], sizes)
        validation, test = halves(labels, 0)
        self.assertEqual(
            np.bincount(labels[validation], minlength=2).tolist(), expected
        )
        both = np.sort(np.concatenate([validation, test]))
        np.testing.assert_array_equal(both, np.arange(len(labels)))

    def test_scores_are_cut_in_the_middle(self):
        scores = np.linspace(0, 5, 1500).astype(np.float32)
        validation, test = halves(scores, 0)
        self.assertLen(validation, 750)
        self.assertLen(test, 750)

    def test_rows_are_others_than_those_held_out(self):
        labels = np.zeros(100, np.int32)
        held_out = stratified_split(labels, 0.5, 0)[1]
        self.assertNotEqual(halves(labels, 0)[0].tolist(), held_out.tolist())

    def test_single_rows_cannot_be_cut(self):
        with self.assertRaisesRegex(ValueError, "Received: 2 rows. .*--spl"):
            halves(np.array([0, 1]), 0)

    def test_seed_out_of_range_is_refused(self):
        with self.assertRaisesRegex(ValueError, "split_seed=-1"):
            halves(np.zeros(4, np.int32), -1)


class BalancedSampleTest(parameterized.TestCase):
    @parameterized.parameters(
        (1000, 3, [333, 333, 333]),  # As MNLI in the paper: 999.
        (1000, 2, [500, 500]),
        (3, 3, [1, 1, 1]),
        (5, 3, [1, 1, 1]),
    )
    def test_every_class_gives_as_many(self, num_examples, classes, expected):
        labels = np.arange(3000) % classes
        sample = balanced_sample(
            labels, num_examples, num_classes=classes, seed=0
        )
        self.assertEqual(np.bincount(labels[sample]).tolist(), expected)
        np.testing.assert_array_equal(sample, np.unique(sample))

    def test_known_seeds_give_the_stored_sample(self):
        labels = np.array([0, 1] * 6)
        sample = balanced_sample(labels, 6, num_classes=2, seed=0)
        self.assertEqual(sample.tolist(), [1, 2, 6, 7, 9, 10])

    def test_a_larger_sample_holds_a_smaller_one(self):
        labels = np.arange(90) % 3
        small, large = (
            balanced_sample(labels, size, num_classes=3, seed=4)
            for size in (12, 30)
        )
        self.assertContainsSubset(small, large)

    def test_other_seeds_give_other_samples(self):
        labels = np.arange(100) % 2
        samples = {
            tuple(balanced_sample(labels, 10, num_classes=2, seed=seed))
            for seed in range(5)
        }
        self.assertLen(samples, 5)

    def test_scores_are_drawn_from_all(self):
        scores = np.linspace(0, 5, 50).astype(np.float32)
        sample = balanced_sample(scores, 20, num_classes=None, seed=0)
        self.assertLen(sample, 20)
        everything = balanced_sample(scores, 99, num_classes=None, seed=0)
        self.assertEqual(everything.tolist(), list(range(50)))

    def test_fewer_rows_than_classes_are_refused(self):
        with self.assertRaisesRegex(
            ValueError, "max_train_examples=2, 3 classes. Pass --max_.*=3 or"
        ):
            balanced_sample(np.arange(9) % 3, 2, num_classes=3, seed=0)


def test_a_small_class_gives_all_and_this_is_logged(caplog):
    caplog.set_level(logging.INFO)
    labels = np.array([0] * 50 + [1] * 3)
    sample = balanced_sample(labels, 20, num_classes=2, seed=0)
    assert np.bincount(labels[sample]).tolist() == [10, 3]
    assert "Class 1 has 3 training rows only, of 10 asked for" in caplog.text


@pytest.mark.parametrize("num_examples", [6, 7])
def test_nothing_is_logged_where_all_have_enough(caplog, num_examples):
    caplog.set_level(logging.INFO)
    balanced_sample(np.arange(6) % 2, num_examples, num_classes=2, seed=0)
    assert not caplog.text
