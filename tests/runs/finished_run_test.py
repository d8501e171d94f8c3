"""Tests of tf_bert/runs/finished_run.py: evaluating and predicting."""

import io
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from conftest import read_json

from tf_bert import run

NEW = "text,label\nA new mug is good.,good\nA new mug.,good\n"


@pytest.fixture(scope="module")
def folder(finished_run, tmp_path_factory):
    """A copy of a finished run, to write into."""
    path = tmp_path_factory.mktemp("runs") / "copy"
    return pathlib.Path(shutil.copytree(finished_run, path))


@pytest.fixture
def main(folder, tmp_path):
    """Returns a function that gives a mode the run and a new file.

    Its arguments are the mode, the content of a file if it gets one, and
    further flags. Returns the exit status.
    """
    flag = {"evaluate": "--test_file", "predict": "--predict_file"}

    def call(mode, content=None, *flags, name="new.csv"):
        arguments = [f"--mode={mode}", f"--output_dir={folder}", *flags]
        if content is not None:
            path = tmp_path / name
            path.write_bytes(content.encode("cp1252"))
            arguments.append(f"{flag[mode]}={path}")
        return run.main(arguments)

    return call


class TestEvaluate:
    def test_repeats_the_result_of_the_run(self, folder, main, capsys):
        """With other batches, for these must not matter."""
        assert main("evaluate", None, "--eval_batch_size=5") == 0
        expected = read_json(folder / "all_results.json")["test"]
        result = read_json(folder / "evaluation.json")["test"]
        assert set(result) == set(expected)
        for name, value in expected.items():
            if isinstance(value, float | list):
                value = pytest.approx(value, rel=1e-5)
            assert result[name] == value, name
        printed = capsys.readouterr().out
        assert f"test_accuracy = {result['accuracy']}\n" in printed

    def test_flag_files_alone_find_their_run(
        self, finished_run, flags, full_flags, tmp_path, monkeypatch
    ):
        (tmp_path / "tiny.flags").write_text("\n".join(flags(**full_flags)))
        shutil.copytree(finished_run, tmp_path / "runs" / "tiny")
        monkeypatch.chdir(tmp_path)
        assert run.main(["--flagfile=tiny.flags", "--mode=evaluate"]) == 0
        assert (tmp_path / "runs" / "tiny" / "evaluation.json").exists()

    def test_takes_another_file(self, folder, main):
        before = (folder / "all_results.json").read_bytes()
        assert main("evaluate", NEW) == 0
        result = read_json(folder / "evaluation.json")
        assert set(result) == {"positive_label", "test"}
        assert result["test"]["num_examples"] == 2
        # A single class cannot be ranked.
        assert result["test"]["roc_auc"] is None
        assert (folder / "all_results.json").read_bytes() == before

    @pytest.mark.parametrize(
        "further, message",
        [
            ([], "Received: byte 0xe9"),
            (["--encoding=cp1252"], "not in the training labels.*label='café'"),
        ],
    )
    def test_a_label_must_be_one_of_the_training_in_any_encoding(
        self, main, capsys, further, message
    ):
        content = "text|label\nA mug.|café\n"
        assert main("evaluate", content, "--delimiter=pipe", *further) == 2
        error = capsys.readouterr().err
        for part in message.split(".*"):
            assert part in error


