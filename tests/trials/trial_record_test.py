"""Tests of tf_bert/trials/: trial_record.py, and trial_scores.py."""

import math

import numpy as np
from absl.testing import parameterized

from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.runs.state.progress import Progress
from tf_bert.training.evaluate import Evaluation
from tf_bert.trials import trial_record as records
from tf_bert.trials.trial_scores import scored_split, trials_of

FAILURE = records.of_failure(
    ValueError("of a test"), Progress(step=3), has_diverged=False
)


def record(chosen="best", **scores):
    """A record with `validation` and `test` of the chosen checkpoint."""
    entry = {split: {"accuracy": score} for split, score in scores.items()}
    return {
        "metric": "accuracy",
        "chosen": chosen,
        "last": entry,
        "best": None,
        chosen: entry,
        "seeds": {"head_seed": 1, "data_seed": 2, "dropout_seed": 2},
        "status": "ok",
        "majority": dict.fromkeys(scores, 0.5),
        "is_failed": False,
        "is_degenerate": False,
        "is_constant": False,
    }


class ScoreTest(parameterized.TestCase):
    def test_is_the_chosen_checkpoints_on_validation(self):
        self.assertEqual(records.score(record(validation=0.7, test=0.9)), 0.7)

    def test_without_validation_no_model_beats_another(self):
        scored = record(chosen="last", test=0.9)
        self.assertEqual(records.score(scored), -math.inf)

    def test_a_trial_that_failed_has_none(self):
        self.assertEqual(
            records.score({**FAILURE, "metric": "accuracy"}), -math.inf
        )


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
        (trial,) = trials_of([{**FAILURE, "seeds": {"head_seed": 1}}])
        self.assertIsNone(trial.score)
        self.assertEqual(trial.status, "error")


def flags_of(labels, predictions, *, scores, majority):
    """The flags where validation and test are the same rows."""
    labels, predictions = np.array(labels), np.array(predictions)
    task = TaskSpec(
        name="custom",
        text_column="text",
        label_column="label",
        label_names=("a", "b"),
        metric="accuracy",
    )
    evaluation = Evaluation(labels, predictions, scores)
    both = {"validation": evaluation, "test": evaluation}
    return records._flags(
        task,
        {"validation": majority, "test": majority},
        {"last": both, "best": both},
        "best",
    )


class FlagsTest(parameterized.TestCase):
    @parameterized.parameters(
        ([0, 0, 1], [0, 0, 0], 2 / 3, (True, True, True)),
        ([0, 0, 1], [0, 0, 1], 1.0, (False, False, False)),
        ([0, 0, 1], [1, 1, 0], 0.0, (True, True, False)),
    )
    def test_failed_degenerate_constant(
        self, labels, predictions, accuracy, expected
    ):
        flags = flags_of(
            labels,
            predictions,
            scores={"accuracy": accuracy, "loss": 1.0},
            majority=2 / 3,
        )
        names = ("is_failed", "is_degenerate", "is_constant")
        self.assertEqual(tuple(flags[name] for name in names), expected)
