"""Tests of tf_bert/inspection/inspect_run.py, by the command line."""

import contextlib
import dataclasses
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import safetensors.numpy
from conftest import write_csv

from tf_bert import run
from tf_bert.config import Config, parse
from tf_bert.inspection import (
    duplicates,
    inspect_run,
    inspection_report,
    similarity,
)
from tf_bert.runs import build
from tf_bert.system import limits

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
    path = folder / "rows.csv"
    write_csv(path, ROWS)
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
    path = folder / "p.csv"
    write_csv(path, [("a", "b", "score"), *rows, *more])
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
        predict = found["splits"]["predict"]
        assert (predict["texts"]["num_rows"], predict["labels"]) == (3, None)
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
        assert (
            "F1 and average precision are those of 'good' (--positive_label)"
        ) in flat

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
        assert measured["num_cpus"] == limits.num_cpus()
        assert found["runtime"]["physical_memory"] == limits.memory_bytes()

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

    @pytest.mark.large
    def test_the_same_command_finds_the_same(self, inspected):
        before = inspected[0]
        again = inspection_report.as_json(
            inspect_run.inspect(build.build(Config.from_dict(before["config"])))
        )
        again = json.loads(json.dumps(again))
        assert again.keys() == before.keys()
        for name in again.keys() - {"runtime"}:
            assert again[name] == before[name], name

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


def test_the_folder_must_not_be_a_file(flags, tmp_path, capsys):
    path = tmp_path / "file"
    path.write_text("", "utf-8")
    assert run.main([*flags(output_dir=path), "--mode=inspect"]) == 2
    assert "cannot be made or written" in capsys.readouterr().err


def labelled_file(path, source, encoding, separator):
    """Writes label and text, as UTF-8 with a tab between; returns the path."""
    with open(source, encoding=encoding, newline="\n") as file:
        rows = [line.rstrip("\n").split(separator, 1) for line in file]
    path.write_text("".join("\t".join(row) + "\n" for row in rows), "utf-8")
    return path


def sms_file(folder):
    path = labelled_file(
        folder / "sms.tsv", DATA / "SMSSpam/SMSSpamCollection", "utf-8", "\t"
    )
    return {"train_file": path, "label_column": 1, "text_column": 2}


def trec_files(folder):
    paths = {
        f"{split}_file": labelled_file(
            folder / f"{split}.tsv",
            DATA / "TREC" / f"TREC.{split}",
            "latin-1",
            " ",
        )
        for split in ("train", "test")
    }
    return {**paths, "label_column": 1, "text_column": 2}


@pytest.mark.large
class TestRealData:
    """Numbers that were counted by another program; case and spaces aside."""

    @pytest.mark.parametrize(
        ("make_files", "counts", "num_contradictions"),
        [
            (sms_file, {("train", "train"): 415}, 0),
            (
                trec_files,
                {
                    ("train", "train"): 72,
                    ("test", "test"): 0,
                    ("test", "train"): 11,
                },
                2,
            ),
            (
                lambda _: {"task_name": "cola", "data_dir": DATA},
                {
                    ("train", "train"): 21,
                    ("validation", "validation"): 4,
                    ("validation", "train"): 16,
                },
                None,
            ),
        ],
        ids=["sms", "trec", "cola"],
    )
    def test_copies(
        self, flags, tmp_path, make_files, counts, num_contradictions
    ):
        files = {"train_file": None, **make_files(tmp_path)}
        proportion = None if "task_name" in files else 0.0
        arguments = flags(validation_proportion=proportion, **files)
        config = Config(**parse.parse([*arguments, "--mode=inspect"]))
        splits = build.read_data(config).splits()
        size = sum(len(examples.texts) for examples in splits.values())
        # Without word pieces: nothing is nearly the same.
        sets = similarity.piece_sets(
            np.zeros(0, np.int64), np.zeros(size + 1, np.int64)
        )
        found = {
            (overlap.split, overlap.earlier): len(overlap.exact)
            for overlap in duplicates.find_overlaps(splits, sets)
        }
        assert found == counts
        if num_contradictions is not None:
            names = [str(i) for i in range(100)]
            contradictions = duplicates.find_contradictions(
                splits, label_names=names
            )
            assert len(contradictions) == num_contradictions


@pytest.mark.large
class TestMemory:
    def test_is_estimated_within_a_third(self, tmp_path):
        """Of 16 x 128 tokens, beside what the program itself takes."""
        rows = [(" ".join(["cat"] * 126), "ab"[i % 2]) for i in range(32)]
        path = tmp_path / "long.csv"
        write_csv(path, [("text", "label"), *rows])
        # The peak of a process only grows: the small one first.
        printed = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(INSPECT_TWICE), str(path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        (smaller, base), (estimate, peak) = json.loads(printed.splitlines()[-1])
        ratio = (peak - base) / (estimate - smaller)
        assert 3 / 4 < ratio < 4 / 3


INSPECT_TWICE = """
    import gc, json, sys

    from tf_bert.config import Config, parse
    from tf_bert.inspection import inspect_run
    from tf_bert.runs import build

    found = []
    for length in 8, 128:
        config = Config(**parse.parse([
            "--mode=inspect",
            f"--train_file={sys.argv[1]}",
            f"--max_seq_length={length}",
            "--validation_proportion=0",
            "--train_batch_size=16",
            "--num_train_steps=2",
        ]))
        inspection = inspect_run.inspect(build.build(config))
        found.append(
            [inspection.memory.total, inspection.measurement.peak_bytes])
        del inspection
        gc.collect()
    print(json.dumps(found))
"""