class TestPredict:
    def test_repeats_the_predictions_of_the_run(
        self, folder, main, finished_run, capsys
    ):
        (folder / "predictions.tsv").unlink()
        assert main("predict") == 0
        assert "Wrote 3 predictions to" in capsys.readouterr().out
        assert (folder / "predictions.tsv").read_bytes() == (
            finished_run / "predictions.tsv"
        ).read_bytes()

    def test_takes_another_file_column_encoding_and_delimiter(
        self, folder, main
    ):
        flags = ("--text_column=body", "--encoding=cp1252", "--delimiter=^")
        content = "id^body\n1^Café.\n"
        assert main("predict", content, *flags, name="new.txt") == 0
        lines = (folder / "predictions.tsv").read_text("utf-8").splitlines()
        assert lines[0].split("\t")[:3] == ["id", "body", "predicted_label"]
        assert lines[1].startswith("1\tCafé.\t")
        assert len(lines) == 2

    @pytest.mark.parametrize(
        "content, further",
        [('{"text": "A mug."}\n', []), (None, ["--predict_file=-"])],
    )
    def test_a_delimiter_of_nothing_is_refused(
        self, main, capsys, content, further
    ):
        flags = ["--delimiter=pipe", *further]
        assert main("predict", content, *flags, name="new.jsonl") == 2
        error = capsys.readouterr().err
        assert "Received: delimiter='pipe' for" in error

    def test_a_wrong_row_is_found_first(self, folder, main, capsys):
        before = (folder / "predictions.tsv").read_bytes()
        assert main("predict", "text\nA mug.\n \n") == 2
        assert "new.csv, row 2" in capsys.readouterr().err
        assert (folder / "predictions.tsv").read_bytes() == before

    def test_needs_a_file(self, finished_run, tmp_path, capsys):
        """Neither the run nor the command names one."""
        folder = pathlib.Path(shutil.copytree(finished_run, tmp_path / "run"))
        path = folder / "config.json"
        fields = {**read_json(path), "predict_file": None}
        path.write_text(json.dumps(fields), encoding="utf-8")
        assert run.main(["--mode=predict", f"--output_dir={folder}"]) == 2
        assert "Pass --predict_file." in capsys.readouterr().err


class TestPredictStandardInput:
    @pytest.fixture
    def predict(self, main, monkeypatch):
        """Returns a function from standard input to the exit status."""

        def call(content):
            texts = io.TextIOWrapper(io.BytesIO(content), "ascii")
            monkeypatch.setattr(sys, "stdin", texts)
            return main("predict", None, "--predict_file=-")

        return call

    def test_is_written_to_standard_output_alone(
        self, folder, predict, capsysbinary
    ):
        files = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        assert predict("The mug is good.\nThé \U0001f600\n".encode()) == 0
        lines = capsysbinary.readouterr().out.decode("utf-8").splitlines()
        assert lines[0] == (
            "text\tpredicted_label\tprobability_bad\tprobability_good"
        )
        assert lines[1].startswith("The mug is good.\t")
        assert lines[2].startswith("Thé \U0001f600\t")
        for line in lines[1:]:
            _, label, bad, good = line.split("\t")
            assert label == ("bad" if float(bad) > float(good) else "good")
        assert len(lines) == 3
        assert files == {
            path: path.stat().st_mtime_ns for path in folder.rglob("*")
        }

    def test_a_wrong_line_ends_in_a_sentence(self, predict, capsysbinary):
        assert predict(b"") == 2
        shown = capsysbinary.readouterr()
        assert shown.out == b""
        assert b"There are no texts to predict" in shown.err

    def test_nobody_reading_is_no_error(self, predict, monkeypatch, capsys):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w", encoding="utf-8") as nobody:
            monkeypatch.setattr(sys, "stdout", nobody)
            assert predict(b"The mug is good.\n") == 141
        assert "Traceback" not in capsys.readouterr().err

    @pytest.mark.large
    def test_ends_quietly_when_nobody_reads_on(self, folder):
        """What `| head -1` does, but after the first line for certain."""
        root = pathlib.Path(__file__).parents[2]
        command = [sys.executable, "-m", "tf_bert.run", "--mode=predict"]
        command += [f"--output_dir={folder}", "--predict_file=-"]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(root)},
        ) as process:
            process.stdin.write(b"The mug is good.\n")
            process.stdin.flush()
            assert process.stdout.readline().startswith(
                b"text\tpredicted_label"
            )
            assert process.stdout.readline().startswith(b"The mug is good.\t")
            process.stdout.close()
            process.stdin.write(b"The mug is bad.\n")
            process.stdin.close()
            error = process.stderr.read()
        assert process.returncode == 141
        assert b"Traceback" not in error
        assert b"BrokenPipe" not in error
