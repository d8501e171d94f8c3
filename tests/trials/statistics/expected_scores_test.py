import itertools
from unittest import mock

import numpy as np
from absl.testing import parameterized

from tf_bert.trials.statistics import expected_scores
from tf_bert.trials.statistics.expected_scores import ExpectedScores


def curve(means, stds):
    """Expected scores of which only the test curve matters."""
    means, stds = np.array(means), np.array(stds)
    return ExpectedScores(means, stds, means, stds)


class ExpectedValidationScoresTest(parameterized.TestCase):
    def test_equals_the_mean_over_all_choices(self):
        scores = np.random.default_rng(0).normal(size=6)
        mean, std = expected_scores.expected_validation_scores(scores)
        for n in range(1, 7):
            best = [max(x) for x in itertools.combinations(scores, n)]
            self.assertAlmostEqual(mean[n - 1], np.mean(best), 12)
            self.assertAlmostEqual(std[n - 1], np.std(best), 7)

    def test_is_unbiased_where_the_older_estimator_is_not(self):
        # Of n uniform scores the largest is n / (n + 1) in the mean.
        draws = np.random.default_rng(0).random((2000, 6))
        curves = [
            expected_scores.expected_validation_scores(x)[0] for x in draws
        ]
        expected = np.arange(1, 7) / np.arange(2, 8)
        np.testing.assert_allclose(np.mean(curves, axis=0), expected, atol=0.01)
        ranks = np.arange(1, 7) / 6
        older = np.sort(draws) @ (ranks**6 - (ranks - 1 / 6) ** 6)
        self.assertLess(np.mean(older), expected[-1] - 0.03)

    def test_more_trials_than_binomials_in_the_floats(self):
        mean, _ = expected_scores.expected_validation_scores(np.arange(1100.0))
        # Of n out of 0 .. N - 1: n (N + 1) / (n + 1) - 1.
        self.assertAlmostEqual(mean[549], 550 * 1101 / 551 - 1, 6)


class ExpectedTestScoresTest(parameterized.TestCase):
    def test_comes_close_to_the_closed_form(self):
        rng = np.random.default_rng(0)
        validation, test = rng.normal(size=(2, 8))
        with mock.patch.object(expected_scores, "NUM_REPETITIONS", 40_000):
            mean, std = expected_scores.expected_test_scores(validation, test)
        by_validation = test[np.argsort(validation)]
        ranks = np.arange(1, 9) / 8
        for n in range(1, 9):
            weights = ranks**n - (ranks - 1 / 8) ** n
            expected = weights @ by_validation
            spread = (weights @ (by_validation - expected) ** 2) ** 0.5
            self.assertAlmostEqual(mean[n - 1], expected, delta=0.03)
            self.assertAlmostEqual(std[n - 1], spread, delta=0.03)

    def test_equally_good_trials_are_taken_in_turn(self):
        mean, _ = expected_scores.expected_test_scores([0.5, 0.5], [0.0, 1.0])
        np.testing.assert_allclose(mean, 0.5, atol=0.05)

    def test_the_test_scores_do_not_choose(self):
        # The best by validation is the worst on the test examples.
        mean, _ = expected_scores.expected_test_scores(
            [0.1, 0.2, 0.3, 0.4], [0.9, 0.8, 0.7, 0.6]
        )
        self.assertTrue(np.all(np.diff(mean) < 0))


class TrialsAdviceTest(parameterized.TestCase):
    def test_as_few_as_are_within_a_standard_error_of_the_best(self):
        # At the best, n = 4 of 4, the error is 0.02 * sqrt(4 / 4).
        expected = curve([0.70, 0.74, 0.75, 0.76], [0.05, 0.04, 0.03, 0.02])
        self.assertEqual(expected_scores.worthwhile_trials(expected), 2)
        advice = expected_scores.trials_advice(expected)
        self.assertStartsWith(
            advice,
            "2 trials are worth it: the best of 2 by validation is expected to "
            "score 0.740 on the test examples, one alone 0.700",
        )
        self.assertNotIn("hurt", advice)

    def test_a_best_that_needs_few_trials_is_known_better(self):
        # 0.04 * sqrt(1 / 4): two groups of two would give 0.04 * sqrt(2 / 4).
        expected = curve([0.71, 0.74, 0.73, 0.72], [0.04] * 4)
        self.assertEqual(expected_scores.worthwhile_trials(expected), 2)

    def test_a_curve_that_falls_is_told(self):
        expected = curve([0.70, 0.76, 0.75, 0.70], [0.03] * 4)
        self.assertIn(
            "More can hurt: the best of 4 is expected to score 0.700",
            expected_scores.trials_advice(expected),
        )

    def test_one_is_enough_where_nothing_is_gained(self):
        expected = curve([0.70, 0.701, 0.7015], [0.03] * 3)
        self.assertStartsWith(
            expected_scores.trials_advice(expected),
            "More than one trial is not clearly worth it",
        )

    def test_one_trial_cannot_tell(self):
        expected = expected_scores.expected_scores([0.8], [0.8])
        self.assertStartsWith(
            expected_scores.trials_advice(expected), "One trial says nothing"
        )
