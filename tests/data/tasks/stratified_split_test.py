"""Tests of tf_bert/data/tasks/stratified_split.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.data.tasks.stratified_split import (
    balanced_sample,
    halves,
    stratified_split,
)

_SCORES = np.linspace(0, 5, 1500).astype(np.float32)


def _held_out(labels, proportion, seed=0, together=None):
    return stratified_split(labels, proportion, seed, together)[1]


def _sample(labels, size, num_classes, seed=0):
    return balanced_sample(labels, size, num_classes=num_classes, seed=seed)


class DrawTest(parameterized.TestCase):
    """What the three draws have in common."""

    @parameterized.named_parameters(
        ("held_out", lambda x: _held_out(x, 0.34), [0, 2, 9, 11]),
        ("other_seed", lambda x: _held_out(x, 0.34, 7), [1, 3, 4, 8]),
        ("halves", lambda x: halves(x, 0)[0], [2, 3, 4, 5, 7, 8]),
        ("sample", lambda x: _sample(x, 6, 2), [1, 2, 6, 7, 9, 10]),
    )
    def test_known_seeds_give_the_stored_examples(self, draw, expected):
        np.random.seed(1)
        self.assertEqual(draw(np.array([0, 1] * 6)).tolist(), expected)
        after = np.random.random()  # The global generator is not moved.
        np.random.seed(1)
        self.assertEqual(np.random.random(), after)

    @parameterized.named_parameters(
        ("held_out", lambda x: stratified_split(x, 0.3, 5)),
        ("halves", lambda x: halves(x, 5)),
    )
    def test_parts_are_disjoint_complete_and_in_file_order(self, draw):
        one, other = draw(np.arange(101) % 3)
        np.testing.assert_array_equal(one, np.sort(one))
        np.testing.assert_array_equal(other, np.sort(other))
        both = np.sort(np.concatenate([one, other]))
        np.testing.assert_array_equal(both, np.arange(101))

    @parameterized.named_parameters(
        ("held_out", lambda x, size: _held_out(x, size / 60)),
        ("sample", lambda x, size: _sample(x, size, 2)),
    )
    def test_a_larger_draw_holds_a_smaller_one(self, draw):
        labels = np.arange(60) % 2
        few, many = draw(labels, 6), draw(labels, 24)
        self.assertContainsSubset(few, many)
        self.assertLen(many, 24)

    @parameterized.named_parameters(
        ("held_out", lambda: _held_out(_SCORES, 0.2), 300),
        ("halves", lambda: halves(_SCORES, 0)[0], 750),
        ("sample", lambda: _sample(_SCORES, 20, None), 20),
        ("whole_sample", lambda: _sample(_SCORES, 9999, None), 1500),
    )
    def test_scores_are_one_group(self, draw, expected):
        self.assertLen(draw(), expected)

    def test_each_draw_and_seed_has_its_own_examples(self):
        labels = np.zeros(100, np.int32)
        drawn = [_held_out(labels, 0.5, seed) for seed in range(5)]
        drawn += [halves(labels, 0)[0], _sample(labels, 50, 1)]
        self.assertLen({tuple(numbers) for numbers in drawn}, 7)

    @parameterized.parameters(
        (
            lambda x: stratified_split(x, 0.5, 0),
            "2 examples.*--validation_prop",
        ),
        (lambda x: halves(x, 0), "Received: 2 examples. .*--split_dev"),
    )
    def test_single_rows_cannot_be_divided(self, draw, message):
        with self.assertRaisesRegex(ValueError, f"class has two.*{message}"):
            draw(np.array([0, 1]))


class StratifiedSplitTest(parameterized.TestCase):
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
        held_out = _held_out(labels, proportion)
        self.assertEqual(np.sum(labels[held_out] == 0), expected)

    def test_every_row_is_held_out_about_equally_often(self):
        labels = np.arange(20) % 2
        counts = np.zeros(20)
        for seed in range(500):
            counts[_held_out(labels, 0.2, seed)] += 1
        # Mean 100, standard deviation 9.
        self.assertBetween(counts.min(), 55, 100)
        self.assertBetween(counts.max(), 100, 145)


class TogetherTest(parameterized.TestCase):
    """Rows that stay together, in both kinds of division."""

    def assert_not_parted(self, together, part):
        others = np.setdiff1d(np.arange(len(together)), part)
        self.assertEmpty(np.intersect1d(together[part], together[others]))

    @parameterized.product(seed=(0, 1), proportion=(0.05, 0.3, 0.9))
    def test_rows_that_are_alone_are_divided_as_without(self, seed, proportion):
        labels = np.random.default_rng(seed).integers(0, 4, 200)
        alone = np.arange(200) * 7
        for one, other in (
            (
                stratified_split(labels, proportion, seed),
                stratified_split(labels, proportion, seed, alone),
            ),
            (halves(labels, seed), halves(labels, seed, alone)),
        ):
            np.testing.assert_array_equal(one[1], other[1])

    @parameterized.product(seed=(0, 1), num_copies=(1, 20, 100))
    def test_copies_cost_no_row_of_what_was_asked_for(self, seed, num_copies):
        random = np.random.default_rng(seed)
        together = np.arange(400)
        together[-num_copies:] = random.integers(0, 40, num_copies)
        labels = together % 3  # Copies have one label.
        sizes = np.bincount(labels)
        for part, expected in (
            (_held_out(labels, 0.1, seed, together), sizes * 0.1 + 0.5),
            (halves(labels, seed, together)[0], sizes / 2),
        ):
            self.assert_not_parted(together, part)
            np.testing.assert_array_equal(
                np.bincount(labels[part]), expected.astype(int)
            )

    @parameterized.product(seed=(0, 1), num_groups=(10, 30, 100))
    def test_groups_of_both_classes_come_near(self, seed, num_groups):
        random = np.random.default_rng(seed)
        together = random.integers(0, num_groups, 1000)
        labels = (random.random(1000) < 0.3).astype(int)
        largest = np.bincount(together).max()
        for part, wanted in (
            (_held_out(labels, 0.1, seed, together), 100),
            (halves(labels, seed, together)[0], 500),
        ):
            self.assert_not_parted(together, part)
            self.assertLessEqual(abs(len(part) - wanted), largest / 2)
            self.assertBetween(labels[part].mean(), 0.2, 0.4)

    def test_groups_that_are_all_too_large_give_one(self):
        together = np.arange(40) % 4  # A tenth is 4 rows, a group is 10.
        held_out = _held_out(np.zeros(40, int), 0.1, 0, together)
        self.assertLen(held_out, 10)
        self.assert_not_parted(together, held_out)

    def test_no_class_leaves_the_training_whole(self):
        together = np.repeat([0, 1, 2, 3], 10)
        labels = np.where(together == 2, 1, 0)  # Class 1 is in one group.
        for seed in range(20):
            held_out = _held_out(labels, 0.3, seed, together)
            self.assertNotIn(1, labels[held_out])
            self.assertNotEmpty(held_out)

    def test_copies_with_different_labels_stay_together(self):
        together = np.array([0, 0, 2, 2, 4, 4, 6, 6])
        labels = np.array([0, 1] * 4)
        held_out = _held_out(labels, 0.25, 0, together)
        self.assertEqual(labels[held_out].tolist(), [0, 1])
        self.assert_not_parted(together, held_out)

    @parameterized.parameters(
        (lambda x, y: stratified_split(x, 0.5, 0, y), "held out"),
        (lambda x, y: halves(x, 0, y), "cut in half"),
    )
    def test_one_group_cannot_be_divided(self, divide, message):
        with self.assertRaisesRegex(
            ValueError,
            f"{message} only if .* group. .*8 examples in 1 groups of",
        ):
            divide(np.zeros(8, int), np.zeros(8, int))


class HalvesTest(parameterized.TestCase):
    @parameterized.parameters(
        # Rows of each class, how many of them are validation.
        ([131, 146], [65, 73]),  # RTE
        ([129, 279], [64, 139]),  # MRPC
        ([1, 2], [0, 1]),
    )
    def test_the_odd_row_of_a_class_is_test(self, sizes, expected):
        labels = np.repeat([0, 1], sizes)
        validation, _ = halves(labels, 0)
        counts = np.bincount(labels[validation], minlength=2)
        self.assertEqual(counts.tolist(), expected)


class BalancedSampleTest(parameterized.TestCase):
    @parameterized.parameters(
        (1000, 3, [333, 333, 333]),  # As MNLI in the paper: 999.
        (1000, 2, [500, 500]),
        (3, 3, [1, 1, 1]),
        (5, 3, [1, 1, 1]),
    )
    def test_every_class_gives_as_many(self, num_examples, classes, expected):
        labels = np.arange(3000) % classes
        with self.assertNoLogs("absl"):
            sample = _sample(labels, num_examples, classes)
        self.assertEqual(np.bincount(labels[sample]).tolist(), expected)
        np.testing.assert_array_equal(sample, np.unique(sample))

    def test_fewer_rows_than_classes_are_refused(self):
        with self.assertRaisesRegex(
            ValueError, "max_train_examples=2, 3 classes. Pass --max_.*=3 or"
        ):
            _sample(np.arange(9) % 3, 2, 3)

    def test_a_small_class_gives_all_and_this_is_logged(self):
        labels = np.array([0] * 50 + [1] * 3)
        with self.assertLogs("absl", "INFO") as logs:
            sample = _sample(labels, 20, 2)
        self.assertEqual(np.bincount(labels[sample]).tolist(), [10, 3])
        self.assertIn("Class 1 has 3 training examples only", logs.output[0])
