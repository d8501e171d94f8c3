"""Tests of tf_bert/trials/paused_trials.py."""

import pathlib
import tempfile

from absl.testing import parameterized

from tf_bert.trials.paused_trials import PausedTrials
from tf_bert.trials.trial_folder import TrialFolder

RECORD = {"trial": "one", "status": "paused", "step": 2}


class PausedTrialsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(
            self.enter_context(tempfile.TemporaryDirectory())
        )
        self.states = self.path / "trials" / "one" / "checkpoints"
        self.read().write(RECORD, {"history.jsonl": b"{}\n"}, b"state")

    def read(self):
        return PausedTrials(TrialFolder(str(self.path)), ["one", "two"])

    def test_what_was_written_is_found_again(self):
        paused = self.read()
        self.assertEqual(paused.names(), ["one"])
        self.assertEqual(paused.record("one"), RECORD)
        self.assertEqual(paused.read_state("one"), b"state")
        self.assertIsNone(paused.record("two"))
        self.assertIsNone(paused.read_state("two"))

    def test_one_that_is_forgotten_leaves_its_files(self):
        paused = self.read()
        paused.forget("one")
        paused.forget("two")
        self.assertEmpty(paused.names())
        self.assertEmpty(self.read().names())
        self.assertFalse(self.states.exists())
        self.assertTrue((self.states.parent / "history.jsonl").exists())

    def test_a_state_without_its_record_is_none(self):
        (self.states / "paused.json").unlink()
        self.assertEmpty(self.read().names())

    @parameterized.parameters(b"stats", b"stat", b"", None)
    def test_a_damaged_state_starts_over_with_a_warning(self, content):
        path = self.states / "paused.safetensors"
        path.unlink() if content is None else path.write_bytes(content)
        with self.assertLogs("absl", "WARNING") as logs:
            self.assertIsNone(self.read().read_state("one"))
        self.assertIn(f"missing or damaged: {path}", logs.output[0])

    @parameterized.parameters("", "{", "[]", "{}", '{"record": {"trial": "x"}}')
    def test_a_damaged_record_starts_over_with_a_warning(self, content):
        (self.states / "paused.json").write_text(content)
        with self.assertLogs("absl", "WARNING") as logs:
            self.assertEmpty(self.read().names())
        self.assertIn("paused.json", logs.output[0])
