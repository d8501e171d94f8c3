"""Tests of tf_bert/data/tasks/down_sampling.py."""

import logging

import numpy as np
import pytest
from absl.testing import parameterized

from tf_bert.data.tasks.down_sampling import balanced_sample


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
