import numpy as np
from absl.testing import absltest, parameterized

from tf_bert.trials.statistics import trial_columns
from tf_bert.trials.statistics.trial_columns import Trial

NAN = float("nan")


class IsFailedTest(parameterized.TestCase):
    @parameterized.parameters(
        (0.6838, 279 / 408, True),
        (279 / 408, 279 / 408, True),
        # Two sums of one share.
        (0.1 + 0.2, 0.3, True),
        (280 / 408, 279 / 408, False),
        (0.0, 0.0, True),
        (-0.2, 0.0, True),
        (0.01, 0.0, False),
        (None, 0.0, True),
        (NAN, 0.5, True),
    )
    def test_failed_is_not_above_chance(self, score, chance, expected):
        self.assertEqual(
            trial_columns.is_failed(
                status="ok", last_score=score, chance=chance
            ),
            expected,
        )

    @parameterized.parameters("diverged", "error")
    def test_what_did_not_finish_is_both(self, status):
        self.assertTrue(
            trial_columns.is_failed(status=status, last_score=0.9, chance=0.5)
        )
        self.assertTrue(
            trial_columns.is_degenerate(
                status=status, test_score=0.9, majority_score=0.5
            )
        )


class IsDegenerateTest(parameterized.TestCase):
    @parameterized.parameters(
        (0.812, 0.8122, True), (0.8122, 0.8122, True), (0.82, 0.8122, False)
    )
    def test_degenerate_is_not_above_the_majority(self, score, other, expected):
        self.assertEqual(
            trial_columns.is_degenerate(
                status="ok", test_score=score, majority_score=other
            ),
            expected,
        )


class IsConstantTest(parameterized.TestCase):
    @parameterized.parameters(
        (np.array([1, 1]), True),
        (np.array([0.25]), True),
        (np.array([1, 0, 1]), False),
        (np.array([0.25, 0.25001]), False),
    )
    def test_one_value_for_every_row(self, predictions, expected):
        self.assertEqual(trial_columns.is_constant(predictions), expected)


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
        trials = [
            Trial((3, 1), "ok", 0.7, 0.5),
            Trial((2, 1), "error", None, 0.5),
            Trial((1, 1), "diverged", None, 0.5),
        ]
        self.assertEqual(
            list(trial_columns.counted_scores(trials).items()),
            [((3, 1), 0.7), ((1, 1), 0.5)],
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


if __name__ == "__main__":
    absltest.main()
