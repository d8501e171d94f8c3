"""Tests of tf_bert/runs/finished_run.py: evaluating and predicting."""

import io
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from tf_bert import run


@pytest.fixture(scope="module")
def folder(finished_run, tmp_path_factory):
    """A copy of a finished run, to write into."""
    path = tmp_path_factory.mktemp("runs") / "copy"
    return pathlib.Path(shutil.copytree(finished_run, path))


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


class TestEvaluate:
    def test_repeats_the_result_of_the_run(self, folder, capsys):
        """With other batches, for these must not matter."""
        status = run.main(
            ["--mode=evaluate", f"--output_dir={folder}", "--eval_batch_size=5"]
        )
        assert status == 0
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

    def test_takes_another_file(self, folder, tmp_path):
        path = tmp_path / "other.csv"
        path.write_text(
            "text,label\nA new mug is good.,good\nA new mug.,good\n", "utf-8"
        )
        before = (folder / "all_results.json").read_bytes()
        status = run.main(
            ["--mode=evaluate", f"--output_dir={folder}", f"--test_file={path}"]
        )
        assert status == 0
        result = read_json(folder / "evaluation.json")
        assert set(result) == {"positive_label", "test"}
        assert result["test"]["num_examples"] == 2
        # A single class cannot be ranked.
        assert result["test"]["roc_auc"] is None
        assert (folder / "all_results.json").read_bytes() == before

    def test_takes_a_file_of_another_encoding(self, folder, tmp_path, capsys):
        path = tmp_path / "other.csv"
        path.write_bytes(b"text|label\nA mug.|caf\xe9\n")
        command = ["--mode=evaluate", f"--output_dir={folder}"]
        command += [f"--test_file={path}", "--delimiter=pipe"]
        assert run.main(command) == 2
        assert "Received: byte 0xe9" in capsys.readouterr().err
        assert run.main([*command, "--encoding=cp1252"]) == 2
        assert "label='café' in" in capsys.readouterr().err

    def test_labels_must_be_those_of_the_training(
        self, folder, tmp_path, capsys
    ):
        path = tmp_path / "other.csv"
        path.write_text("text,label\nA mug.,great\n", encoding="utf-8")
        status = run.main(
            ["--mode=evaluate", f"--output_dir={folder}", f"--test_file={path}"]
        )
        assert status == 2
        assert "not in the training labels" in capsys.readouterr().err


class TestPredict:
    def test_repeats_the_predictions_of_the_run(
        self, folder, finished_run, capsys
    ):
        (folder / "predictions.tsv").unlink()
        assert run.main(["--mode=predict", f"--output_dir={folder}"]) == 0
        assert "Wrote 3 predictions to" in capsys.readouterr().out
        assert (folder / "predictions.tsv").read_bytes() == (
            finished_run / "predictions.tsv"
        ).read_bytes()

    def test_takes_another_file_and_another_column(self, folder, tmp_path):
        path = tmp_path / "new.tsv"
        path.write_text("id\tbody\n1\tA mug.\n", encoding="utf-8")
        status = run.main(
            [
                "--mode=predict",
                f"--output_dir={folder}",
                f"--predict_file={path}",
                "--text_column=body",
            ]
        )
        assert status == 0
        lines = (folder / "predictions.tsv").read_text("utf-8").splitlines()
        assert lines[0].split("\t")[:3] == ["id", "body", "predicted_label"]
        assert len(lines) == 2

    def test_takes_a_file_of_another_encoding_and_delimiter(
        self, folder, tmp_path
    ):
        path = tmp_path / "new.txt"
        path.write_bytes(b"id^text\n1^Caf\xe9.\n")
        status = run.main(
            [
                "--mode=predict",
                f"--output_dir={folder}",
                f"--predict_file={path}",
                "--encoding=cp1252",
                "--delimiter=^",
            ]
        )
        assert status == 0
        lines = (folder / "predictions.tsv").read_text("utf-8").splitlines()
        assert lines[1].startswith("1\tCafé.\t")

    def test_a_wrong_row_is_found_first(self, folder, tmp_path, capsys):
        before = (folder / "predictions.tsv").read_bytes()
        path = tmp_path / "new.csv"
        path.write_text("text\nA mug.\n \n", encoding="utf-8")
        status = run.main(
            [
                "--mode=predict",
                f"--output_dir={folder}",
                f"--predict_file={path}",
            ]
        )
        assert status == 2
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
    def test_is_written_to_standard_output_alone(
        self, folder, monkeypatch, capsysbinary
    ):
        files = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        texts = io.BytesIO("The mug is good.\nThé \U0001f600\n".encode())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(texts, "ascii"))
        status = run.main(
            ["--mode=predict", f"--output_dir={folder}", "--predict_file=-"]
        )
        assert status == 0
        lines = capsysbinary.readouterr().out.decode("utf-8").splitlines()
        assert lines[0] == (
            "text\tpredicted_label\tprobability_bad\tprobability_good"
        )
        assert lines[1].startswith("The mug is good.\t")
        assert lines[2].startswith("Thé \U0001f600\t")
        assert len(lines) == 3
        assert files == {
            path: path.stat().st_mtime_ns for path in folder.rglob("*")
        }

    def test_a_wrong_line_ends_in_a_sentence(
        self, folder, monkeypatch, capsysbinary
    ):
        texts = io.TextIOWrapper(io.BytesIO(b""))
        monkeypatch.setattr(sys, "stdin", texts)
        status = run.main(
            ["--mode=predict", f"--output_dir={folder}", "--predict_file=-"]
        )
        assert status == 2
        shown = capsysbinary.readouterr()
        assert shown.out == b""
        assert b"There are no texts to predict" in shown.err

    def test_nobody_reading_is_no_error(self, folder, monkeypatch, capsys):
        texts = io.TextIOWrapper(io.BytesIO(b"The mug is good.\n"))
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w", encoding="utf-8") as nobody:
            monkeypatch.setattr(sys, "stdin", texts)
            monkeypatch.setattr(sys, "stdout", nobody)
            command = ["--mode=predict", f"--output_dir={folder}"]
            assert run.main([*command, "--predict_file=-"]) == 141
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
