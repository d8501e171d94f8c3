import numpy as np
from absl.testing import parameterized
from scipy import stats

from tf_bert.scoring import row_intervals
from tf_bert.scoring.metrics import METRICS


def _noisy_copy(labels, *, share_right, seed):
    rng = np.random.default_rng(seed)
    is_right = rng.random(len(labels)) < share_right
    return np.where(is_right, labels, 1 - labels)


class BootstrapIntervalTest(parameterized.TestCase):
    def test_metric_of_classes_agrees_with_scipy(self):
        labels = np.arange(150) % 2
        predictions = _noisy_copy(labels, share_right=0.8, seed=1)
        self._assert_agrees_with_scipy(METRICS["f1"], labels, predictions)

    @parameterized.parameters("spearman", "mse")
    def test_metric_of_scores_agrees_with_scipy(self, name):
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
        for _ in range(200):
            labels = (rng.random(200) < 0.5).astype(int)
            predictions = np.where(rng.random(200) < 0.8, labels, 1 - labels)
            low, high = row_intervals.bootstrap_interval(
                METRICS["f1"], labels, predictions
            )
            num_covered += low <= 0.8 <= high
        self.assertBetween(num_covered / 200, 0.92, 0.98)

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

    def test_row_order_does_not_matter(self):
        rng = np.random.default_rng(0)
        labels, predictions = rng.normal(size=(2, 50))
        order = rng.permutation(50)
        self.assertEqual(
            row_intervals.bootstrap_interval(
                METRICS["spearman"], labels, predictions
            ),
            row_intervals.bootstrap_interval(
                METRICS["spearman"], labels[order], predictions[order]
            ),
        )
