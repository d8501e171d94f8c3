from absl.testing import parameterized

from tf_bert.trials.statistics import trial_columns
from tf_bert.trials.statistics.trial_columns import Trial

NAN = float("nan")


class IsAboveTest(parameterized.TestCase):
    @parameterized.parameters(
        (279 / 408, 279 / 408, False),
        (0.1 + 0.2, 0.3, False),  # Two sums of one share.
        (280 / 408, 279 / 408, True),
        (-0.2, 0.0, False),
        (0.01, 0.0, True),
        (None, 0.0, False),
        (NAN, 0.5, False),
    )
    def test_by_more_than_rounding(self, score, other, expected):
        self.assertEqual(trial_columns.is_above(score, other), expected)


class CountedScoreTest(parameterized.TestCase):
    @parameterized.parameters(
        ("ok", 0.9, 0.9), ("diverged", None, 0.5), ("error", None, None)
    )
    def test_diverged_counts_as_the_majority_and_errors_do_not(
        self, status, score, expected
    ):
        trial = Trial(1, status, score, majority=0.5)
        self.assertEqual(trial_columns.counted_score(trial), expected)

    def test_scores_keep_their_seeds_and_order(self):
        trials = [Trial(seed, "ok", seed / 10, 0.5) for seed in (3, 1)]
        trials.insert(1, Trial(2, "error", None, 0.5))
        self.assertEqual(
            list(trial_columns.counted_scores(trials).items()),
            [(3, 0.3), (1, 0.1)],
        )

    @parameterized.parameters(
        (Trial(7, "ok", None, 0.5), r"score=None, status='ok', seeds=7\. Give"),
        (Trial(7, "ok", NAN, 0.5), "score=nan"),
        (Trial(7, "diverged", 0.9, NAN), "score=nan, status='diverged'"),
        (Trial(7, "lost", 0.9, 0.5), "status='lost'.*ok, diverged, error"),
    )
    def test_trial_that_cannot_count_is_refused(self, trial, message):
        with self.assertRaisesRegex(ValueError, message):
            trial_columns.counted_score(trial)

    def test_the_same_seeds_twice_are_refused(self):
        trials = [Trial((1, 1), "ok", score, 0.5) for score in (0.7, 0.8)]
        with self.assertRaisesRegex(ValueError, r"seeds=\(1, 1\) twice"):
            trial_columns.counted_scores(trials)
