"""Tests of tf_bert/scoring/paired_rows.py, with its row_exchange.py."""

import itertools

import numpy as np
import pytest
import verdict_simulation
from absl.testing import parameterized
from scipy import stats

from tf_bert.scoring import paired_rows
from tf_bert.scoring.metrics import METRICS


def _holds(result, value=0.0):
    return result.low <= value <= result.high


def _random_case(rng, metric):
    """Labels and two predictions, often alike, of few and of many rows."""
    # In between, 16 rows may differ: 65,536 patterns, which take long.
    num_rows = rng.choice([*range(1, 12), *range(25, 45)])
    num_classes = rng.integers(2, 5)
    labels = rng.integers(0, num_classes, num_rows)
    columns = [labels]
    for _ in range(2):
        is_right = rng.random(num_rows) < rng.random() ** 0.3
        guesses = rng.integers(0, num_classes, num_rows)
        columns.append(np.where(is_right, labels, guesses))
    if metric.needs == "scores":
        columns = [x + 0.25 * rng.integers(0, 3, num_rows) for x in columns]
    return columns


class VerdictTest(parameterized.TestCase):
    @parameterized.named_parameters((name, name) for name in METRICS)
    def test_interval_and_p_value_never_disagree(self, name):
        rng = np.random.default_rng(sum(map(ord, name)))
        metric = METRICS[name]
        verdicts = []
        for _ in range(35):
            labels, a, b = _random_case(rng, metric)
            forth = paired_rows.compare_on_rows(
                metric, labels, a, b, num_samples=299
            )
            back = paired_rows.compare_on_rows(
                metric, labels, b, a, num_samples=299
            )
            self.assertEqual(_holds(forth), forth.p_value >= 0.05, forth)
            self.assertTrue(_holds(forth, forth.difference), forth)
            self.assertBetween(forth.p_value, 0, 1)
            self.assertEqual(forth.p_value, back.p_value)
            self.assertAlmostEqual(forth.difference, -back.difference)
            self.assertAlmostEqual(forth.low, -back.high)
            self.assertAlmostEqual(forth.high, -back.low)
            verdicts.append(_holds(forth))
        self.assertLen(set(verdicts), 2)  # Both were tried.

    @parameterized.named_parameters((name, name) for name in METRICS)
    def test_identical_predictions_are_not_equal_for_certain(self, name):
        labels = np.arange(30) % 3
        predictions = np.arange(30) % 4
        if METRICS[name].needs == "scores":
            labels, predictions = labels / 2, predictions / 2
        result = paired_rows.compare_on_rows(
            METRICS[name], labels, predictions, predictions
        )
        self.assertEqual(result.difference, 0.0)
        self.assertEqual(result.p_value, 1.0)
        self.assertEqual(result.num_disagreements, 0)
        self.assertLess(result.low, 0)
        self.assertGreater(result.high, 0)


class RightRowsTest(parameterized.TestCase):
    def test_interval_and_p_value_agree_however_many_rows_decide(self):
        rng = np.random.default_rng(0)
        for _ in range(150):
            total = int(rng.integers(1, 400))
            only_a = int(rng.binomial(total, min(1.0, 0.5 + 1.1 / total**0.5)))
            num_rows = total + int(rng.integers(0, 1000))
            result = paired_rows.compare_right_rows(
                only_a, total - only_a, num_rows
            )
            self.assertAlmostEqual(
                result.p_value, stats.binomtest(only_a, total).pvalue, places=12
            )
            self.assertEqual(_holds(result), result.p_value >= 0.05, result)

    @parameterized.parameters((4, 0.125), (5, 0.0625), (6, 0.03125))
    def test_six_to_none_is_the_first_that_is_clear(self, only_a, p_value):
        for num_rows in (only_a, 20, 100, 10_000):
            result = paired_rows.compare_right_rows(only_a, 0, num_rows)
            self.assertEqual(result.p_value, p_value)
            self.assertEqual(_holds(result), only_a < 6, num_rows)

    @parameterized.parameters(1, 20, 1000)
    def test_models_that_never_disagree_have_the_rates_interval(self, num_rows):
        result = paired_rows.compare_right_rows(0, 0, num_rows)
        # Clopper and Pearson's upper end of 0 of N.
        expected = 1 - 0.025 ** (1 / num_rows)
        self.assertAlmostEqual(result.high, expected)
        self.assertAlmostEqual(result.low, -expected)

    @parameterized.parameters((34, 6, 200), (10, 12, 40), (3, 7, 10))
    def test_ends_are_quantiles_of_the_melded_draws(self, a, b, num_rows):
        rng = np.random.default_rng(0)
        size, m = 400_000, a + b
        ends = []
        for only_a, only_b in ((a, b), (b, a)):
            gain = 2 * rng.beta(only_a, only_b + 1, size) - 1
            rate = np.where(
                gain > 0,
                rng.beta(m, num_rows - m + 1, size),
                rng.beta(m + 1, num_rows - m, size) if m < num_rows else 1.0,
            )
            ends.append(np.quantile(rate * gain, 0.025))
        result = paired_rows.compare_right_rows(a, b, num_rows)
        self.assertAlmostEqual(result.low, ends[0], delta=0.003)
        self.assertAlmostEqual(result.high, -ends[1], delta=0.003)

    @parameterized.parameters((0.1, 0.5), (0.4, 1.0))
    def test_interval_covers_over_all_samples(self, rate, share):
        num_rows, covered = 12, 0.0
        for a, b in itertools.product(range(num_rows + 1), repeat=2):
            if a + b <= num_rows:
                result = paired_rows.compare_right_rows(a, b, num_rows)
                covered += _holds(result, rate * (2 * share - 1)) * (
                    stats.multinomial.pmf(
                        [a, b, num_rows - a - b],
                        num_rows,
                        [rate * share, rate * (1 - share), 1 - rate],
                    )
                )
        self.assertGreater(covered, 0.95)


