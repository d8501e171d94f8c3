"""Tests of tf_bert/trials/stopping.py."""

import json
import pathlib
import tempfile

from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.config.early_stop import EarlyStop
from tf_bert.trials import planned_trials, stopping
from tf_bert.trials.trial_folder import TrialFolder

RECORD = {"trial": "one", "metric": "f1"}


def config_of(**fields):
    return Config(
        mode="trials", output_dir="x", train_file="reviews.csv", **fields
    )


class EffectiveTest(parameterized.TestCase):
    def effective(self, **fields):
        config = config_of(**fields)
        return stopping.effective(config, planned_trials.planned_trials(config))

    def test_nothing_is_stopped_without_the_flag(self):
        self.assertIsNone(self.effective(num_trials=4))

    def test_more_trials_than_go_on_are_stopped(self):
        found = self.effective(num_trials=4, early_stop_trials="keep:3,at:0.3")
        self.assertEqual(found, EarlyStop(3, 0.3))

    @parameterized.parameters(
        {"num_trials": 4},
        {"num_head_seeds": 2, "num_data_seeds": 2},
        {
            "num_trials": 4,
            "sweep": {"a": {}, "b": {"reinit_layers": 1}},
        },
    )
    def test_that_all_of_them_go_on_is_warned_of(self, **fields):
        with self.assertLogs("absl", "WARNING") as logs:
            found = self.effective(early_stop_trials="keep:4,at:0.3", **fields)
        self.assertIsNone(found)
        self.assertIn("keeps 4 of a recipe, and it has 4.", logs.output[0])


class ScoreAfterTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        path = self.enter_context(tempfile.TemporaryDirectory())
        self.folder = TrialFolder(path)
        self.history = pathlib.Path(path, "trials", "one", "history.jsonl")
        self.history.parent.mkdir(parents=True)
        entries = [
            {"step": step, "validation": {"f1": step / 10, "loss": 0.1}}
            for step in (2, 4)
        ]
        self.history.write_text("\n".join(map(json.dumps, entries)))

    @parameterized.parameters((2, 0.2), (4, 0.4), (3, None), (6, None))
    def test_is_that_of_the_evaluation_there(self, step, expected):
        self.assertEqual(
            stopping.score_after(self.folder, RECORD, step), expected
        )

    def test_one_that_never_got_there_has_none(self):
        self.assertIsNone(stopping.score_after(self.folder, None, 2))
        self.assertIsNone(
            stopping.score_after(self.folder, {"trial": "one"}, 2)
        )

    def test_a_damaged_history_is_refused(self):
        self.history.write_text("[")
        with self.assertRaisesRegex(ValueError, "A trial's history must hold"):
            stopping.score_after(self.folder, RECORD, 2)
