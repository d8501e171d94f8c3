"""Tests of tf_bert/inspection/inspect_run.py, by the command line."""

import contextlib
import csv
import dataclasses
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import safetensors.numpy

from tf_bert import run
from tf_bert.config import Config, parse
from tf_bert.inspection import inspect_run, inspection_report

ROOT = pathlib.Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"

ROWS = [
    ("text", "label"),
    ("the kettle is good", "good"),
    ("the kettle is good", "bad"),
    ("the lamp is bad", "bad"),
    ("the lamp is bad", "bad"),
    (" ", "good"),
    ("a mug, a tent and a desk", "good"),
    ("a tent, a desk and a mug", "good"),
    ("the 漢字 is good", "good"),
    *((f"{letter * 3} is bad", "bad") for letter in "abcdefgh"),
]


def write_rows(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def inspect(folder, arguments):
    """Inspects by the command line; returns what `inspect.json` holds."""
    status = run.main([*arguments, f"--output_dir={folder}", "--mode=inspect"])
    assert status == 0
    return json.loads((folder / "inspect.json").read_text("utf-8"))


def file_contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def inspected(finished_run, flags, reviews, tmp_path_factory):
    """An inspection of `ROWS` into the folder of a finished run.

    Its content, what was printed, and the files of the folder before and
    after.
    """
    folder = tmp_path_factory.mktemp("inspected")
    path = write_rows(folder / "rows.csv", ROWS)
    output_dir = shutil.copytree(finished_run, folder / "run")
    before = file_contents(output_dir)
    arguments = flags(
        train_file=path,
        validation_proportion=0.0,
        test_file=reviews / "test.csv",
        predict_file=reviews / "predict.csv",
    )
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        found = inspect(output_dir, arguments)
    return found, printed.getvalue(), before, file_contents(output_dir)


@pytest.fixture(scope="module")
def scored_pairs(flags, tmp_path_factory):
    """An inspection of a regression on pairs, without a folder."""
    folder = tmp_path_factory.mktemp("scored")
    rows = [(f"the {i} is", "good", i / 10) for i in range(30)]
    more = [("x", "y", 0), ("x", "y", 0.1), ("x", "z", 0), ("x", "z", 2)]
    path = write_rows(folder / "p.csv", [("a", "b", "score"), *rows, *more])
    arguments = flags(
        train_file=path,
        text_column="a",
        text_pair_column="b",
        label_column="score",
        task_type="regression",
    )
    config = Config(**parse.parse([*arguments, "--mode=inspect"]))
    with contextlib.chdir(folder):
        found = inspect_run.inspect_run(config)
    assert list(folder.iterdir()) == [path]
    return found


class TestInspect:
    def test_finds_what_is_wrong_with_the_rows(self, inspected):
        found = inspected[0]
        train = found["splits"]["train"]
        assert train["texts"]["num_rows"] == 16
        assert train["labels"] == {"bad": 11, "good": 5}
        assert train["texts"]["empty_rows"] == [5]
        assert train["texts"]["unknown_words"] == [["字", 1], ["漢", 1]]
        (contradiction,) = found["contradictions"]
        assert contradiction["rows"] == [
            ["train", 1, "good"],
            ["train", 2, "bad"],
        ]

    def test_finds_what_is_repeated(self, inspected):
        overlaps = {
            (overlap["split"], overlap["earlier"]): overlap
            for overlap in inspected[0]["overlaps"]
        }
        assert overlaps["train", "train"]["exact"] == [[2, 1], [4, 3]]
        assert [7, 6] in overlaps["train", "train"]["near"]
        # "The lamp is bad." is like "the lamp is bad", but for two pieces.
        assert overlaps["test", "train"]["exact"] == []

    def test_prints_each_finding(self, inspected):
        found, printed, *_ = inspected
        subjects = [finding["subject"] for finding in found["findings"]]
        assert subjects[:2] == ["empty_texts", "contradicting_labels"]
        flat = re.sub(r"\s+", " ", printed)
        for finding in found["findings"]:
            assert finding["message"] in flat
            assert finding["action"] in flat

    def test_says_whose_f1_it_will_be(self, inspected):
        found, printed, *_ = inspected
        line = "F1 and average precision are those of 'good' (--positive_label)"
        assert line in printed
        assert found["config"]["positive_label"] == "good"

    def test_prints_80_columns_at_most(self, inspected):
        lines = inspected[1].split("Data\n")[1].splitlines()
        # A path is never broken.
        long = [x for x in lines if len(x) > 80 and "rows.csv" not in x]
        assert [x for x in long if "reviews" not in x] == []

    def test_says_what_a_training_would_do(self, inspected):
        found, printed, *_ = inspected
        training = found["training"]
        assert training["num_steps"] == 6
        assert training["steps_per_epoch"] == 2
        assert training["num_evaluations"] == 0  # No validation.
        assert 0.3 < training["packing_fill"] <= 1
        measured = found["runtime"]["measurement"]
        assert measured["timed_steps"] == 5
        assert measured["peak_bytes"] > found["memory"]["total"]
        assert "6 (3.0 epochs of 2)" in printed

    def test_counts_the_parameters(self, inspected, tiny_checkpoint):
        weights = safetensors.numpy.load_file(
            f"{tiny_checkpoint}/model.safetensors"
        )
        expected = sum(array.size for array in weights.values())
        assert inspected[0]["model"]["num_parameters"] == expected
        assert inspected[0]["model"]["num_trainable"] == expected
        # Width 8; "h", "##b", "##c" ... and "[MASK]" are in no text.
        missing, rest = divmod(
            expected - inspected[0]["model"]["num_updated"], 8
        )
        assert 0 < missing < 40
        assert rest == 0

    def test_looks_at_rows_to_predict(self, inspected):
        predict = inspected[0]["splits"]["predict"]
        assert predict["texts"]["num_rows"] == 3
        assert predict["labels"] is None

    def test_writes_its_file_and_nothing_else(self, inspected):
        *_, before, after = inspected
        (new,) = set(after) - set(before)
        assert new.name == "inspect.json"
        assert {path: after[path] for path in before} == before

    def test_pairs_with_scores(self, scored_pairs):
        labels = scored_pairs.splits["train"].labels
        assert set(labels) == {"min", "mean", "max", "std"}
        # Further apart than the standard deviation.
        assert [len(c.rows) for c in scored_pairs.contradictions] == [2]
        assert scored_pairs.training.num_evaluations == 3
        assert scored_pairs.measurement.evaluation_seconds > 0

    def test_scores_are_shown_as_such(self, scored_pairs):
        assert "score, mean" in inspection_report.render(scored_pairs)


class TestReport:
    def test_says_when_a_step_does_not_fit(self, scored_pairs):
        found = dataclasses.replace(scored_pairs, measurement=None)
        printed = inspection_report.render(found)
        assert "time         not measured" in printed
        assert "machine has to spare" in re.sub(r"\s+", " ", printed)
        assert (
            inspection_report.as_json(found)["runtime"]["measurement"] is None
        )

    def test_of_many_classes_shows_the_largest_and_the_smallest(
        self, scored_pairs
    ):
        names = [f"c{i}" for i in range(30)]
        labels = {name: 100 + i for i, name in enumerate(names)}
        found = dataclasses.replace(
            scored_pairs,
            task=dataclasses.replace(
                scored_pairs.task,
                is_regression=False,
                label_names=tuple(names),
            ),
            splits={
                split: dataclasses.replace(contents, labels=labels)
                for split, contents in scored_pairs.splits.items()
            },
        )
        printed = inspection_report.render(found)
        assert re.findall(r"label (c\d+) ", printed) == [
            *(f"c{i}" for i in range(29, 23, -1)),
            *(f"c{i}" for i in range(5, -1, -1)),
        ]
        assert "18 classes between these left out" in printed

    @pytest.mark.parametrize(
        ("seconds", "text"), [(89, "89 s"), (600, "10 min"), (9000, "2.5 h")]
    )
    def test_durations_are_easy_to_read(self, scored_pairs, seconds, text):
        measured = dataclasses.replace(
            scored_pairs.measurement,
            training_seconds=float(seconds),
            evaluation_seconds=0.0,
        )
        found = dataclasses.replace(scored_pairs, measurement=measured)
        assert f"time         {text} estimated" in inspection_report.render(
            found
        )

    def test_the_time_is_said_to_be_without_the_cache(self, scored_pairs):
        assert "frozen layers" not in inspection_report.render(scored_pairs)
        config = dataclasses.replace(
            scored_pairs.config, freeze="encoder", cache_frozen_features=True
        )
        found = dataclasses.replace(scored_pairs, config=config)
        assert "frozen layers run in each" in " ".join(
            inspection_report.render(found).split()
        )


class TestErrors:
    def test_what_cannot_be_read_is_an_error(self, flags, tmp_path, capsys):
        path = write_rows(
            tmp_path / "x.csv", [("text", "label"), ("a", "b", "c")]
        )
        assert run.main([*flags(train_file=path), "--mode=inspect"]) == 2
        assert "A row must have 2 fields" in capsys.readouterr().err

    def test_the_folder_must_not_be_a_file(self, flags, tmp_path, capsys):
        path = tmp_path / "file"
        path.write_text("", "utf-8")
        assert run.main([*flags(output_dir=path), "--mode=inspect"]) == 2
        assert "must be a folder" in capsys.readouterr().err

    def test_a_training_refuses_the_empty_text(self, train_error, tmp_path):
        path = write_rows(tmp_path / "rows.csv", ROWS)
        train_error(
            tmp_path / "run", "must hold a text.*row 5", train_file=path
        )


def overlap_counts(found):
    return {
        (overlap["split"], overlap["earlier"]): len(overlap["exact"])
        for overlap in found["overlaps"]
    }


@pytest.mark.large
class TestRealData:
    """Numbers that were counted by another program."""

    def write_lines(self, path, source, encoding, separator):
        """Writes label and text, as UTF-8 with a tab between."""
        with open(source, encoding=encoding, newline="\n") as file:
            rows = [line.rstrip("\n").split(separator, 1) for line in file]
        text = "".join("\t".join(row) + "\n" for row in rows)
        path.write_text(text, "utf-8")
        return path

    def test_sms_spam(self, flags, tmp_path):
        path = self.write_lines(
            tmp_path / "sms.tsv",
            DATA / "SMSSpam" / "SMSSpamCollection",
            "utf-8",
            "\t",
        )
        found = inspect(
            tmp_path / "run",
            flags(
                train_file=path,
                label_column=1,
                text_column=2,
                validation_proportion=0.0,
            ),
        )
        assert overlap_counts(found) == {("train", "train"): 415}
        assert "imbalance" in {f["subject"] for f in found["findings"]}

    def test_trec(self, flags, tmp_path):
        """Case and spaces aside; two texts have two labels."""
        paths = {
            split: self.write_lines(
                tmp_path / f"{split}.tsv",
                DATA / "TREC" / f"TREC.{split}",
                "latin-1",
                " ",
            )
            for split in ("train", "test")
        }
        found = inspect(
            tmp_path / "run",
            flags(
                train_file=paths["train"],
                test_file=paths["test"],
                label_column=1,
                text_column=2,
                validation_proportion=0.0,
            ),
        )
        assert overlap_counts(found) == {
            ("train", "train"): 72,
            ("test", "test"): 0,
            ("test", "train"): 11,
        }
        assert len(found["contradictions"]) == 2

    def test_cola(self, flags, tmp_path):
        found = inspect(
            tmp_path / "run",
            flags(train_file=None, task_name="cola", data_dir=DATA),
        )
        assert overlap_counts(found) == {
            ("train", "train"): 21,
            ("validation", "validation"): 4,
            ("validation", "train"): 16,
        }

    @pytest.mark.parametrize(
        ("name", "expected"), [("amazon_cells", 13), ("yelp", 4), ("imdb", 3)]
    )
    def test_uci(self, flags, tmp_path, name, expected):
        source = DATA / "UCI_sentences" / f"{name}_labelled.txt"
        found = inspect(
            tmp_path / "run",
            flags(
                train_file=source,
                label_column=2,
                text_column=1,
                validation_proportion=0.0,
            ),
        )
        assert overlap_counts(found) == {("train", "train"): expected}


@pytest.mark.large
def test_the_same_command_finds_the_same(flags, tmp_path):
    first, second = (inspect(tmp_path / "run", flags()) for _ in range(2))
    del first["runtime"], second["runtime"]
    assert first == second


@pytest.mark.large
class TestMiniLM:
    def test_the_memory_is_estimated_within_a_third(self, tmp_path):
        """Of 32 x 128 tokens, beside what the program itself takes."""
        rows = [(" ".join(["cat"] * 126), "ab"[i % 2]) for i in range(64)]
        path = write_rows(tmp_path / "long.csv", [("text", "label"), *rows])
        estimate, peak = inspect_apart(path, max_seq_length=128)
        smaller, base = inspect_apart(path, max_seq_length=8)
        ratio = (peak - base) / (estimate - smaller)
        assert 3 / 4 < ratio < 4 / 3


def inspect_apart(path, *, max_seq_length):
    """Returns estimated and measured bytes of a process of its own."""
    folder = path.parent / str(max_seq_length)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "tf_bert.run",
            "--mode=inspect",
            f"--train_file={path}",
            f"--output_dir={folder}",
            f"--max_seq_length={max_seq_length}",
            "--validation_proportion=0",
            "--num_train_steps=2",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    found = json.loads((folder / "inspect.json").read_text("utf-8"))
    return (
        found["memory"]["total"],
        found["runtime"]["measurement"]["peak_bytes"],
    )
