import warnings

import numpy as np
from absl.testing import parameterized
from scipy import stats

from tf_bert.trials.statistics import two_sample_tests

SIZES = ((2, 3), (5, 5), (4, 20))


def draw(n, m, *, shape=(), seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(0.8, 0.02, (*shape, n)),
        rng.normal(0.81, 0.05, (*shape, m)),
    )


class AgainstSciPyTest(parameterized.TestCase):
    """SciPy's names are right: what is tested, and on which side."""

    @parameterized.parameters(*SIZES)
    def test_welch_allows_different_spreads(self, n, m):
        a, b = draw(n, m)
        u, v = np.var(a, ddof=1) / n, np.var(b, ddof=1) / m
        freedom = (u + v) ** 2 / (u**2 / (n - 1) + v**2 / (m - 1))
        difference, error = np.mean(a) - np.mean(b), (u + v) ** 0.5
        self.assertAlmostEqual(
            two_sample_tests.welch_p_values(a, b),
            2 * stats.t.sf(abs(difference / error), freedom),
            12,
        )
        half_width = stats.t.ppf(0.975, freedom) * error
        np.testing.assert_allclose(
            two_sample_tests.welch_interval(a, b),
            (difference - half_width, difference + half_width),
            rtol=1e-12,
        )

    @parameterized.parameters(*SIZES)
    def test_student_is_one_tailed(self, n, m):
        a, b = draw(n, m)
        squares = np.var(a) * n + np.var(b) * m
        error = (squares / (n + m - 2) * (1 / n + 1 / m)) ** 0.5
        p_value = two_sample_tests.student_p_values(a, b)
        self.assertAlmostEqual(
            p_value,
            stats.t.sf((np.mean(a) - np.mean(b)) / error, n + m - 2),
            12,
        )
        mirrored = two_sample_tests.student_p_values(b, a)
        self.assertAlmostEqual(p_value + mirrored, 1, 12)

    def test_one_sample_without_spread_is_no_warning(self):
        same, other = np.full(3, 0.1), np.array([0.5, 0.6, 0.7])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            low, high = two_sample_tests.welch_interval(same, other)
        # With the degrees of freedom of the other sample alone.
        expected = stats.ttest_1samp(0.1 - other, 0).confidence_interval()
        np.testing.assert_allclose((low, high), expected, rtol=1e-12)

    @parameterized.parameters(*two_sample_tests.TESTS)
    def test_many_at_once_are_the_same_as_one_by_one(self, name):
        test = two_sample_tests.TESTS[name]
        a, b = draw(5, 5, shape=(2, 3))
        together = test(a, b)
        self.assertEqual(together.shape, (2, 3))
        for index in np.ndindex(2, 3):
            self.assertAlmostEqual(together[index], test(a[index], b[index]))


class PermutationTest(parameterized.TestCase):
    @parameterized.parameters((2, 5), (3, 3), (5, 5))
    def test_exact_equals_scipy(self, n, m):
        a, b = draw(n, m)

        def mean_difference(x, y, axis):
            return np.mean(x, axis=axis) - np.mean(y, axis=axis)

        # SciPy's two-sided p doubles the smaller tail; of the distance from
        # 0 the upper tail alone is what differs as much or more.
        expected = stats.permutation_test(
            (a, b),
            lambda x, y, axis: np.abs(mean_difference(x, y, axis)),
            vectorized=True,
            n_resamples=np.inf,
            alternative="greater",
        ).pvalue
        self.assertAlmostEqual(
            two_sample_tests.permutation_p_values(a, b), expected, 12
        )

    def test_clear_differences_have_the_smallest_p(self):
        for n, m, smallest in ((5, 5, 2 / 252), (3, 5, 1 / 56), (20, 20, 1e-4)):
            p_value = two_sample_tests.permutation_p_values(
                np.arange(n) + 100.0, np.arange(m) * 0.1
            )
            self.assertAlmostEqual(p_value, smallest, 12)
            self.assertAlmostEqual(
                two_sample_tests.smallest_permutation_p(n, m), smallest, 12
            )

    def test_equal_scores_have_p_one(self):
        a = np.full(5, 0.1)
        self.assertEqual(two_sample_tests.permutation_p_values(a, a), 1)
        rounded = np.array([0.1 + 0.2, 0.3])
        self.assertEqual(
            two_sample_tests.permutation_p_values(rounded, rounded[::-1]), 1
        )

    def test_ties_count_as_equal_in_whatever_order_they_are_added(self):
        # Sums of tenths: 0.1 + 0.2 + 0.3 and 0.6 differ by rounding.
        a, b = np.array([0.3, 0.2, 0.6]), np.array([0.1, 0.5, 0.4])
        self.assertEqual(
            two_sample_tests.permutation_p_values(a, b),
            two_sample_tests.permutation_p_values(10 * a, 10 * b),
        )

    def test_drawn_splits_come_close_to_the_t_test(self):
        a, b = draw(20, 20)
        self.assertFalse(two_sample_tests.is_exact(20, 20))
        self.assertAlmostEqual(
            two_sample_tests.permutation_p_values(a, b),
            two_sample_tests.welch_p_values(a, b),
            delta=0.02,
        )

    def test_the_seed_decides_what_is_drawn_and_nothing_else(self):
        a, b = draw(20, 20)
        first, again, other = (
            two_sample_tests.permutation_p_values(a, b, seed=seed)
            for seed in (1, 1, 2)
        )
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        a, b = draw(5, 5)
        self.assertEqual(
            two_sample_tests.permutation_p_values(a, b, seed=1),
            two_sample_tests.permutation_p_values(a, b, seed=2),
        )
