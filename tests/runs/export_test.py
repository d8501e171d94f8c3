"""Tests of tf_bert/runs/export.py: a SavedModel, tried without this package."""

import contextlib
import csv
import io
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tf_bert import run
from tf_bert.runs.run_folder import RunFolder

ROOT = pathlib.Path(__file__).parents[2]
TEXTS = [
    "The kettle is good.",
    "the lamp is broken , poor indeed",
    "ÉCLAIR, Straße; 你好 — \u200bİstanbul 🙂 ½",
    "good bad " * 150,
    "x" * 150,
    "good",
]
TEXT_OPERATIONS = ("FastWordpieceTokenizeWithOffsets", "NormalizeUTF8")

# A program that could run anywhere; this package is not to be had.
CLIENT = """
import json, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tf_bert", "transformers"):
            raise ImportError(f"{name} is blocked here.")

sys.meta_path.insert(0, Blocker())
import tensorflow as tf
import tensorflow_text

texts = json.load(sys.stdin)
model = tf.saved_model.load(sys.argv[1])
output = model.signatures["serving_default"](text=tf.constant(texts))
names = model.signatures["label_names"]()["label_names"].numpy()
print(json.dumps({
    "label": [label.decode() for label in output["label"].numpy()],
    "probabilities": output["probabilities"].numpy().tolist(),
    "label_names": [name.decode() for name in names],
}))
"""


def export(folder, *flags):
    assert run.main(["--mode=export", f"--output_dir={folder}", *flags]) == 0
    return folder / "saved_model"


def predict(folder, columns, *flags):
    """Returns the rows that --mode=predict writes for these columns."""
    path = folder.parent / "to_predict.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [columns, *zip(*columns.values(), strict=True)]
        )
    status = run.main(
        [
            "--mode=predict",
            f"--output_dir={folder}",
            f"--predict_file={path}",
            *flags,
        ]
    )
    assert status == 0
    with open(folder / "predictions.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def probabilities(rows, label_names):
    return [
        [float(row[f"probability_{name}"]) for name in label_names]
        for row in rows
    ]


def copy_run(finished_run, path):
    """Copies a run, with a head under which texts differ, in labels too."""
    folder = pathlib.Path(shutil.copytree(finished_run, path / "run"))
    weights = folder / "model" / "model.safetensors"
    arrays = safetensors.numpy.load_file(weights)
    arrays["classifier.weight"] *= 30
    arrays["classifier.bias"][0] += 1.2
    safetensors.numpy.save_file(arrays, weights, metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def exported(finished_run, tmp_path_factory):
    """A copy of a finished run, exported over an earlier export.

    The folder, and what was printed.
    """
    path = copy_run(finished_run, tmp_path_factory.mktemp("exported"))
    RunFolder(str(path)).written.record("saved_model/old")
    (path / "saved_model").mkdir()
    (path / "saved_model" / "old").write_text("", encoding="utf-8")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        export(path)
    return path, printed.getvalue()


@pytest.fixture(scope="module")
def folder(exported):
    return exported[0]


@pytest.fixture(scope="module")
def serve(folder):
    model = tf.saved_model.load(str(folder / "saved_model"))
    return model.signatures["serving_default"]


class TestClassification:
    def test_says_what_predict_says(self, folder, serve):
        rows = predict(folder, {"text": TEXTS})
        found = serve(text=tf.constant(TEXTS))
        labels = [label.decode() for label in found["label"].numpy()]
        assert labels == [row["predicted_label"] for row in rows]
        assert set(labels) == {"bad", "good"}
        np.testing.assert_allclose(
            found["probabilities"].numpy(),
            probabilities(rows, ["bad", "good"]),
            rtol=0,
            atol=1e-5,
        )

    def test_no_operation_needs_python(self, folder):
        path = folder / "saved_model" / "saved_model.pb"
        graph = saved_model_pb2.SavedModel.FromString(path.read_bytes())
        functions = graph.meta_graphs[0].graph_def.library.function
        operations = {node.op for x in functions for node in x.node_def}
        assert operations >= {"MatMul", *TEXT_OPERATIONS}
        further = {op for op in operations if not hasattr(tf.raw_ops, op)}
        assert further == set(TEXT_OPERATIONS)
        assert not {op for op in operations if "PyFunc" in op}

    def test_texts_are_cut_as_in_the_run(self, serve):
        """To 32 tokens: [CLS], 30 words, [SEP]."""
        texts = ["good " * 30, "good " * 300, "good " * 29]
        found = serve(text=tf.constant(texts))["probabilities"].numpy()
        np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-7)
        assert np.abs(found[0] - found[2]).max() > 1e-5

    def test_empty_texts_and_none_have_an_answer(self, serve):
        found = serve(text=tf.constant([], tf.string))
        assert found["label"].shape == (0,)
        assert found["probabilities"].shape == (0, 2)
        found = serve(text=tf.constant(["", " ", "\u200b"]))
        shares = found["probabilities"].numpy()
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        # None of them has a token of its own.
        np.testing.assert_allclose(
            shares, np.repeat(shares[:1], 3, 0), atol=1e-7
        )

    def test_an_answer_does_not_depend_on_the_batch(self, serve):
        together = serve(text=tf.constant(TEXTS))["probabilities"].numpy()
        alone = [
            serve(text=tf.constant([text]))["probabilities"].numpy()[0]
            for text in TEXTS
        ]
        np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)


