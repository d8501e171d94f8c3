"""Tests of tf_bert/runs/export.py: a SavedModel, tried without this package."""

import contextlib
import csv
import io
import json
import pathlib
import re
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
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

with open(sys.argv[1] + "/saved_model.pb", "rb") as file:
    graph = saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs[0]
functions = graph.graph_def.library.function
operations = {node.op for x in functions for node in x.node_def}
further = [op for op in operations if op_def_registry.get(op) is None]

import tensorflow_text

columns = json.load(sys.stdin)
model = tf.saved_model.load(sys.argv[1])
output = model.signatures["serving_default"](
    **{name: tf.constant(texts) for name, texts in columns.items()}
)
names = model.signatures["label_names"]()["label_names"].numpy()
print(json.dumps({
    "label": [label.decode() for label in output["label"].numpy()],
    "probabilities": output["probabilities"].numpy().tolist(),
    "label_names": [name.decode() for name in names],
    "further_operations": sorted(further),
}))
"""


def classify_elsewhere(path, cwd, **columns):
    """Runs `CLIENT` in a process and a folder of its own."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", CLIENT, str(path)],
        input=json.dumps(columns),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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

    def test_a_server_must_have_two_operations_of_tensorflow_text(self, folder):
        path = folder / "saved_model" / "saved_model.pb"
        graph = saved_model_pb2.SavedModel.FromString(path.read_bytes())
        functions = graph.meta_graphs[0].graph_def.library.function
        operations = {node.op for x in functions for node in x.node_def}
        assert operations >= {"MatMul", *TEXT_OPERATIONS}
        # What TensorFlow itself has is listed there; a function of Python is
        # too, and would need this program.
        further = {op for op in operations if not hasattr(tf.raw_ops, op)}
        assert further == set(TEXT_OPERATIONS)
        assert not {op for op in operations if "PyFunc" in op}

    def test_signature(self, serve):
        assert serve.structured_input_signature == (
            (),
            {"text": tf.TensorSpec([None], tf.string, name="text")},
        )
        assert serve.structured_outputs["label"].dtype == tf.string
        assert serve.structured_outputs["probabilities"].shape == [None, 2]

    def test_texts_are_cut_as_in_the_run(self, serve):
        """To 32 tokens: [CLS], 30 words, [SEP]."""
        texts = ["good " * 30, "good " * 300, "good " * 29]
        found = serve(text=tf.constant(texts))["probabilities"].numpy()
        np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-7)
        assert np.abs(found[0] - found[2]).max() > 1e-5

    def test_no_texts_are_allowed(self, serve):
        found = serve(text=tf.constant([], tf.string))
        assert found["label"].shape == (0,)
        assert found["probabilities"].shape == (0, 2)

    def test_an_empty_text_has_an_answer(self, serve):
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
class TestHalfPrecision:
    def test_is_exported_in_single_precision(self, finished_run, tmp_path):
        folder = copy_run(finished_run, tmp_path)
        config = json.loads((folder / "config.json").read_text("utf-8"))
        config["precision"] = "mixed_bfloat16"
        (folder / "config.json").write_text(json.dumps(config), "utf-8")
        serve = tf.saved_model.load(str(export(folder))).signatures[
            "serving_default"
        ]
        found = serve(text=tf.constant(TEXTS))["probabilities"].numpy()
        halves, singles = (
            probabilities(
                predict(folder, {"text": TEXTS}, *flags), ["bad", "good"]
            )
            for flags in ([], ["--precision=float32"])
        )
        np.testing.assert_allclose(found, singles, rtol=0, atol=1e-5)
        assert np.abs(found - halves).max() > 1e-5


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

    def test_other_flags_than_the_run_s_are_refused(self, folder, capsys):
        file = folder / "saved_model" / "saved_model.pb"
        before = file.stat().st_mtime_ns
        wrong = ["--max_seq_length=16", "--seed=7"]
        status = run.main(["--mode=export", f"--output_dir={folder}", *wrong])
        assert status == 2
        assert re.search(
            r"--mode=export must be given.*Received: max_seq_length=16 \(the "
            r"run's: 32\); seed=7 \(the run's: 0\), output_dir=.*"
            "Leave out --max_seq_length, --seed.",
            capsys.readouterr().err,
        )
        assert file.stat().st_mtime_ns == before

    def test_a_run_must_have_ended(self, tmp_path, capsys):
        status = run.main(["--mode=export", f"--output_dir={tmp_path}"])
        assert status == 2
        assert "must hold a finished run" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())


@pytest.mark.large
class TestMiniLM:
    def test_a_process_without_this_package_says_what_predict_says(
        self, tmp_path
    ):
        folder = tmp_path / "run"
        arguments = [
            f"--output_dir={folder}",
            "--task_name=product_reviews",
            "--init_checkpoint=minilm-l6",
            "--max_seq_length=64",
            "--train_batch_size=16",
            "--num_train_steps=20",
            "--num_evaluations=1",
            "--learning_rate=1e-4",
            "--nocompare_baselines",
            "--notensorboard",
        ]
        assert run.main(arguments) == 0
        path = ROOT / "tf_bert/data/product_reviews/test.tsv"
        with open(path, encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t")
            texts = [*TEXTS, *(row["text"] for row in rows)]
        rows = predict(folder, {"text": texts})
        found = classify_elsewhere(export(folder), tmp_path, text=texts)
        assert found["further_operations"] == list(TEXT_OPERATIONS)
        assert found["label_names"] == ["negative", "positive"]
        assert found["label"] == [row["predicted_label"] for row in rows]
        assert set(found["label"]) == {"negative", "positive"}
        expected = probabilities(rows, found["label_names"])
        np.testing.assert_allclose(
            found["probabilities"], expected, rtol=0, atol=1e-5
        )
