"""Tests of tf_bert/runs/run_folder.py."""

import json
import pathlib
import tempfile

from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.runs.run_folder import RunFolder

NEVER = {"resume": "never"}
MUST = {"resume": "must"}
OVERWRITE = {"overwrite_output_dir": True}
STATE = "state_1_step_2.b052aadc.safetensors"


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

    def write_run(self, *names):
        """A run as a version without a record has left it."""
        self.write("config.json", *names)
        fields = self.config().as_dict()
        (self.path / "config.json").write_text(json.dumps(fields), "utf-8")

    def begin(self, **fields):
        self.folder.begin(self.config(**fields))

    def files(self):
        """What is seen of the folder."""
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for path in self.path.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }

    def assert_files(self, *names):
        self.assertEqual(self.files().keys(), set(names))

    def assert_refused(self, error, message, **fields):
        with self.assertRaisesRegex(error, message):
            self.folder.check_usable(self.config(**fields))

    def test_a_folder_that_can_be_made_is_usable_and_not_made(self):
        self.folder.check_usable(self.config())
        self.folder.check_writable()
        self.assertFalse(self.path.parent.exists())
        RunFolder("gs://bucket/run").check_writable()
        RunFolder("run").check_writable()

    def test_an_empty_folder_is_usable(self):
        self.path.mkdir(parents=True)
        self.folder.check_usable(self.config(**NEVER))
        self.write("inspect.json", ".hidden")
        self.folder.check_usable(self.config())
        self.folder.check_usable(self.config(**OVERWRITE))

    def test_a_run_of_the_same_configuration_is_usable(self):
        self.begin(seed=3)
        self.folder.check_usable(self.config(seed=3, **MUST))

    @parameterized.parameters(
        ({}, FileExistsError, "learning_rate: 1e-05 -> 5e-05. Pass another"),
        (NEVER, FileExistsError, "new with --resume=never"),
    )
    def test_another_run_is_refused(self, fields, error, message):
        self.begin(learning_rate=1e-5)
        self.assert_refused(error, message, **fields)

    def test_what_is_no_folder_of_runs_is_refused(self):
        self.write("inspect.json", "thesis.txt")
        self.assert_refused(
            FileExistsError, "new, empty or hold a run.* with thesis.txt"
        )
        file = RunFolder(str(self.path / "thesis.txt"))
        with self.assertRaisesRegex(FileExistsError, "new, empty"):
            file.check_usable(self.config())
        with self.assertRaisesRegex(
            NotADirectoryError, "Received: output_dir=.*txt/run, but .*txt is"
        ):
            RunFolder(file.join("run")).check_writable()

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
        for fields in ({}, OVERWRITE):
            with self.assertRaisesRegex(
                FileExistsError, "hold a run.*Pass another --output_dir.$"
            ) as caught:
                self.folder.check_usable(self.config(**fields))
            self.assertNotIn("overwrite", str(caught.exception))

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
            self.assert_refused(
                ValueError,
                f"`{name}` must not lie in a run that is .*another",
                **OVERWRITE,
                **{name: f"{folder}/{file}"},
            )

    def test_checking_touches_nothing_and_what_lies_beside_the_run_is_kept(
        self,
    ):
        self.write_run("../x_model/config.json", "train.csv")
        before = self.files()
        config = self.config(
            init_checkpoint=f"{self.path}_model",
            train_file=f"{self.path}/train.csv",
            **OVERWRITE,
        )
        self.folder.check_usable(config)
        self.assertEqual(self.files(), before)

    def test_beginning_again_keeps_the_state_not_a_killed_write(self):
        self.begin()
        left = f"trials/x/.model.{'0f' * 16}.tmp/config.json"
        self.write("checkpoints/x.safetensors", "trials/x/history.jsonl", left)
        self.begin()
        self.assert_files(
            "config.json", "checkpoints/x.safetensors", "trials/x/history.jsonl"
        )
        self.assertFalse((self.path / left).parent.exists())

    # Of every kind that a run of either mode, and later modes, may have.
    OURS = (
        "all_results.json",
        "eval_results.txt",
        "evaluation.json",
        "history.jsonl",
        "init_checkpoint.json",
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
        f"checkpoints/{STATE}",
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
        self.begin(**OVERWRITE)
        self.assert_files("config.json", *self.OTHERS)
        self.assertFalse((self.path / "tensorboard").exists())
        self.assertFalse((self.path / "saved_model").exists())

    def test_overwriting_removes_what_is_recorded_alone(self):
        self.begin()
        self.folder.written.record("evaluation.json")
        of_training = ("model/vocab.txt", "evaluation.json", "history.jsonl")
        # A sweep, a report and an export have such names.
        others = ("data.json", "report/tables/x.tsv", "saved_model/assets/x")
        self.write(*of_training, *others)
        self.begin(**OVERWRITE)
        self.assert_files("config.json", *others)
        # Its record does not go on to the next run.
        self.write("evaluation.json")
        self.begin(**OVERWRITE)
        self.assertIn("evaluation.json", self.files())

    def test_overwriting_that_was_killed_goes_on(self):
        self.begin(seed=3)
        self.write("model/vocab.txt")
        (self.path / "config.json").unlink()  # Removed before all that.
        self.assert_refused(
            FileExistsError, "left of a run.* --overwrite_output_dir to remove"
        )
        self.folder.check_usable(self.config(**OVERWRITE))
        self.begin(**OVERWRITE)
        self.assert_files("config.json")

    def test_no_mode_replaces_a_file_of_others(self):
        self.begin()
        self.write("data.json", "evaluation.json", "report/thesis.tex")
        self.assert_refused(
            FileExistsError,
            "with data.json. Move",
            mode="trials",
            num_trials=2,
            train_file="reviews.csv",
            **OVERWRITE,
        )
        with self.assertRaisesRegex(FileExistsError, "with evaluation.json"):
            self.folder.written.record("evaluation.json")
        with self.assertRaisesRegex(FileExistsError, "with report/thesis.tex"):
            with self.folder.written.open_folder_writer("report"):
                self.fail("It would be replaced.")

    def test_a_folder_that_is_written_again_is_recorded_file_by_file(self):
        self.begin()
        for name in ("old", "new"):
            with self.folder.written.open_folder_writer("report") as temporary:
                path = pathlib.Path(temporary, "tables", f"{name}.tsv")
                path.parent.mkdir()
                path.write_text(name)
        mine = "report/tables/mine.tsv"
        self.write(mine)
        self.assert_files("config.json", "report/tables/new.tsv", mine)
        self.assertEqual(self.folder.written.of_others(), [mine])
        self.begin(**OVERWRITE)
        self.assert_files("config.json", mine)

    def test_a_later_mode_does_not_forget_what_came_before_records(self):
        self.write_run("model/vocab.txt")
        self.folder.written.record("evaluation.json")
        self.begin(**OVERWRITE)
        self.assert_files("config.json")

    def test_a_report_on_others_makes_a_folder_no_run(self):
        self.write("thesis.txt", "model/vocab.txt", "config.json")
        with self.folder.written.open_folder_writer("report") as temporary:
            pathlib.Path(temporary, "x.tsv").write_text("")
        self.assertFalse(self.folder.holds_run())
        self.assert_refused(FileExistsError, "hold a run", **OVERWRITE)

    def test_a_folder_that_is_a_link_is_emptied_and_stays(self):
        self.begin()
        disk = self.path.parent / "disk"
        disk.mkdir()
        (disk / STATE).write_bytes(b"")
        (self.path / "checkpoints").symlink_to(disk)
        self.begin(**OVERWRITE)
        self.assertFalse((disk / STATE).exists())
        self.assertTrue((self.path / "checkpoints").is_symlink())