@pytest.mark.large
class TestPairsAndScores:
    def test_scores_are_those_of_predict(self, pairs_run, tmp_path, capsys):
        folder = pathlib.Path(shutil.copytree(pairs_run, tmp_path / "run"))
        columns = {"first": TEXTS, "second": [*TEXTS[1:], "bad " * 100]}
        rows = predict(folder, columns)
        path = export(folder)
        assert ", text_pair=tf.constant" in capsys.readouterr().out
        signatures = tf.saved_model.load(str(path)).signatures
        assert set(signatures) == {"serving_default"}
        found = signatures["serving_default"](
            text=tf.constant(columns["first"]),
            text_pair=tf.constant(columns["second"]),
        )
        assert set(found) == {"score"}
        np.testing.assert_allclose(
            found["score"].numpy(),
            [float(row["predicted_score"]) for row in rows],
            rtol=1e-5,
            atol=1e-5,
        )


@pytest.mark.large
def test_of_half_precision_single_precision_is_exported(finished_run, tmp_path):
    folder = copy_run(finished_run, tmp_path)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["precision"] = "mixed_bfloat16"
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    serve = tf.saved_model.load(str(export(folder))).signatures[
        "serving_default"
    ]
    found = serve(text=tf.constant(TEXTS))["probabilities"].numpy()
    rows = predict(folder, {"text": TEXTS}, "--precision=float32")
    expected = probabilities(rows, ["bad", "good"])
    # Halves have three digits.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.large
def test_a_process_without_this_package_says_what_predict_says(
    folder, tmp_path
):
    path = ROOT / "tf_bert/data/product_reviews/test.tsv"
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        texts = [*TEXTS, *(row["text"] for row in rows)]
    rows = predict(folder, {"text": texts})
    done = subprocess.run(
        [sys.executable, "-I", "-c", CLIENT, str(folder / "saved_model")],
        input=json.dumps(texts),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["label_names"] == ["bad", "good"]
    assert found["label"] == [row["predicted_label"] for row in rows]
    assert set(found["label"]) == {"bad", "good"}
    expected = probabilities(rows, found["label_names"])
    np.testing.assert_allclose(
        found["probabilities"], expected, rtol=0, atol=1e-5
    )


class TestWriting:
    def test_says_how_to_use_it(self, exported):
        folder, printed = exported
        assert printed.startswith(f"Wrote {folder}/saved_model. It needs")
        lines = [x.strip() for x in printed.splitlines() if x.startswith("  ")]
        assert len(lines) == 3
        # The lines are a program.
        names = {}
        exec(
            "\n".join(lines).replace("model.sign", "result = model.sign"), names
        )
        assert names["result"]["label"].shape == (1,)

    def test_replaces_an_earlier_export_and_leaves_nothing_else(
        self, folder, finished_run
    ):
        names = {path.name for path in (folder / "saved_model").iterdir()}
        assert "saved_model.pb" in names
        assert "old" not in names
        assert {path.name for path in folder.iterdir()} == {
            "saved_model",
            *(path.name for path in finished_run.iterdir()),
        }
