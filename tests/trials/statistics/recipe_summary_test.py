import itertools

import numpy as np
from absl.testing import parameterized
from scipy import stats

from tf_bert.trials.statistics import recipe_summary
from tf_bert.trials.statistics.trial_columns import Trial


def trials_of(scores, **changes):
    return [Trial(i, "ok", x, 0.5, **changes) for i, x in enumerate(scores)]


def summary_of(scores, **changes):
    return recipe_summary.summarize_recipe(
        "zhang", trials_of(scores, **changes)
    )


class SummarizeRecipeTest(parameterized.TestCase):
    def test_locations_by_hand(self):
        summary = summary_of([0.6, 0.9, 0.7, 0.8])
        self.assertEqual((summary.minimum, summary.maximum), (0.6, 0.9))
        self.assertAlmostEqual(summary.mean, 0.75)
        self.assertAlmostEqual(summary.median, 0.75)
        self.assertAlmostEqual(summary.lower_quartile, 0.675)
        self.assertAlmostEqual(summary.upper_quartile, 0.825)
        # (0.15^2 + 0.05^2) * 2 / 3
        self.assertAlmostEqual(summary.std, (0.05 / 3) ** 0.5)

    def test_every_status_is_counted_in_its_place(self):
        trials = [
            Trial(1, "ok", 0.9, 0.5),
            Trial(2, "ok", 0.5, 0.5, True, True, True),
            Trial(3, "diverged", None, 0.5, True, True),
            Trial(4, "error", None, 0.5, True, True),
        ]
        summary = recipe_summary.summarize_recipe("zhang", trials)
        self.assertEqual(
            (
                summary.num_trials,
                summary.num_errors,
                summary.num_diverged,
                summary.num_failed,
                summary.num_degenerate,
                summary.num_constant,
            ),
            (3, 1, 1, 2, 2, 1),
        )
        self.assertAlmostEqual(summary.mean, (0.9 + 0.5 + 0.5) / 3)

    @parameterized.parameters(([0.8], None), ([0.8, 0.8, 0.8], 0.0))
    def test_equal_scores_have_no_interval(self, scores, std):
        summary = summary_of(scores)
        self.assertAlmostEqual(summary.median, 0.8)
        self.assertAlmostEqual(summary.std, std)
        self.assertIsNone(summary.mean_interval)
        self.assertIsNone(summary.median_interval)

    def test_without_a_trial_nothing_is_defined(self):
        errors = [Trial(1, "error", None, 0.5)]
        summary = recipe_summary.summarize_recipe("zhang", errors)
        self.assertEqual((summary.num_trials, summary.num_errors), (0, 1))
        self.assertIsNone(summary.mean)
        self.assertIsNone(summary.maximum)


class MeanIntervalTest(parameterized.TestCase):
    @parameterized.parameters(2, 5, 20)
    def test_is_students(self, num_trials):
        scores = np.random.default_rng(0).normal(0.8, 0.02, num_trials)
        error = np.std(scores, ddof=1) / num_trials**0.5
        half_width = stats.t.ppf(0.975, num_trials - 1) * error
        np.testing.assert_allclose(
            recipe_summary.mean_interval(scores),
            (np.mean(scores) - half_width, np.mean(scores) + half_width),
            rtol=1e-12,
        )


class MedianIntervalTest(parameterized.TestCase):
    @parameterized.parameters(2, 3, 5)
    def test_equals_the_enumeration_of_all_resamples(self, num_trials):
        scores = np.random.default_rng(1).normal(size=num_trials)
        medians = np.sort(
            [np.median(x) for x in itertools.product(scores, repeat=num_trials)]
        )
        # The outermost medians that leave at most 2.5 % of all beyond them.
        cut = int(0.025 * len(medians))
        np.testing.assert_allclose(
            recipe_summary.median_interval(scores),
            (medians[cut], medians[-1 - cut]),
            rtol=1e-12,
        )

    @parameterized.parameters(9, 10)
    def test_is_the_limit_of_scipys_bootstrap(self, num_trials):
        scores = np.random.default_rng(2).normal(size=num_trials)
        expected = stats.bootstrap(
            (scores,), np.median, n_resamples=10_000, method="percentile", rng=0
        ).confidence_interval
        np.testing.assert_allclose(
            recipe_summary.median_interval(scores),
            expected,
            atol=0.03 * np.ptp(scores),
        )

    @parameterized.parameters(999, 1000)
    def test_many_trials_come_close_to_the_normal_limit(self, num_trials):
        scores = np.random.default_rng(4).normal(size=num_trials)
        low, high = recipe_summary.median_interval(scores)
        # A median's standard error is sqrt(pi / 2) that of the mean.
        width = 2 * 1.96 * (np.pi / 2 / num_trials) ** 0.5
        self.assertAlmostEqual((high - low) / width, 1, delta=0.2)


class SummaryNotesTest(parameterized.TestCase):
    def test_each_kind_is_said(self):
        trials = [
            Trial(1, "ok", 0.9, 0.5),
            Trial(2, "ok", 0.0, 0.0, is_constant=True),
            Trial(3, "diverged", None, 0.5),
            Trial(4, "error", None, 0.5),
            Trial(5, "error", None, 0.5),
        ]
        notes = recipe_summary.summary_notes(
            recipe_summary.summarize_recipe("zhang", trials)
        )
        self.assertEqual(
            notes,
            [
                "zhang: 2 of 5 trials ended in an error and are left out.",
                "zhang: 1 of 3 trials diverged; counted at the majority's "
                "score.",
                "zhang: The same prediction for every example in 1 of 3 "
                "trials; a correlation then counts as 0.",
            ],
        )

    @parameterized.parameters(1, 20)
    def test_failed_ones_are_said(self, num_trials):
        summary = summary_of(np.linspace(0.5, 0.9, num_trials), is_failed=True)
        (note,) = recipe_summary.summary_notes(summary)
        self.assertStartsWith(note, f"zhang: {num_trials} of {num_trials} tri")
        self.assertEndsWith(note, " failed.")

    @parameterized.parameters(2, 20)
    def test_failed_among_few_is_warned_of_once(self, num_trials):
        scores = np.linspace(0.5, 0.9, num_trials)
        (note,) = recipe_summary.failed_runs_notes(
            [summary_of(scores, is_failed=True)] * 3
        )
        self.assertIn(
            "67 % of cases with 5 trials, 89 % of cases with 10 trials, 92 % "
            "of cases with 20 trials, not in 95 %.",
            note,
        )

    @parameterized.named_parameters(
        ("many_trials", np.linspace(0.5, 0.9, 21), True),
        ("no_failed_run", [0.5, 0.9], False),
        ("no_interval", [0.5, 0.5], True),
    )
    def test_without_doubt_nothing_is_warned_of(self, scores, is_failed):
        summary = summary_of(scores, is_failed=is_failed)
        self.assertEmpty(recipe_summary.failed_runs_notes([summary]))
