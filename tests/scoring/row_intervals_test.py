import numpy as np
from absl.testing import absltest, parameterized
from scipy import stats

from tf_bert.scoring import row_intervals
from tf_bert.scoring.metrics import METRICS


def _noisy_copy(labels, *, share_right, seed):
    rng = np.random.default_rng(seed)
    is_right = rng.random(len(labels)) < share_right
    return np.where(is_right, labels, 1 - labels)


class WilsonIntervalTest(parameterized.TestCase):
    @parameterized.product(
        counts=((0, 7), (7, 7), (1, 20), (181, 200), (500, 1000)),
        confidence=(0.9, 0.95),
    )
    def test_equals_scipy(self, counts, confidence):
        expected = stats.binomtest(*counts).proportion_ci(
            confidence, method="wilson"
        )
        np.testing.assert_allclose(
            row_intervals.wilson_interval(*counts, confidence=confidence),
            expected,
            atol=1e-12,
        )

    def test_all_right_reaches_exactly_one_and_has_a_width(self):
        low, high = row_intervals.wilson_interval(20, 20)
        self.assertEqual(high, 1.0)
        self.assertAlmostEqual(low, 0.8389, places=4)

    @parameterized.parameters((0, 0), (-1, 5), (6, 5))
    def test_impossible_counts_are_refused(self, num_successes, num_trials):
        with self.assertRaisesRegex(ValueError, f"num_trials={num_trials}"):
            row_intervals.wilson_interval(num_successes, num_trials)


class BootstrapIntervalTest(parameterized.TestCase):
    @parameterized.parameters("f1", "macro_f1", "matthews")
    def test_class_metric_agrees_with_scipy(self, name):
        labels = np.arange(150) % 2
        predictions = _noisy_copy(labels, share_right=0.8, seed=1)
        self._assert_agrees_with_scipy(METRICS[name], labels, predictions)

    @parameterized.parameters("pearson", "spearman", "mse")
    def test_score_metric_agrees_with_scipy(self, name):
        rng = np.random.default_rng(2)
        labels = np.round(rng.uniform(0, 5, size=120), 1)
        predictions = labels + rng.normal(size=120)
        self._assert_agrees_with_scipy(METRICS[name], labels, predictions)

    def _assert_agrees_with_scipy(self, metric, labels, predictions):
        ours = row_intervals.bootstrap_interval(
            metric, labels, predictions, num_resamples=4000
        )
        reference = stats.bootstrap(
            (labels, predictions),
            metric,
            paired=True,
            vectorized=False,
            n_resamples=1000,
            method="percentile",
            rng=0,
        ).confidence_interval
        width = reference.high - reference.low
        np.testing.assert_allclose(ours, reference, atol=0.12 * width)

    def test_interval_covers_the_true_value_as_often_as_promised(self):
        # Rows of a known source: F1 = 2 * 0.4 / (0.5 + 0.5) = 0.8.
        rng = np.random.default_rng(0)
        num_covered = 0
        for trial in range(300):
            labels = (rng.random(200) < 0.5).astype(int)
            predictions = np.where(rng.random(200) < 0.8, labels, 1 - labels)
            low, high = row_intervals.bootstrap_interval(
                METRICS["f1"], labels, predictions, seed=trial
            )
            num_covered += low <= 0.8 <= high
        self.assertBetween(num_covered / 300, 0.92, 0.98)

    def test_many_equal_rows_and_few_give_the_same_spread(self):
        # 200 rows of 3 kinds are drawn kind by kind, 20 rows one by one.
        def width(num_rows):
            labels = np.array([0, 1] * (num_rows // 2))
            predictions = np.where(np.arange(num_rows) % 4 == 0, 1, labels)
            low, high = row_intervals.bootstrap_interval(
                METRICS["accuracy"], labels, predictions, num_resamples=20_000
            )
            return high - low

        self.assertAlmostEqual(width(200) * 10**0.5 / width(20), 1, delta=0.1)

    def test_seed_decides_and_row_order_does_not(self):
        rng = np.random.default_rng(0)
        labels, predictions = rng.normal(size=(2, 50))
        order = rng.permutation(50)

        def interval(labels, predictions, seed):
            return row_intervals.bootstrap_interval(
                METRICS["spearman"], labels, predictions, seed=seed
            )

        first = interval(labels, predictions, 1)
        self.assertEqual(first, interval(labels, predictions, 1))
        self.assertEqual(first, interval(labels[order], predictions[order], 1))
        self.assertNotEqual(first, interval(labels, predictions, 2))

    @parameterized.parameters(
        ({"num_resamples": 0}, "num_resamples=0"),
        ({"confidence": 95}, "confidence=95. Pass 0.95"),
    )
    def test_bad_argument_is_refused(self, argument, message):
        with self.assertRaisesRegex(ValueError, message):
            row_intervals.bootstrap_interval(
                METRICS["f1"], np.array([0, 1]), np.array([0, 1]), **argument
            )


if __name__ == "__main__":
    absltest.main()
