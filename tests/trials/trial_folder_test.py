"""Tests of tf_bert/trials/trial_folder.py."""

import dataclasses
import json
import pathlib
import tempfile

from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.trials import planned_trials
from tf_bert.trials.trial_folder import TrialFolder


def make_config(folder, **fields):
    return Config(
        mode="trials",
        output_dir=str(folder),
        train_file="reviews.csv",
        **{"num_trials": 3, **fields},
    )


def record_of(trial, **fields):
    return {
        "trial": trial.name,
        "config": trial.configuration,
        "seeds": trial.seeds,
        "recipe": trial.recipe,
        "status": "ok",
        "error": None,
        "chosen": "last",
        "last": {"step": 1},
        "best": None,
        "is_failed": False,
        "is_degenerate": False,
        "is_constant": False,
        **fields,
    }


class TrialFolderTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        path = self.enter_context(tempfile.TemporaryDirectory())
        self.path = pathlib.Path(path, "sweep")
        self.folder = TrialFolder(str(self.path))
        self.config = make_config(self.path)
        self.trials = planned_trials.planned_trials(self.config)

    def write(self, trial, *, files=None, **fields):
        self.folder.write_trial(record_of(trial, **fields), files or {})

    def test_what_was_written_is_read_in_the_order_of_the_seeds(self):
        self.folder.begin(self.config)
        for trial in reversed(self.trials):
            self.write(trial)
        records = self.folder.read_records()
        self.assertEqual(
            [r["trial"] for r in records], [t.name for t in self.trials]
        )

    def test_lines_are_sorted_by_configuration_and_seeds(self):
        self.folder.begin(self.config)
        records = [record_of(trial) for trial in self.trials]
        self.folder.write_lines(records[::-1])
        lines = (self.path / "trials.jsonl").read_text("utf-8").splitlines()
        self.assertEqual([json.loads(line) for line in lines], records)

    def test_files_go_below_the_trial(self):
        self.folder.begin(self.config)
        self.write(self.trials[0], files={"model/config.json": b"{}"})
        path = self.path / "trials" / self.trials[0].name
        self.assertEqual((path / "model" / "config.json").read_bytes(), b"{}")

    def test_what_a_killed_trial_left_is_removed(self):
        self.folder.begin(self.config)
        path = self.path / "trials" / self.trials[0].name
        path.mkdir()
        (path / "updates.npz").write_bytes(b"half")
        self.write(self.trials[0], files={"history.jsonl": b""})
        self.assertEqual([p.name for p in path.iterdir()], ["history.jsonl"])

    def test_a_model_is_published_with_a_remark(self):
        self.folder.begin(self.config)
        name = self.trials[0].name
        files = {"model/README.md": b"Card\n", "model/model.safetensors": b"x"}
        self.write(self.trials[0], files=files)
        self.assertTrue(self.folder.publish_model(name, "The best."))
        model = self.path / "model"
        self.assertEqual((model / "model.safetensors").read_bytes(), b"x")
        self.assertEqual(
            (model / "README.md").read_text("utf-8"), "Card\n\nThe best.\n"
        )
        self.folder.remove_model(name)
        self.assertFalse(self.folder.publish_model(name, "The best."))

    def test_overwriting_removes_old_trials(self):
        self.folder.begin(self.config)
        self.write(
            self.trials[0],
            files={"history.jsonl": b"", "checkpoints/paused.json": b""},
        )
        self.folder.write_lines([record_of(self.trials[0])])
        self.folder.write_json("data.json", {})
        (self.path / "notes.txt").write_text("mine")
        self.folder.begin(
            dataclasses.replace(self.config, overwrite_output_dir=True)
        )
        self.assertEqual(
            sorted(p.name for p in self.path.glob("[!.]*")),
            ["config.json", "notes.txt", "trials"],
        )
        self.assertEmpty(list((self.path / "trials").iterdir()))

    def test_one_that_an_earlier_version_stopped_early_has_not_finished(self):
        self.folder.begin(self.config)
        first, second, _ = self.trials
        self.write(first)
        self.write(second, status="stopped")
        with self.assertLogs("absl", "WARNING") as logs:
            (record,) = self.folder.read_records()
        self.assertEqual(record["trial"], first.name)
        self.assertIn("1 of 2 trials", logs.records[0].getMessage())

    @parameterized.parameters(
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"trial": "x"}', "KeyError"),
        ("without recipe", "recipe"),
        ("without is_failed", "is_failed"),
    )
    def test_a_damaged_record_is_refused(self, content, error):
        self.folder.begin(self.config)
        path = self.path / "trials" / f"{self.trials[0].name}.json"
        if content.startswith("without "):
            record = record_of(self.trials[0])
            del record[content.removeprefix("without ")]
            content = json.dumps(record)
        path.write_text(content)
        with self.assertRaisesRegex(ValueError, f"record is damaged.*{error}"):
            self.folder.read_records()

    def test_a_record_by_another_name_is_refused(self):
        self.folder.begin(self.config)
        self.write(self.trials[0])
        path = self.path / "trials" / f"{self.trials[0].name}.json"
        path.rename(path.with_stem("0" * 16))
        with self.assertRaisesRegex(ValueError, "another trial's"):
            self.folder.read_records()

    def test_one_process_is_let_in_at_a_time(self):
        other = TrialFolder(str(self.path))
        with self.folder.lock.held():
            with self.assertRaisesRegex(FileExistsError, r"process \d+ is at"):
                with other.lock.held():
                    self.fail("Two are in.")
        with other.lock.held():
            self.assertTrue((self.path / ".process").exists())
        self.assertFalse((self.path / ".process").exists())
