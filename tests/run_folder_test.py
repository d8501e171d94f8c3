"""Tests of tf_bert/run_folder.py."""

import pathlib
import tempfile

from absl.testing import parameterized

from tf_bert import run_folder
from tf_bert.config import Config
from tf_bert.run_folder import RunFolder


class RunFolderTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        parent = self.enterContext(tempfile.TemporaryDirectory())
        self.path = pathlib.Path(parent) / "runs" / "x"
        self.folder = RunFolder(str(self.path))

    def config(self, **fields):
        return Config(output_dir=str(self.path), **fields)

    def write(self, *names):
        for name in names:
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}", encoding="utf-8")

    def names(self):
        return {path.name for path in self.path.iterdir()}

    def test_a_new_folder_is_usable_and_not_made(self):
        self.folder.check_usable(self.config())
        self.assertFalse(self.path.parent.exists())

    def test_an_empty_folder_is_usable(self):
        self.path.mkdir(parents=True)
        self.folder.check_usable(self.config(resume="never"))

    def test_a_run_of_the_same_configuration_is_usable(self):
        self.folder.begin(self.config(seed=3))
        self.folder.check_usable(self.config(seed=3, resume="must"))

    def test_what_a_killed_write_has_left_is_removed_at_the_start(self):
        self.folder.begin(self.config())
        left = f"trials/x/.model.{'0f' * 16}.tmp/config.json"
        self.write("trials/x/history.jsonl", left)
        self.folder.begin(self.config())
        self.assertTrue((self.path / "trials/x/history.jsonl").exists())
        self.assertFalse((self.path / left).parent.exists())

    def test_another_configuration_is_refused_with_the_difference(self):
        self.folder.begin(self.config(learning_rate=1e-5))
        with self.assertRaisesRegex(
            FileExistsError, "learning_rate: 1e-05 -> 2e-05. Pass another"
        ):
            self.folder.check_usable(self.config(learning_rate=2e-5))

    def test_other_files_are_refused(self):
        self.write("thesis.txt")
        with self.assertRaisesRegex(
            FileExistsError, "must be new, empty or hold a run.*thesis.txt"
        ):
            self.folder.check_usable(self.config())

    def test_a_file_is_refused(self):
        self.path.parent.mkdir()
        self.path.write_text("thesis", encoding="utf-8")
        with self.assertRaisesRegex(FileExistsError, "must be new, empty"):
            self.folder.check_usable(self.config())

    def test_never_continues_nothing(self):
        self.folder.begin(self.config())
        with self.assertRaisesRegex(FileExistsError, "new with --resume=never"):
            self.folder.check_usable(self.config(resume="never"))

    def test_must_starts_nothing(self):
        with self.assertRaisesRegex(FileNotFoundError, "with --resume=must"):
            self.folder.check_usable(self.config(resume="must"))

    def test_overwriting_allows_all_that_is_there(self):
        self.write("thesis.txt", "config.json")
        self.folder.check_usable(self.config(overwrite_output_dir=True))
        self.assertEqual(self.names(), {"thesis.txt", "config.json"})

    def test_overwriting_the_checkpoint_that_it_starts_from_is_refused(self):
        self.write("config.json", "model/config.json")
        other = self.path.parent / "other"
        other.symlink_to(self.path)
        for folder in (self.path, other):
            config = self.config(
                overwrite_output_dir=True, init_checkpoint=f"{folder}/model"
            )
            with self.assertRaisesRegex(
                ValueError, "not lie in a run that is .*Pass another --output"
            ):
                self.folder.check_usable(config)
        self.assertTrue((self.path / "model" / "config.json").exists())

    def test_a_checkpoint_beside_the_run_is_kept(self):
        self.write("config.json", "../x_model/config.json")
        config = self.config(
            overwrite_output_dir=True, init_checkpoint=f"{self.path}_model"
        )
        self.folder.check_usable(config)

    def test_a_folder_that_can_be_made_is_writable(self):
        self.folder.check_writable()
        self.assertFalse(self.path.parent.exists())
        RunFolder("gs://bucket/run").check_writable()
        RunFolder("run").check_writable()

    def test_a_folder_below_a_file_is_not_writable(self):
        self.path.parent.write_text("thesis", encoding="utf-8")
        with self.assertRaisesRegex(
            NotADirectoryError, "Received: output_dir=.*runs/x, but .*runs is"
        ):
            self.folder.check_writable()

    def test_beginning_writes_the_configuration(self):
        config = self.config(seed=3)
        self.folder.begin(config)
        self.assertEqual(self.names(), {"config.json"})
        fields = self.folder.read_json(run_folder.CONFIG)
        self.assertEqual(Config.from_dict(fields), config)

    def test_beginning_again_keeps_the_state(self):
        self.folder.begin(self.config())
        self.write("checkpoints/state.safetensors", "history.jsonl")
        self.folder.begin(self.config())
        self.assertEqual(
            self.names(), {"config.json", "checkpoints", "history.jsonl"}
        )

    def test_an_inspection_does_not_use_the_folder(self):
        self.write("inspect.json")
        self.folder.check_usable(self.config())
        self.write("thesis.txt")
        with self.assertRaisesRegex(FileExistsError, "with thesis.txt"):
            self.folder.check_usable(self.config())

    def test_overwriting_removes_a_run_and_nothing_else(self):
        self.write(
            "thesis.txt",
            "notes/model.txt",
            "all_results.json",
            "eval_results.txt",
            "evaluation.json",
            "history.jsonl",
            "predictions.tsv",
            "splits.json",
            "updates.npz",
            "plots/distance.svg",
            "checkpoints/state.safetensors",
            "model/config.json",
            "tensorboard/events",
            "saved_model/saved_model.pb",
        )
        self.folder.begin(self.config(overwrite_output_dir=True))
        self.assertEqual(self.names(), {"config.json", "thesis.txt", "notes"})

    def test_a_run_is_finished_once_it_has_results(self):
        self.folder.begin(self.config())
        self.assertFalse(self.folder.is_finished())
        self.folder.write_json(run_folder.RESULTS, {"test": {}})
        self.assertTrue(self.folder.is_finished())

    def test_json_is_sorted(self):
        self.path.mkdir(parents=True)
        self.folder.write_json("x.json", {"b": 1, "a": [0.5]})
        text = (self.path / "x.json").read_text(encoding="utf-8")
        self.assertEqual(text, '{\n  "a": [\n    0.5\n  ],\n  "b": 1\n}\n')

    def test_a_missing_run_is_named(self):
        with self.assertRaisesRegex(
            FileNotFoundError, "must hold a finished run.*without all_results"
        ):
            self.folder.read_json(run_folder.RESULTS)

    def test_a_file_changed_by_hand_is_named(self):
        self.write("config.json")
        (self.path / "config.json").write_text("{,", encoding="utf-8")
        with self.assertRaisesRegex(
            ValueError, "must be a JSON object.*config.json"
        ):
            self.folder.check_usable(self.config())

    def test_checkpoints_are_removed_if_there_are_any(self):
        self.write("checkpoints/state.safetensors", "config.json")
        for _ in range(2):
            self.folder.remove_checkpoints()
            self.assertEqual(self.names(), {"config.json"})
