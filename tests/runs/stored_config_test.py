"""Tests of tf_bert/runs/stored_config.py: which flags a finished run takes."""

import re

import pytest

from tf_bert.config import Config, parse
from tf_bert.data.tasks import run_data
from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.stored_config import stored_config


def typed(mode, folder, *arguments):
    return parse.parse([f"--mode={mode}", f"--output_dir={folder}", *arguments])


def write_run(path, **fields):
    """Writes a run, as far as `stored_config` looks at it; returns the path."""
    folder = RunFolder(str(path))
    config = Config(output_dir="elsewhere", **fields)
    folder.write_json("config.json", config.as_dict())
    folder.write_json("all_results.json", {})
    return folder.path


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    return write_run(
        tmp_path_factory.mktemp("stored"),
        train_file="train.csv",
        train_batch_size=16,
        gradient_accumulation_steps=2,
        num_train_epochs=None,
        num_train_steps=9,
        encoding="cp1252",
    )


class TestStoredConfig:
    def test_is_that_of_the_run_with_the_given_flags(
        self, finished_run, reviews
    ):
        config = stored_config(
            output_dir=str(finished_run), mode="evaluate", eval_batch_size=3
        )
        assert config.mode == "evaluate"
        assert config.eval_batch_size == 3
        assert config.max_seq_length == 32
        assert config.train_file == str(reviews / "train.csv")

    def test_the_text_format_is_that_of_the_files_it_was_given_with(
        self, stored, reviews
    ):
        given = {"output_dir": stored, "mode": "predict"}
        assert stored_config(**given).encoding == "cp1252"
        given["predict_file"] = str(reviews / "predict.csv")
        assert stored_config(**given).encoding is None
        given["encoding"] = "latin-1"
        assert stored_config(**given).encoding == "latin-1"

    @pytest.mark.parametrize(
        "mode, file, names",
        [
            ("predict", "predict_file", ("text_column",)),
            ("evaluate", "test_file", ("text_column", "label_column")),
        ],
    )
    @pytest.mark.parametrize(
        "run",
        [
            {"task_name": "mrpc"},
            {"tfds_name": "glue/mrpc"},
            {"tfds_name": "not_there"},
            {"train_file": "own.csv"},
        ],
    )
    def test_columns_of_another_file_are_those_that_flags_name(
        self, run, mode, file, names, tmp_path
    ):
        """The defaults too, and without the dataset of the training."""
        path = write_run(tmp_path, metric="f1", **run)
        given = {"output_dir": path, "mode": mode, file: "a.csv"}
        for columns in (("text", "label"), ("body", "mood")):
            named = dict(zip(names, columns, strict=False))
            task = run_data.get_task(stored_config(**(given | named)))
            assert {name: getattr(task, name) for name in named} == named
            assert task.metric == "f1"

    def test_the_devices_of_the_training_are_not_asked_for(self, tmp_path):
        path = write_run(tmp_path, distribution="tpu", tpu_name="theirs")
        stored = stored_config(output_dir=path, mode="predict")
        assert (stored.distribution, stored.tpu_name) == ("auto", None)

    def test_a_run_must_have_ended_but_for_a_report(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="must hold a finished run"):
            stored_config(output_dir=str(tmp_path))
        folder = RunFolder(str(tmp_path))
        given = {"output_dir": folder.path, "mode": "report"}
        with pytest.raises(FileNotFoundError, match="must hold a run"):
            stored_config(**given)
        folder.begin(Config(output_dir=folder.path, seed=3))
        assert stored_config(**given).seed == 3


class TestFlags:
    @pytest.mark.parametrize("mode", ["evaluate", "predict", "export"])
    def test_what_means_nothing_is_refused_by_name(self, stored, mode):
        given = {
            "--learning_rate=0.1": "0.1 (the run's: 5e-05)",
            "--num_train_epochs=2": "2.0 (the run's: None)",
            "--per_device_train_batch_size=3": "3 (the run's: None)",
            "--overwrite_output_dir": "True (the run's: False)",
            "--split_seed=4": "4 (the run's: 0)",
        }
        with pytest.raises(ValueError) as error:
            stored_config(**typed(mode, stored, *given, "--max_grad_norm=1"))
        message = str(error.value)
        assert f"--mode={mode} does not take these" in message
        for argument, value in given.items():
            name = argument.partition("=")[0]
            assert f"{name[2:]}={value}" in message
            assert re.search(f"Leave out .*{name}.*; if a flag f", message)
        assert "max_grad_norm" not in message

    @pytest.mark.parametrize(
        "arguments",
        [
            "--train_batch_size=16",
            "--per_device_train_batch_size=8",
            "--per_device_train_batch_size=4",
            "--num_train_epochs=2 --num_train_steps=9",
            "--seed=0 --learning_rate=5e-5 --train_file=train.csv",
            "--encoding=cp1252",
        ],
    )
    def test_those_of_the_run_are_taken(self, stored, arguments):
        config = stored_config(**typed("export", stored, *arguments.split()))
        assert config.train_batch_size == 16
        assert config.num_train_steps == 9

    @pytest.mark.parametrize(
        "mode, argument",
        [
            ("evaluate", "--test_file=new.csv"),
            ("evaluate", "--train_file=moved/train.csv"),
            ("evaluate", "--label_column=stars"),
            ("predict", "--predict_file=new.csv"),
            ("predict", "--text_column=body"),
            ("predict", "--precision=mixed_bfloat16"),
            ("predict", "--distribution=mirrored"),
            ("evaluate", "--tpu_name=mine"),
        ],
    )
    def test_those_of_the_mode_are_taken(self, stored, mode, argument):
        name, _, value = argument[2:].partition("=")
        config = stored_config(**typed(mode, stored, argument))
        assert getattr(config, name) == value

    @pytest.mark.parametrize(
        "mode, argument",
        [
            ("evaluate", "--predict_file=new.csv"),
            ("predict", "--test_file=new.csv"),
            ("predict", "--train_file=new.csv"),
            ("export", "--eval_batch_size=3"),
            ("report", "--test_file=new.csv"),
        ],
    )
    def test_those_of_another_mode_are_refused(self, stored, mode, argument):
        with pytest.raises(
            ValueError,
            match=r"Leave out --[a-z_]+; .*--output_dir=\S+ in its place.$",
        ):
            stored_config(**typed(mode, stored, argument))