class ExchangeTest(parameterized.TestCase):
    @parameterized.parameters("macro_f1", "spearman")
    def test_every_pattern_is_taken_as_in_scipy(self, name):
        metric, rng = METRICS[name], np.random.default_rng(3)
        labels = np.arange(10) % 2
        a = np.where(rng.random(10) < 0.9, labels, 1 - labels)
        b = np.where(rng.random(10) < 0.5, labels, 1 - labels)
        if metric.needs == "scores":
            labels, a, b = (x + rng.normal(size=10) for x in (labels, a, b))
        expected = stats.permutation_test(
            (a, b),
            lambda a, b: metric(labels, a) - metric(labels, b),
            permutation_type="samples",
            n_resamples=np.inf,
            vectorized=False,
        )
        result = paired_rows.exchange_test(metric, labels, a, b)
        self.assertAlmostEqual(result.difference, expected.statistic)
        self.assertAlmostEqual(result.p_value, expected.pvalue)

    @parameterized.parameters((12, 3), (4, 12), (14, 4), (60, 40))
    def test_for_accuracy_it_is_the_binomial_test(self, only_a, only_b):
        labels = np.zeros(150, int)
        a = np.repeat([0, 1, 0], [only_a, only_b, 150 - only_a - only_b])
        b = np.repeat([1, 0, 0], [only_a, only_b, 150 - only_a - only_b])
        result = paired_rows.exchange_test(METRICS["accuracy"], labels, a, b)
        exact = paired_rows.compare_right_rows(only_a, only_b, 150)
        is_exact = only_a + only_b <= 16
        self.assertAlmostEqual(
            result.p_value, exact.p_value, delta=1e-12 if is_exact else 0.01
        )
        self.assertAlmostEqual(result.low, exact.low, delta=0.015)
        self.assertAlmostEqual(result.high, exact.high, delta=0.015)

    def test_near_end_is_the_difference_less_what_the_patterns_reach(self):
        # Errors of 1 in six rows of b alone: the patterns give differences of
        # k / 6 for k = -6, -4 .. 6; 2/64 reach 6/6, and 14/64 reach 4/6.
        result = paired_rows.exchange_test(
            METRICS["mae"], np.zeros(6), np.zeros(6), np.ones(6)
        )
        self.assertEqual(result.p_value, 2 / 64)
        self.assertAlmostEqual(result.difference, -1)
        self.assertAlmostEqual(result.high, -1 + 4 / 6)
        self.assertLess(result.low, -1 - 4 / 6)

    def test_ends_lie_within_what_the_metric_can_differ_by(self):
        labels = np.array([0, 0, 0, 0, 1, 1])
        result = paired_rows.exchange_test(
            METRICS["f1"], labels, labels, 1 - labels
        )
        self.assertEqual((result.difference, result.high), (1.0, 1.0))

    def test_sampled_p_value_is_never_zero(self):
        labels = np.arange(100) % 2
        result = paired_rows.exchange_test(
            METRICS["f1"], labels, labels, 1 - labels, num_samples=499
        )
        self.assertEqual(result.p_value, 1 / 500)

    def test_seed_decides_and_row_order_does_not(self):
        rng = np.random.default_rng(0)
        columns = rng.normal(size=(3, 50))
        order = rng.permutation(50)

        def result(columns, seed):
            return paired_rows.exchange_test(
                METRICS["spearman"], *columns, seed=seed, num_samples=999
            )

        first = result(columns, 1)
        self.assertEqual(first, result(columns, 1))
        self.assertEqual(first, result(columns[:, order], 1))
        self.assertNotEqual(first, result(columns, 2))


class SimulationTest(parameterized.TestCase):
    @parameterized.parameters("F1, a tenth positive", "macro F1, 5 classes")
    def test_interval_covers_and_equal_models_are_seldom_told_apart(self, task):
        alike, _, unequal, _ = verdict_simulation.MODELS
        held, found = verdict_simulation.outcome(task, alike, 50, num_draws=100)
        self.assertGreater(held, 0.95)
        self.assertLess(found, 0.05)
        held, _ = verdict_simulation.outcome(task, unequal, 50, num_draws=100)
        self.assertGreater(held, 0.92)

    def test_population_is_what_it_says(self):
        models = verdict_simulation.MODELS[2]
        shares = verdict_simulation.population((0.7, 0.3), models)
        np.testing.assert_allclose(shares.sum(axis=(1, 2)), [0.7, 0.3])
        right = [np.einsum("iij->", shares), np.einsum("iji->", shares)]
        np.testing.assert_allclose(right, models.right)

    @pytest.mark.large
    def test_table_has_a_row_for_each_task_and_pair(self):
        lines = verdict_simulation.table(1).splitlines()
        pairs = len(verdict_simulation.TASKS) * len(verdict_simulation.MODELS)
        self.assertLen(lines, 2 + pairs)
