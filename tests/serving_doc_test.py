"""docs/serving.md: its code runs, on a run in `runs/mine`."""

import os
import pathlib
import re
import shlex
import shutil

import numpy as np
import pytest

from tf_bert import run

ROOT = pathlib.Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", TEXT, re.S | re.M)
COMMANDS = re.findall(r"^```\npython -m tf_bert\.run (.*)\n```", TEXT, re.M)


def code(word):
    """Returns the only Python block that holds a word."""
    [block] = [block for block in PYTHON if word in block]
    return block


@pytest.fixture(scope="module")
def folder(finished_run, reviews, tmp_path_factory):
    """A folder as the page supposes it."""
    path = tmp_path_factory.mktemp("page")
    shutil.copytree(finished_run, path / "runs" / "mine")
    shutil.copy(reviews / "predict.csv", path / "new.csv")
    return path


@pytest.fixture
def execute(folder, monkeypatch):
    """Returns a function that runs a block there and gives its names."""
    monkeypatch.chdir(folder)

    def executed(block):
        names = {}
        exec(block, names)
        return names

    return executed


class TestPage:
    @pytest.mark.large
    def test_commands_and_saved_model(self, execute):
        for command in COMMANDS:
            assert run.main(shlex.split(command)) == 0
        assert os.path.isfile("runs/mine/predictions.tsv")
        names = execute(code("tf.saved_model.load"))
        assert set(names["labels"]) <= {"bad", "good"}
        assert names["probabilities"].shape == (2, 2)
        assert list(names["names"]) == [b"bad", b"good"]

    def test_keras(self, execute):
        names = execute(code("AutoTokenizer"))
        assert len(names["labels"]) == 2
        assert np.isfinite(names["logits"]).all()

    @pytest.mark.large
    @pytest.mark.reference
    def test_transformers(self, execute):
        [answers] = execute(code("pipeline("))["answers"]
        assert {answer["label"] for answer in answers} == {"bad", "good"}
        assert sum(x["score"] for x in answers) == pytest.approx(1)
