"""Tests of tf_bert/data/batches/packing.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.data.batches import packing


def random_cases(num_cases=200):
    rng = np.random.default_rng(0)
    for _ in range(num_cases):
        width = int(rng.integers(8, 130))
        size = int(rng.integers(1, 40))
        yield rng.integers(2, width + 1, size), width


def filled_rows(rng, num_rows, width):
    """Lengths that fill `num_rows` rows to the last token: OPT is known."""
    pieces = []
    for _ in range(num_rows):
        cuts = rng.choice(np.arange(1, width), rng.integers(0, 5), False)
        edges = np.concatenate([[0], np.sort(cuts), [width]])
        pieces.append(np.diff(edges))
    return rng.permutation(np.concatenate(pieces))


class FirstFitDecreasingTest(parameterized.TestCase):
    def test_places_by_hand(self):
        # Rows of 10: [6, 4], [5, 3, 2], [3].
        places, num_rows = packing.first_fit_decreasing(
            np.array([3, 6, 2, 5, 3, 4]), width=10
        )
        self.assertEqual(num_rows, 3)
        self.assertEqual(places.tolist(), [15, 0, 18, 10, 20, 6])
        self.assertEqual(places.dtype, np.int32)

    def test_every_token_has_a_place_and_no_example_is_in_two_rows(self):
        for lengths, width in random_cases():
            places, num_rows = packing.first_fit_decreasing(lengths, width)
            taken = np.zeros(num_rows * width, int)
            for place, length in zip(places, lengths, strict=True):
                taken[place : place + length] += 1
            self.assertEqual((taken.max(), taken.sum()), (1, lengths.sum()))
            first, last = places // width, (places + lengths - 1) // width
            np.testing.assert_array_equal(first, last)
            self.assertEqual(set(first), set(range(num_rows)))

    def test_needs_at_most_11_9_of_the_fewest_rows_plus_one(self):
        rng = np.random.default_rng(1)
        for _ in range(200):
            num_rows, width = rng.integers(1, 30), int(rng.integers(16, 130))
            lengths = filled_rows(rng, num_rows, width)
            _, found = packing.first_fit_decreasing(lengths, width)
            self.assertBetween(found, num_rows, 11 / 9 * num_rows + 1)

    def test_nothing_takes_one_row(self):
        places, num_rows = packing.first_fit_decreasing(np.zeros(0, int), 8)
        self.assertEqual((places.tolist(), num_rows), ([], 1))


class ChooseWidthTest(parameterized.TestCase):
    @parameterized.parameters(
        ([2], 8),
        ([8], 8),
        ([9], 16),
        ([512], 512),
        ([], 8),
        ([0, 0], 8),
        # 4 rows of 32 compute 128 tokens, 3 of 40 120, and 2 of 56 112.
        ([30, 17, 15, 14, 12, 9], 56),
        # One row of 48 would compute as many tokens, but more attention.
        ([24, 24], 24),
    )
    def test_width_by_hand(self, lengths, width):
        self.assertEqual(packing.choose_width(np.array(lengths, int)), width)

    def test_width_is_a_multiple_of_8_that_holds_the_longest(self):
        for lengths, _ in random_cases():
            width = packing.choose_width(lengths)
            self.assertEqual(width % 8, 0)
            self.assertBetween(width, lengths.max(), 2 * (lengths.max() + 7))


class StaticShapesTest(parameterized.TestCase):
    def test_one_width_holds_all_and_is_near_that_of_each_batch(self):
        rng = np.random.default_rng(0)
        lengths = rng.integers(5, 60, 500)
        width = packing.common_width(lengths, 16)
        self.assertEqual(width % 32, 0)
        self.assertGreaterEqual(width, lengths.max())
        self.assertLess(width, 2 * lengths.max() + 32)
        # Another order of the same examples has the same shapes.
        self.assertEqual(
            packing.common_width(rng.permutation(lengths), 16), width
        )

    @parameterized.parameters(1, 3, 32)
    def test_few_numbers_of_rows_occur_and_each_is_enough(self, steps):
        num_rows = np.random.default_rng(0).integers(1, 200, 1000)
        shared = packing.shared_rows(num_rows, steps)
        self.assertTrue((shared >= num_rows).all())
        self.assertLessEqual(len(np.unique(shared)), 16)
        self.assertLess((shared - num_rows.max()).max(), 200 / 16)
        for first in range(0, 1000, steps):
            self.assertLen(set(shared[first : first + steps]), 1)
