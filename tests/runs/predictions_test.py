"""Tests of tf_bert/runs/predictions.py."""

import csv
import dataclasses
import io
import json

import numpy as np
import pytest

from tf_bert.config import Config
from tf_bert.data.readers.unlabelled import UnlabelledFile
from tf_bert.runs import predictions
from tf_bert.runs.classifier import load_finished


@pytest.fixture(scope="module")
def config(finished_run):
    fields = json.loads((finished_run / "config.json").read_text("utf-8"))
    return Config.from_dict(fields)


@pytest.fixture(scope="module")
def classifier(finished_run, config):
    return load_finished(str(finished_run / "model"), config)


def read_rows(path):
    """Reads a written file as a spreadsheet does."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t"))


def test_rows_are_those_of_the_file_and_shares_those_of_the_model(
    classifier, finished_run, reviews
):
    with open(reviews / "predict.csv", encoding="utf-8") as file:
        given = list(csv.reader(file))
    header, *rows = read_rows(finished_run / "predictions.tsv")
    assert [row[:3] for row in (header, *rows)] == given
    assert header[3] == "predicted_label"
    assert header[4:] == ["probability_bad", "probability_good"]
    batch = classifier.tokenizer.encode(
        [row[1] for row in rows], max_seq_length=32
    )
    logits = np.concatenate(
        [
            classifier.model(ids[None], training=False).logits.numpy()
            for ids in batch.input_ids
        ]
    )
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    written = [[float(share) for share in row[4:]] for row in rows]
    np.testing.assert_allclose(written, shares, atol=1e-5)
    labels = np.array(["bad", "good"])[shares.argmax(axis=1)]
    assert [row[3] for row in rows] == labels.tolist()


class TestWritePredictions:
    def write(self, classifier, config, file, path):
        config = dataclasses.replace(config, predict_file=str(file))
        rows = predictions.open_rows(config, classifier.task)
        return predictions.write_predictions(classifier, rows, str(path))

    def test_long_files_keep_their_order(self, classifier, config, tmp_path):
        """Several chunks, and batches whose rows are packed by length."""
        texts = ["good " * (i % 7 + 1) + f"mug {i}" for i in range(5000)]
        lines = [f"{i}\t{text}\n" for i, text in enumerate(texts)]
        file = tmp_path / "new.tsv"
        file.write_text("number\ttext\n" + "".join(lines), encoding="utf-8")
        path = tmp_path / "out.tsv"
        assert self.write(classifier, config, file, path) == 5000
        rows = read_rows(path)[1:]
        assert [row[0] for row in rows] == [str(i) for i in range(5000)]
        assert [row[1] for row in rows] == texts
        # The last row by itself has the same share, whatever was beside it.
        file.write_text(f"number\ttext\n{lines[-1]}", encoding="utf-8")
        self.write(classifier, config, file, path)
        assert float(read_rows(path)[1][3]) == pytest.approx(
            float(rows[-1][3]), abs=1e-5
        )

    def test_fields_read_back_whatever_they_hold(
        self, classifier, config, tmp_path
    ):
        texts = [
            "a\tb",
            'say "hi"',
            '"',
            "one\ntwo\r\nthree",
            "lone\rreturn",
            "\r.",
            "NUL \0 and \ufffd",
            "a \u2028 \u2029 \x85 \x0b \x1c b",
            " spaces ",
            "=1+1",
            "'=1+1",
            "''+1",
            "-0.5",
            "-0.5.",
            "+49 30 1234",
            "- good mug",
            "@mug",
            "\tmug",
            "'s mug",
            "\ufeff mark",
            "\U0001f600",
        ]
        file = tmp_path / "new.jsonl"
        rows = [json.dumps({"text": x, "more": [x]}) + "\n" for x in texts]
        file.write_text("".join(rows), encoding="utf-8")
        path = tmp_path / "out.tsv"
        assert self.write(classifier, config, file, path) == len(texts)
        header, *written = read_rows(path)
        assert header[:3] == ["text", "more", "predicted_label"]
        assert [json.loads(row[1]) for row in written] == [[x] for x in texts]
        # What a spreadsheet would compute has an apostrophe more.
        for cell, text in zip(written, texts, strict=True):
            is_number = text == "-0.5"
            is_formula = text.lstrip("'")[0] in "=+-@\t\r" and not is_number
            assert cell[0] == ("'" if is_formula else "") + text
        # Here it reads as it was, under any name.
        for name in ("out.tsv", "out.txt", "out.csv"):
            copy = tmp_path / name
            if copy != path:
                copy.write_bytes(path.read_bytes())
            (chunk,) = UnlabelledFile(str(copy), "text").chunks()
            assert chunk.texts == tuple(texts)

    def test_predicting_predictions_changes_nothing(
        self, classifier, config, tmp_path
    ):
        file = tmp_path / "new.jsonl"
        first, second = tmp_path / "1.tsv", tmp_path / "2.tsv"
        rows = [
            {"=x\n": "a", "text": '"Good" mug', "predicted_label": "mine"},
            {"=x\n": "\t-", "text": "=A2\nmug", "predicted_label": "mine"},
        ]
        lines = [json.dumps(row) + "\n" for row in rows]
        file.write_text("".join(lines), encoding="utf-8")
        self.write(classifier, config, file, first)
        assert read_rows(first)[0] == [
            "'=x\n",
            "text",
            "predicted_label",
            "probability_bad",
            "probability_good",
        ]
        self.write(classifier, config, first, second)
        assert second.read_bytes() == first.read_bytes()

    def test_a_text_may_be_a_million_characters_long(
        self, classifier, config, tmp_path
    ):
        file = tmp_path / "new.csv"
        text = "good " * 200_000
        file.write_text(f"text\n{text}\n{'x' * 10**6}\n", encoding="utf-8")
        path = tmp_path / "out.tsv"
        assert self.write(classifier, config, file, path) == 2
        with open(path, encoding="utf-8") as lines:
            assert next(lines).startswith("text\t")
            assert next(lines).startswith(f"{text}\t")


class TestStreamPredictions:
    def test_pairs_have_two_columns(self, classifier, config):
        task = dataclasses.replace(classifier.task, text_pair_column="b")
        pairs = dataclasses.replace(classifier, task=task)
        target = io.BytesIO()
        source = io.BytesIO(b"The mug\tis good\nIt\tis\n")
        assert (
            predictions.stream_predictions(pairs, config, source, target) == 2
        )
        header, row, _ = target.getvalue().decode().splitlines()
        assert header.startswith("text\ttext_pair\tpredicted_label\t")
        assert row.startswith("The mug\tis good\t")

    def test_rows_before_a_wrong_line_are_written(self, classifier, config):
        target = io.BytesIO()
        content = b"good mug\n" * 2000 + b"caf\xe9\n"
        with pytest.raises(ValueError, match="standard input, line 2001"):
            predictions.stream_predictions(
                classifier, config, io.BytesIO(content), target
            )
        assert target.getvalue().count(b"\n") > 1000
