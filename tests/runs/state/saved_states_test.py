"""Tests of tf_bert/runs/state/saved_states.py."""

import logging
import pathlib
import re

import numpy as np
from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.runs.state.saved_states import SavedStates, State


def make_state(step, *, is_best=False, note=""):
    arrays = {"w": np.full(3, step, np.float32)}
    progress = {"step": step, "note": note}
    return State(arrays, progress, {"b": arrays["w"]} if is_best else None)


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 8
    path.write_bytes(data)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-1])


def empty(path):
    path.write_bytes(b"")


class SavedStatesTest(WithFolder):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "checkpoints"

    def states(self):
        return SavedStates(str(self.path))

    def save(self, *states):
        saved = self.states()
        for state in states:
            saved.save(state)
        return saved

    def names(self):
        """Without their checksums."""
        return sorted(p.name.split(".")[0] for p in self.path.iterdir())

    def only(self, stem):
        (path,) = self.path.glob(f"{stem}.*")
        return path

    def test_there_is_none_at_first(self):
        self.assertIsNone(self.states().load())
        self.path.mkdir()
        (self.path / ".state_1_step_2.0.safetensors.1.tmp").touch()
        (self.path / "best_step_2.00000000.safetensors").touch()
        self.assertIsNone(self.states().load())

    def test_the_newest_comes_back(self):
        """By numbers, not by letters; also of several at one step."""
        saved = self.save(*map(make_state, range(9, 19)))
        self.assertEqual(self.names(), ["state_10_step_18", "state_9_step_17"])
        self.assertEqual(self.states().load().progress["step"], 18)
        for note in "abc":
            saved.save(make_state(18, note=note))
            state = self.states().load()
            self.assertEqual(state.progress["note"], note)
            np.testing.assert_array_equal(state.arrays["w"], [18, 18, 18])

    def test_two_are_kept_with_the_best_that_they_name(self):
        saved = self.save(
            make_state(2, is_best=True),
            make_state(4, is_best=True),
            make_state(5),
        )
        self.assertEqual(
            self.names(), ["best_step_4", "state_2_step_4", "state_3_step_5"]
        )
        saved.save(make_state(6, is_best=True))
        self.assertEqual(
            self.names(),
            ["best_step_4", "best_step_6", "state_3_step_5", "state_4_step_6"],
        )
        arrays, path = saved.load_best()
        np.testing.assert_array_equal(arrays["b"], [6, 6, 6])
        self.assertEqual(path, str(self.only("best_step_6")))

    def test_equal_states_are_two_all_the_same(self):
        self.save(make_state(2), make_state(4), make_state(4))
        self.assertEqual(self.names(), ["state_2_step_4", "state_3_step_4"])

    def test_what_a_killed_write_left_is_removed_and_nothing_else(self):
        self.path.mkdir()
        (self.path / ".state_1_step_2.0.safetensors.12ab.tmp").touch()
        (self.path / "notes.txt").touch()
        self.save(make_state(2))
        self.assertEqual(self.names(), ["notes", "state_1_step_2"])

    @parameterized.parameters(flip_a_bit, cut_short, empty)
    def test_a_damaged_one_falls_back_and_says_so(self, damage):
        self.save(make_state(2, is_best=True), make_state(3))
        newest = self.only("state_2_step_3")
        damage(newest)
        saved = self.states()
        with self.assertLogs("absl", logging.WARNING) as logs:
            state = saved.load()
        self.assertIn(f"{newest} is damaged. Falling back", logs.output[0])
        self.assertEqual(state.progress["step"], 2)
        # It is removed by the next save, and the one that was used is not.
        saved.save(make_state(3))
        self.assertEqual(
            self.names(), ["best_step_2", "state_1_step_2", "state_3_step_3"]
        )
        self.assertEqual(self.states().load().progress["step"], 3)

    @parameterized.parameters(flip_a_bit, pathlib.Path.unlink)
    def test_so_does_one_whose_best_weights_are_damaged(self, damage):
        self.save(make_state(2, is_best=True), make_state(4, is_best=True))
        damage(self.only("best_step_4"))
        saved = self.states()
        with self.assertLogs("absl", logging.WARNING) as logs:
            self.assertEqual(saved.load().progress["step"], 2)
        self.assertRegex(logs.output[0], "best_step_4.* is (damaged|missing)")
        np.testing.assert_array_equal(saved.load_best()[0]["b"], [2, 2, 2])

    def test_no_whole_one_is_an_error(self):
        self.save(make_state(2), make_state(3))
        for path in self.path.iterdir():
            empty(path)
        with self.assertRaisesRegex(
            ValueError,
            rf"could continue from\. Received: {re.escape(str(self.path))}, "
            r"where state_2_step_3.* and state_1_step_2.* are damaged.*"
            "pass --overwrite_output_dir",
        ):
            self.states().load()
