"""The first command of README.md, and its model in another program."""

import csv
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]
NUM_ROWS = 20


# A file with what the README's first command printed in this folder, where that
# was run just before (by .ci/run): it need not be run once more.
PRINTED = "TF_BERT_QUICKSTART_PRINTED"


@pytest.fixture(scope="module")
def quickstart(users_environment, tmp_path_factory):
    """The folder of the run, and what was printed."""
    if PRINTED in os.environ:
        text = pathlib.Path(os.environ[PRINTED]).read_text("utf-8")
        # From the program's first line on; before it, pip speaks.
        text = text[re.search("^train: ", text, re.M).start() :]
        return ROOT / "runs" / "quickstart", text
    folder = tmp_path_factory.mktemp("quickstart")
    shutil.copytree(ROOT / "flags", folder / "flags")
    done = _run(folder, users_environment, "--flagfile=flags/quickstart.flags")
    return folder / "runs" / "quickstart", done.stdout + done.stderr


@pytest.fixture(scope="module")
def predicted(quickstart, users_environment, tmp_path_factory):
    """Rows of `predictions.tsv`, of a copy of the run."""
    run_folder, _ = quickstart
    folder = tmp_path_factory.mktemp("predicted")
    shutil.copytree(run_folder, folder / "run")
    data = ROOT / "tf_bert" / "data" / "product_reviews"
    with open(data / "test.tsv", encoding="utf-8") as file:
        rows = [next(file) for _ in range(NUM_ROWS + 1)]
    (folder / "new.tsv").write_text("".join(rows), encoding="utf-8")
    flags = ("--mode=predict", "--output_dir=run", "--predict_file=new.tsv")
    _run(folder, users_environment, *flags)
    path = folder / "run" / "predictions.tsv"
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _run(folder, environment, *flags):
    done = subprocess.run(
        [sys.executable, "-m", "tf_bert.run", *flags],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.large
@pytest.mark.reference
class TestQuickstart:
    def test_ends_with_the_comparison(self, quickstart):
        output = quickstart[1]
        for name in ("Majority class", "TF-IDF + linear SVM", "BERT"):
            pattern = (
                rf"^{re.escape(name)} .*0\.\d+ \[0\.\d+, [01]\.\d+\].*0\.\d+ \["
            )
            assert re.search(pattern, output, re.M), output
        assert "on 200 test examples" in output
        assert "BERT was worth it" in output

    def test_shows_nothing_that_looks_like_an_error(self, quickstart):
        for word in ("Traceback", "WARNING", "E0000", "error", "Error"):
            assert word not in quickstart[1]

    def test_beats_the_simple_model(self, quickstart):
        text = (quickstart[0] / "all_results.json").read_text("utf-8")
        results = json.loads(text)
        svm = results["baselines"]["tfidf_svm"]["test"]["accuracy"]
        assert 0.7 <= svm <= 0.9
        assert results["test"]["accuracy"] >= svm + 0.03

    def test_opens_in_a_pipeline_of_transformers(self, quickstart, predicted):
        import transformers

        folder = quickstart[0]
        pipeline = transformers.pipeline(
            "text-classification", model=str(folder / "model"), top_k=None
        )
        assert len(predicted) == NUM_ROWS
        texts = [row["text"] for row in predicted]
        for row, found in zip(predicted, pipeline(texts), strict=True):
            shares = {entry["label"]: entry["score"] for entry in found}
            assert set(shares) == {"negative", "positive"}
            for label, share in shares.items():
                np.testing.assert_allclose(
                    float(row[f"probability_{label}"]), share, atol=1e-4
                )
            assert row["predicted_label"] == max(shares, key=shares.get)
