import numpy as np
from absl.testing import absltest, parameterized
from scipy import stats

from tf_bert.trials.statistics import two_sample_tests

SIZES = ((2, 3), (5, 5), (4, 20))


def draw(n, m, *, shape=(), seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(0.8, 0.02, (*shape, n)),
        rng.normal(0.81, 0.05, (*shape, m)),
    )


def welch_by_hand(a, b):
    variances = [np.var(x, ddof=1) / len(x) for x in (a, b)]
    freedom = sum(variances) ** 2 / sum(
        v**2 / (len(x) - 1) for v, x in zip(variances, (a, b), strict=True)
    )
    t = (np.mean(a) - np.mean(b)) / sum(variances) ** 0.5
    return 2 * stats.t.sf(abs(t), freedom)


def student_by_hand(a, b):
    n, m = len(a), len(b)
    squares = np.var(a) * n + np.var(b) * m
    error = (squares / (n + m - 2) * (1 / n + 1 / m)) ** 0.5
    return stats.t.sf((np.mean(a) - np.mean(b)) / error, n + m - 2)


class AgainstTheirFormulasTest(parameterized.TestCase):
    @parameterized.parameters(*SIZES)
    def test_welch(self, n, m):
        a, b = draw(n, m)
        self.assertAlmostEqual(
            two_sample_tests.welch_p_values(a, b), welch_by_hand(a, b), 12
        )

    @parameterized.parameters(*SIZES)
    def test_student_is_one_tailed(self, n, m):
        a, b = draw(n, m)
        p_value = two_sample_tests.student_p_values(a, b)
        self.assertAlmostEqual(p_value, student_by_hand(a, b), 12)
        mirrored = two_sample_tests.student_p_values(b, a)
        self.assertAlmostEqual(p_value + mirrored, 1, 12)

    @parameterized.parameters((3, 5), (5, 5), (4, 20))
    def test_levene_equals_scipy(self, n, m):
        a, b = draw(n, m)
        self.assertAlmostEqual(
            two_sample_tests.levene_p_values(a, b),
            stats.levene(a, b, center="median").pvalue,
            12,
        )

    def test_paired_is_the_t_of_the_differences(self):
        a, b = draw(7, 7)
        self.assertAlmostEqual(
            two_sample_tests.paired_p_values(a, b),
            stats.ttest_1samp(a - b, 0).pvalue,
            12,
        )

    @parameterized.parameters(*two_sample_tests.TESTS)
    def test_many_at_once_are_the_same_as_one_by_one(self, name):
        test = two_sample_tests.TESTS[name]
        a, b = draw(5, 5, shape=(2, 3))
        together = test(a, b)
        self.assertEqual(together.shape, (2, 3))
        for index in np.ndindex(2, 3):
            self.assertAlmostEqual(together[index], test(a[index], b[index]))


class WelchIntervalTest(parameterized.TestCase):
    @parameterized.parameters(*SIZES)
    def test_equals_scipy(self, n, m):
        a, b = draw(n, m)
        np.testing.assert_allclose(
            two_sample_tests.welch_interval(a, b, confidence=0.9),
            stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9),
            rtol=1e-12,
        )


class PermutationTest(parameterized.TestCase):
    @parameterized.parameters((2, 2), (2, 5), (3, 3), (4, 6), (5, 5))
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
        for n, m in ((5, 5), (3, 8), (20, 20)):
            p_value = two_sample_tests.permutation_p_values(
                np.arange(n) + 100.0, np.arange(m) * 0.1
            )
            self.assertAlmostEqual(
                p_value, two_sample_tests.smallest_permutation_p(n, m), 12
            )

    @parameterized.parameters((5, 5, 2 / 252), (3, 5, 1 / 56), (20, 20, 1e-4))
    def test_smallest_p_in_closed_form(self, n, m, expected):
        self.assertAlmostEqual(
            two_sample_tests.smallest_permutation_p(n, m), expected, 15
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


if __name__ == "__main__":
    absltest.main()
