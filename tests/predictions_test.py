"""Tests of tf_bert/predictions.py."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from tf_bert import build, predictions
from tf_bert.config import Config


@pytest.fixture(scope="module")
def config(finished_run):
    fields = json.loads((finished_run / "config.json").read_text("utf-8"))
    return Config.from_dict(fields)


@pytest.fixture(scope="module")
def classifier(finished_run, config):
    return build.load_finished(str(finished_run / "model"), config)


def read_rows(path):
    """Reads a written file as a spreadsheet does."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t"))


class TestPredictions:
    def test_rows_and_columns_are_those_of_the_file(
        self, finished_run, reviews
    ):
        with open(reviews / "predict.csv", encoding="utf-8") as file:
            given = list(csv.reader(file))
        rows = read_rows(finished_run / "predictions.tsv")
        assert [row[:3] for row in rows] == given
        assert rows[0][3:] == [
            "predicted_label",
            "probability_bad",
            "probability_good",
        ]

    def test_label_is_the_more_probable_one(self, finished_run):
        for row in read_rows(finished_run / "predictions.tsv")[1:]:
            bad, good = (float(share) for share in row[4:])
            assert bad + good == pytest.approx(1, abs=1e-5)
            assert row[3] == ("bad" if bad > good else "good")

    def test_shares_are_those_of_the_model(self, classifier, finished_run):
        rows = read_rows(finished_run / "predictions.tsv")[1:]
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


class TestWritePredictions:
    def write(self, classifier, config, file, path):
        config = dataclasses.replace(config, predict_file=str(file))
        return predictions.write_predictions(classifier, config, str(path))

    def test_long_files_keep_their_order(self, classifier, config, tmp_path):
        """Several chunks, and batches whose rows are packed by length."""
        texts = ["good " * (i % 7 + 1) + f"mug {i}" for i in range(1030)]
        lines = [f"{i}\t{text}\n" for i, text in enumerate(texts)]
        file = tmp_path / "new.tsv"
        file.write_text("number\ttext\n" + "".join(lines), encoding="utf-8")
        path = tmp_path / "out.tsv"
        assert self.write(classifier, config, file, path) == 1030
        rows = read_rows(path)[1:]
        assert [row[0] for row in rows] == [str(i) for i in range(1030)]
        assert [row[1] for row in rows] == texts
        # The last row by itself has the same share, whatever was beside it.
        file.write_text(f"number\ttext\n{lines[-1]}", encoding="utf-8")
        self.write(classifier, config, file, path)
        assert float(read_rows(path)[1][3]) == pytest.approx(
            float(rows[-1][3]), abs=1e-5
        )

    def test_a_wrong_row_leaves_the_old_file(
        self, classifier, config, tmp_path
    ):
        file = tmp_path / "new.tsv"
        file.write_text("text\ngood mug\n\t\n", encoding="utf-8")
        path = tmp_path / "out.tsv"
        path.write_text("old", encoding="utf-8")
        with pytest.raises(ValueError, match="new.tsv, row 2"):
            self.write(classifier, config, file, path)
        assert path.read_text(encoding="utf-8") == "old"
        assert len(list(tmp_path.iterdir())) == 2
