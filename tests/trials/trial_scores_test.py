"""Tests of tf_bert/trials/trial_scores.py."""

from absl.testing import parameterized

from tf_bert.runs.state.progress import Progress
from tf_bert.trials import trial_record as records
from tf_bert.trials.trial_scores import scored_split, trials_of


def record(**scores):
    """A record with `validation` and `test` of the chosen checkpoint."""
    entry = {split: {"accuracy": score} for split, score in scores.items()}
    return {
        "metric": "accuracy",
        "chosen": "best",
        "last": entry,
        "best": entry,
        "seeds": {"head_seed": 1, "data_seed": 2, "dropout_seed": 2},
        "status": "ok",
        "majority": dict.fromkeys(scores, 0.5),
        "is_failed": False,
        "is_degenerate": False,
        "is_constant": False,
    }


class TrialScoresTest(parameterized.TestCase):
    def test_test_counts_where_a_trial_has_it(self):
        both, one = record(validation=0.7, test=0.9), record(validation=0.7)
        self.assertEqual(scored_split([one]), "validation")
        self.assertEqual(scored_split([one, both]), "test")

    def test_one_that_diverged_says_its_splits_too(self):
        diverged = {
            **record(test=0.9),
            "status": "diverged",
            "last": None,
            "best": None,
        }
        self.assertEqual(scored_split([diverged]), "test")
        (trial,) = trials_of([diverged])
        self.assertEqual((trial.status, trial.majority), ("diverged", 0.5))

    def test_takes_score_and_majority_of_the_split(self):
        (trial,) = trials_of([record(validation=0.7, test=0.9)])
        self.assertEqual((trial.score, trial.majority), (0.9, 0.5))
        self.assertEqual(dict(trial.seeds)["data_seed"], 2)
        (trial,) = trials_of([record(validation=0.7)], "validation")
        self.assertEqual(trial.score, 0.7)

    def test_one_that_raised_has_none(self):
        failure = records.of_failure(
            ValueError("of a test"), Progress(step=3), has_diverged=False
        )
        (trial,) = trials_of([{**failure, "seeds": {"head_seed": 1}}])
        self.assertIsNone(trial.score)
        self.assertEqual(trial.status, "error")
