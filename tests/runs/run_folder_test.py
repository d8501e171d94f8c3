"""Tests of tf_bert/runs/run_folder.py."""

import json
import pathlib
import tempfile

from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.runs import run_folder
from tf_bert.runs.run_folder import RunFolder


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

    def write_run(self, *names, config=None):
        """A run as a version without a record has left it."""
        self.write("config.json", *names)
        fields = (config or self.config()).as_dict()
        (self.path / "config.json").write_text(json.dumps(fields), "utf-8")

    def names(self):
        """What is seen of the folder."""
        names = {path.name for path in self.path.iterdir()}
        return {name for name in names if not name.startswith(".")}

    def files(self):
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for path in self.path.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }

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

    def test_overwriting_touches_nothing_before_it_begins(self):
        self.write_run("thesis.txt")
        before = self.files()
        self.folder.check_usable(self.config(overwrite_output_dir=True))
        self.assertEqual(self.files(), before)

    @parameterized.parameters(
        # Of a project, of a model of Hugging Face, of another program.
        ({},),
        ({"config.json": '{"model_type": "bert", "hidden_size": 8}'},),
        ({"config.json": "[1, 2]"},),
        ({"config.json": "{,"},),
    )
    def test_overwriting_what_is_no_run_is_refused_as_without(self, files):
        self.write("data.json", "model/model.safetensors", "trials/notes.txt")
        for name, content in files.items():
            (self.path / name).write_text(content, encoding="utf-8")
        for fields in ({}, {"overwrite_output_dir": True}):
            with self.assertRaisesRegex(
                FileExistsError, "hold a run.*Pass another --output_dir.$"
            ) as caught:
                self.folder.check_usable(self.config(**fields))
            self.assertNotIn("overwrite", str(caught.exception))

    def test_overwriting_an_empty_or_new_folder_is_nothing_special(self):
        config = self.config(overwrite_output_dir=True)
        self.folder.check_usable(config)
        self.write("inspect.json", ".hidden")
        self.folder.check_usable(config)

    @parameterized.parameters(
        {"init_checkpoint": "model"},
        {"train_file": "scored_rows.tsv"},
        {"predict_file": "predictions.tsv"},
    )
    def test_overwriting_what_it_reads_is_refused(self, **names):
        ((name, file),) = names.items()
        self.write_run("model/config.json", "scored_rows.tsv")
        other = self.path.parent / "other"
        other.symlink_to(self.path)
        for folder in (self.path, other):
            config = self.config(
                overwrite_output_dir=True, **{name: f"{folder}/{file}"}
            )
            with self.assertRaisesRegex(
                ValueError, f"`{name}` must not lie in a run that is .*another"
            ):
                self.folder.check_usable(config)
        self.assertTrue((self.path / "model" / "config.json").exists())

    def test_what_lies_beside_the_run_is_kept(self):
        self.write_run("../x_model/config.json", "train.csv")
        config = self.config(
            overwrite_output_dir=True,
            init_checkpoint=f"{self.path}_model",
            train_file=f"{self.path}/train.csv",
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

    # Of every kind that a run of either mode, and later modes, may have.
    OURS = (
        "all_results.json",
        "eval_results.txt",
        "evaluation.json",
        "history.jsonl",
        "predictions.tsv",
        "scored_rows.tsv",
        "splits.json",
        "updates.npz",
        "data.json",
        "baselines.json",
        "trials.jsonl",
        "report.html",
        "plots/distance.svg",
        "report/figures/x.png",
        "report/tables/x.tsv",
        "checkpoints/state_1_step_2.b052aadc.safetensors",
        "checkpoints/best_step_2.b9a3b298.safetensors",
        "model/config.json",
        "tensorboard/events.out.tfevents.1.host.2.0.v2",
        "saved_model/saved_model.pb",
        "saved_model/variables/variables.index",
        "trials/0123456789abcdef.json",
        "trials/0123456789abcdef/model/vocab.txt",
        "trials/0123456789abcdef/checkpoints/paused.json",
    )
    OTHERS = (
        "thesis.txt",
        "inspect.json",
        "notes/model.txt",
        "model/notes.txt",
        "plots/notes.txt",
        "report/thesis.tex",
        "trials/notes.json",
        "trials/0123456789abcdef/notes.txt",
        "checkpoints/mine.safetensors",
    )

    def test_overwriting_a_run_without_record_removes_that_alone(self):
        self.write_run(*self.OURS, *self.OTHERS)
        self.folder.begin(self.config(overwrite_output_dir=True))
        self.assertEqual(self.files().keys(), {"config.json", *self.OTHERS})
        self.assertFalse((self.path / "tensorboard").exists())
        self.assertFalse((self.path / "saved_model").exists())

    def test_overwriting_removes_what_is_recorded_alone(self):
        self.folder.begin(self.config())
        self.folder.written.record("evaluation.json")
        of_training = ("model/vocab.txt", "evaluation.json", "history.jsonl")
        # A sweep, a report and an export have such names.
        others = ("data.json", "report/tables/x.tsv", "saved_model/assets/x")
        self.write(*of_training, *others)
        self.folder.begin(self.config(overwrite_output_dir=True))
        self.assertEqual(self.files().keys(), {"config.json", *others})
        # Its record does not go on to the next run.
        self.write("evaluation.json")
        self.folder.begin(self.config(overwrite_output_dir=True))
        self.assertIn("evaluation.json", self.files())

    def test_overwriting_that_was_killed_goes_on(self):
        self.folder.begin(self.config(seed=3))
        self.write("model/vocab.txt")
        (self.path / "config.json").unlink()  # Removed before all that.
        with self.assertRaisesRegex(
            FileExistsError, "left of a run.* --overwrite_output_dir to remove"
        ):
            self.folder.check_usable(self.config())
        config = self.config(overwrite_output_dir=True)
        self.folder.check_usable(config)
        self.folder.begin(config)
        self.assertEqual(self.names(), {"config.json"})

    def test_a_run_replaces_no_file_of_others(self):
        self.folder.begin(self.config())
        self.write("data.json")
        config = self.config(
            mode="trials",
            num_trials=2,
            train_file="reviews.csv",
            overwrite_output_dir=True,
        )
        with self.assertRaisesRegex(
            FileExistsError, "with data.json, which no run has written.*Move"
        ):
            self.folder.check_usable(config)

    def test_a_later_mode_replaces_no_file_of_others(self):
        self.folder.begin(self.config())
        self.write("evaluation.json", "report/thesis.tex", "report/.DS_Store")
        with self.assertRaisesRegex(FileExistsError, "with evaluation.json"):
            self.folder.written.record("evaluation.json")
        with self.assertRaisesRegex(FileExistsError, "with report/thesis.tex"):
            with self.folder.written.open_folder_writer("report"):
                self.fail("It would be replaced.")

    def test_a_folder_that_is_written_again_is_recorded_file_by_file(self):
        self.folder.begin(self.config())
        for name in ("old", "new"):
            with self.folder.written.open_folder_writer("report") as temporary:
                path = pathlib.Path(temporary, "tables", f"{name}.tsv")
                path.parent.mkdir()
                path.write_text(name)
        self.write("report/tables/mine.tsv")
        self.assertEqual(
            self.files().keys(),
            {"config.json", "report/tables/new.tsv", "report/tables/mine.tsv"},
        )
        self.assertEqual(
            self.folder.written.of_others(), ["report/tables/mine.tsv"]
        )
        self.folder.begin(self.config(overwrite_output_dir=True))
        self.assertEqual(
            self.files().keys(), {"config.json", "report/tables/mine.tsv"}
        )

    def test_a_later_mode_does_not_forget_what_came_before_records(self):
        self.write_run("model/vocab.txt")
        self.folder.written.record("evaluation.json")
        self.folder.begin(self.config(overwrite_output_dir=True))
        self.assertEqual(self.names(), {"config.json"})

    def test_a_report_on_others_makes_a_folder_no_run(self):
        self.write("thesis.txt", "model/vocab.txt", "config.json")
        with self.folder.written.open_folder_writer("report") as temporary:
            pathlib.Path(temporary, "x.tsv").write_text("")
        self.assertFalse(self.folder.holds_run())
        with self.assertRaisesRegex(FileExistsError, "hold a run"):
            self.folder.check_usable(self.config(overwrite_output_dir=True))

    def test_a_folder_that_is_a_link_is_emptied_and_stays(self):
        self.folder.begin(self.config())
        disk = self.path.parent / "disk"
        disk.mkdir()
        state = disk / "state_1_step_2.b052aadc.safetensors"
        state.write_bytes(b"")
        (self.path / "checkpoints").symlink_to(disk)
        self.folder.begin(self.config(overwrite_output_dir=True))
        self.assertFalse(state.exists())
        self.assertTrue((self.path / "checkpoints").is_symlink())

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
        self.folder.begin(self.config())
        (self.path / "config.json").write_text("{,", encoding="utf-8")
        with self.assertRaisesRegex(
            ValueError, "must be a JSON object.*config.json"
        ):
            self.folder.check_usable(self.config())

    def test_checkpoints_are_removed_if_there_are_any(self):
        self.write_run("checkpoints/state_1_step_2.b052aadc.safetensors")
        for _ in range(2):
            self.folder.remove_checkpoints()
            self.assertEqual(self.names(), {"config.json"})
