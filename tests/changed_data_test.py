"""A run whose files have changed since, from the command line."""

import json
import logging
import pathlib
import shutil

import pytest
import safetensors.numpy

from tf_bert import run
from tf_bert.data.tasks.row_digests import parse_rows

pytestmark = pytest.mark.large

RECORDED = pathlib.Path(__file__).parent / "recorded"


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def edit(path, change):
    """Changes the list of the rows of a file; row 1 is behind the header."""
    lines = path.read_text("utf-8").splitlines()
    change(lines)
    path.write_text("\n".join(lines) + "\n", "utf-8")


def flip(lines, row):
    text, label = lines[row].rsplit(",", 1)
    lines[row] = f"{text},{'bad' if label == 'good' else 'good'}"


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """A folder with a file without copies, and the flags to train on it."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(RECORDED / "checkpoint", folder / "checkpoint")
    shutil.copy(RECORDED / "reviews.csv", folder)
    shutil.copy(RECORDED / "new.csv", folder)
    return folder, [
        "--init_checkpoint=checkpoint",
        "--train_file=reviews.csv",
        "--test_proportion=0.25",
        "--max_seq_length=32",
        "--num_train_steps=6",
        "--num_evaluations=3",
        "--learning_rate=0.01",
        "--notensorboard",
        "--nocompare_baselines",
    ]


@pytest.fixture(scope="module")
def trained(command, control_c_at):
    """The folder with two runs, one of them interrupted, and a sweep."""
    folder, flags = command
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run.main([*flags, "--output_dir=run"]) == 0
        with control_c_at("step 4:"):
            assert run.main([*flags, "--output_dir=broken"]) == 130
        sweep = ["--mode=trials", "--num_trials=1", "--output_dir=sweep"]
        assert run.main([*flags, *sweep]) == 0
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """A copy, which is the current folder."""
    path = pathlib.Path(shutil.copytree(trained, tmp_path / "copy"))
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def refused(capsys):
    """Returns the last line that a refused command says."""

    def error(*flags):
        assert run.main(list(flags)) == 2
        return capsys.readouterr().err.splitlines()[-1]

    return error


@pytest.fixture
def done(caplog):
    """Returns what a command logs that ends well."""
    caplog.set_level(logging.INFO)

    def log(*flags):
        caplog.clear()
        assert run.main(list(flags)) == 0
        return caplog.text

    return log


def rows_of(folder, split):
    return parse_rows(
        read_json(folder / "splits.json")["splits"][split]["rows"]
    )


EVALUATE = ("--mode=evaluate", "--output_dir=run")


class TestEvaluate:
    def test_a_row_that_was_deleted_is_named(self, folder, refused):
        """Else 9 of the 16 test examples would be ones that were trained on."""
        edit(folder / "reviews.csv", lambda lines: lines.pop(31))
        error = refused(*EVALUATE)
        assert "Received: reviews.csv: 1 row missing (31). Restore" in error
        assert "--test_file with other examples" in error
        assert not (folder / "run" / "evaluation.json").exists()

    def test_a_file_that_only_moved_is_taken(self, folder, done):
        (folder / "reviews.csv").rename(folder / "moved.csv")
        done(*EVALUATE, "--train_file=moved.csv")
        stored = read_json(folder / "run" / "all_results.json")
        again = read_json(folder / "run" / "evaluation.json")
        for split in ("validation", "test"):
            for name in ("num_examples", "loss", "accuracy"):
                assert again[split][name] == pytest.approx(stored[split][name])

    def test_rows_that_were_trained_on_are_refused(self, folder, refused):
        row = rows_of(folder / "run", "train")[3]
        lines = (folder / "reviews.csv").read_text("utf-8").splitlines()
        (folder / "other.csv").write_text(
            f"{lines[0]}\nA new one.,good\n{lines[row].upper()}\n".replace(
                "GOOD\n", "good\n"
            ).replace("BAD\n", "bad\n"),
            "utf-8",
        )
        error = refused(*EVALUATE, "--test_file=other.csv")
        assert "other.csv, of which 1 of 2 rows stand in the" in error
        assert "but for case and spaces (2). Delete" in error

    def test_rows_that_chose_the_checkpoint_are_said(self, folder, done):
        row = rows_of(folder / "run", "validation")[0]
        lines = (folder / "reviews.csv").read_text("utf-8").splitlines()
        (folder / "other.csv").write_text(f"{lines[0]}\n{lines[row]}\n")
        # The run's own file is not read, and need not be there.
        (folder / "reviews.csv").unlink()
        said = done(*EVALUATE, "--test_file=other.csv")
        assert (
            "1 of 1 examples of other.csv stand in the validation examples"
            in said
        )

    def test_a_test_file_that_changed_is_not_taken_for_another(
        self, command, folder, refused, done
    ):
        shutil.copy(RECORDED / "copies.csv", folder / "test.csv")
        edit(folder / "test.csv", lambda lines: lines.__delitem__(slice(9, 99)))
        flags = [x for x in command[1] if "test_proportion" not in x]
        done(*flags, "--test_file=test.csv", "--output_dir=run2")
        evaluate = ("--mode=evaluate", "--output_dir=run2")
        done(*evaluate)  # All of its rows are in the training data.
        edit(folder / "test.csv", lambda lines: flip(lines, 2))
        assert "test.csv: 1 row changed (2)." in refused(*evaluate)


class TestOtherModes:
    @pytest.mark.parametrize("name", ["run", "sweep"])
    def test_a_report_says_so_and_shows_what_is_stored(
        self, folder, done, name
    ):
        edit(folder / "reviews.csv", lambda lines: flip(lines, 7))
        done("--mode=report", f"--output_dir={name}")
        page = (folder / name / "report.html").read_text("utf-8")
        assert "reviews.csv: 1 row changed (7)" in page
        if name == "run":
            assert "The data has changed since the training" in page
            score = read_json(folder / "run" / "all_results.json")["test"]
            assert f"{score['accuracy']:.3f}" in page

    def test_prediction_and_export_need_no_labelled_data(self, folder, done):
        (folder / "reviews.csv").unlink()
        predict = ("--mode=predict", "--predict_file=new.csv")
        done(*predict, "--output_dir=run")
        done("--mode=export", "--output_dir=run")
        assert (folder / "run" / "predictions.tsv").exists()


class TestGivenAgain:
    """The command of a run that has ended."""

    def test_changed_data_is_not_answered_with_old_results(
        self, command, folder, refused
    ):
        edit(folder / "reviews.csv", lambda lines: flip(lines, 12))
        error = refused(*command[1], "--output_dir=run")
        assert "Received: reviews.csv: 1 row changed (12). Restore" in error

    def test_results_do_without_the_data(self, command, folder, done):
        (folder / "reviews.csv").unlink()
        said = done(*command[1], "--output_dir=run")
        assert "The data of the run is not there any more" in said


class TestContinued:
    def test_a_label_counts(self, command, folder, refused):
        record = (folder / "broken" / "splits.json").read_bytes()
        row = rows_of(folder / "broken", "test")[1]
        edit(folder / "reviews.csv", lambda lines: flip(lines, row))
        error = refused(*command[1], "--output_dir=broken")
        assert f"reviews.csv: 1 row changed ({row})." in error
        assert "--overwrite_output_dir" in error
        assert (folder / "broken" / "splits.json").read_bytes() == record

    def test_with_its_data_it_ends_as_the_other(self, command, folder, done):
        done(*command[1], "--output_dir=broken")
        scores = [
            read_json(folder / name / "all_results.json")["test"]
            for name in ("run", "broken")
        ]
        assert scores[0] == scores[1]

    def test_trials_name_the_rows(self, command, folder, refused):
        row = rows_of(folder / "run", "test")[0]
        edit(folder / "reviews.csv", lambda lines: flip(lines, row))
        error = refused(
            *command[1],
            "--mode=trials",
            "--num_trials=2",
            "--output_dir=sweep",
        )
        assert f"reviews.csv: 1 row changed ({row})" in error

    def test_the_best_trial_is_a_run_with_its_rows(self, folder, refused):
        (trial,) = (folder / "sweep" / "trials").glob("*/splits.json")
        edit(folder / "reviews.csv", lambda lines: flip(lines, 5))
        error = refused("--mode=evaluate", f"--output_dir={trial.parent}")
        assert "reviews.csv: 1 row changed (5)." in error


class TestCheckpoint:
    """One that another training has replaced, under the same name."""

    @pytest.fixture
    def replaced(self, folder):
        path = folder / "checkpoint" / "model.safetensors"
        weights = safetensors.numpy.load_file(path)
        name = next(
            n for n in weights if n.endswith("position_embeddings.weight")
        )
        weights[name][0, 0] += 1
        safetensors.numpy.save_file(weights, path)

    @pytest.mark.parametrize("name", ["run", "broken", "sweep"])
    def test_nothing_goes_on_with_it(
        self, command, folder, replaced, refused, name
    ):
        trials = ["--mode=trials", "--num_trials=2"] if name == "sweep" else []
        error = refused(*command[1], *trials, f"--output_dir={name}")
        assert error == (
            "ValueError: The weights of the checkpoint are not those that this "
            "began with. Received: init_checkpoint='checkpoint', output_dir="
            f"{name}. Restore the checkpoint, or pass another --output_dir, "
            "or --overwrite_output_dir to start over."
        )

    def test_to_start_over_is_allowed(self, command, folder, replaced, done):
        before = (folder / "run" / "init_checkpoint.json").read_bytes()
        done(*command[1], "--output_dir=run", "--overwrite_output_dir")
        after = (folder / "run" / "init_checkpoint.json").read_bytes()
        assert after != before

    @pytest.mark.parametrize("name", ["broken", "sweep"])
    def test_without_a_digest_it_goes_on_and_says_so(
        self, command, folder, replaced, done, name
    ):
        """As what an earlier version has begun."""
        (folder / name / "init_checkpoint.json").unlink()
        trials = ["--mode=trials", "--num_trials=2"] if name == "sweep" else []
        said = done(*command[1], *trials, f"--output_dir={name}")
        assert "Whether the checkpoint is what it was cannot be" in said
        assert not (folder / name / "init_checkpoint.json").exists()


class TestOfAnEarlierVersion:
    """Its `splits.json` has row numbers alone."""

    @pytest.fixture
    def recorded(self, tmp_path, monkeypatch):
        path = pathlib.Path(shutil.copytree(RECORDED, tmp_path / "recorded"))
        monkeypatch.chdir(path)
        return path

    def test_what_cannot_be_checked_is_said(self, recorded, done):
        assert "Whether the data is what it was cannot be" in done(*EVALUATE)
        said = done(*EVALUATE, "--test_file=reviews.csv")
        assert "rows of reviews.csv cannot be checked" in said
