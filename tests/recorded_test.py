"""What an earlier version has written goes on to be read and continued.

`tests/recorded/write.py` says which version, and with which settings.
"""

import json
import pathlib
import shutil

import numpy as np
import pytest

from tf_bert import predict, run

RECORDED = pathlib.Path(__file__).parent / "recorded"


@pytest.fixture
def recorded(tmp_path, monkeypatch) -> pathlib.Path:
    """A copy of the folder, which is the current one."""
    folder = pathlib.Path(shutil.copytree(RECORDED, tmp_path / "recorded"))
    monkeypatch.chdir(folder)
    return folder


def read_json(path: pathlib.Path) -> dict:
    return json.loads(path.read_text("utf-8"))


def given_again(folder: str) -> int:
    """Gives the command again that wrote a folder; returns its status."""
    from recorded import write

    return run.main(write.command_line(folder, **write.RUNS[folder]))


def test_a_finished_run_is_evaluated_on_the_rows_that_it_left_out(recorded):
    stored = read_json(recorded / "run" / "all_results.json")
    assert run.main(["--mode=evaluate", "--output_dir=run"]) == 0
    again = read_json(recorded / "run" / "evaluation.json")
    for split in ("validation", "test"):
        for name in ("accuracy", "f1", "macro_f1", "matthews"):
            assert again[split][name] == stored[split][name], (split, name)
        assert again[split]["num_examples"] == stored[split]["num_examples"]


def test_a_finished_run_predicts_as_it_did(recorded):
    path = recorded / "run" / "predictions.tsv"
    before = path.read_text("utf-8").splitlines()
    path.unlink()
    arguments = ["--mode=predict", "--output_dir=run", "--predict_file=new.csv"]
    assert run.main(arguments) == 0
    after = path.read_text("utf-8").splitlines()
    assert len(after) == len(before)
    for old, new in zip(before[1:], after[1:], strict=True):
        *old_words, old_bad, old_good = old.split("\t")
        *new_words, new_bad, new_good = new.split("\t")
        assert new_words == old_words
        np.testing.assert_allclose(
            [float(new_bad), float(new_good)],
            [float(old_bad), float(old_good)],
            atol=2e-6,
        )


def test_its_model_opens_by_itself(recorded):
    labels = predict("run/model", ["The lamp is fine."]).labels
    assert list(labels) in (["good"], ["bad"])


@pytest.mark.parametrize("folder", ["run", "sweep"])
def test_the_same_command_finds_it_finished(recorded, folder):
    path = recorded / folder / "config.json"
    files = {
        p: p.read_bytes()
        for p in (recorded / folder).rglob("*")
        if p.is_file() and p != path
    }
    assert given_again(folder) == 0
    for path, content in files.items():
        assert path.read_bytes() == content, path


@pytest.mark.parametrize("folder", ["run", "sweep"])
def test_it_has_a_report(recorded, folder):
    assert run.main(["--mode=report", f"--output_dir={folder}"]) == 0
    page = (recorded / folder / "report.html").read_text("utf-8")
    assert "accuracy" in page.lower()


def test_an_interrupted_run_goes_on_with_the_rows_that_it_began_with(recorded):
    before = read_json(recorded / "interrupted" / "splits.json")["splits"]
    assert given_again("interrupted") == 0
    after = read_json(recorded / "interrupted" / "splits.json")["splits"]
    for split, entry in before.items():
        assert after[split]["rows"] == entry["rows"]
    # The other run is the same, and was never interrupted.
    unbroken = read_json(recorded / "run" / "all_results.json")
    results = read_json(recorded / "interrupted" / "all_results.json")
    for split in ("validation", "test"):
        np.testing.assert_allclose(
            results[split]["loss"], unbroken[split]["loss"], atol=1e-5
        )
        assert results[split]["accuracy"] == unbroken[split]["accuracy"]


@pytest.mark.parametrize(
    "name", sorted(read_json(RECORDED / "splits.json")), ids=str
)
def test_splits_stay_row_by_row_what_they_were(recorded, name):
    from recorded import write

    from tf_bert import run_data
    from tf_bert.config import Config

    config = Config(output_dir="x", **write.DIVISIONS[name])
    data = run_data.load(config, run_data.get_task(config))
    stored = read_json(RECORDED / "splits.json")[name]["splits"]
    drawn = run_data.record(config, data)["splits"]
    assert {split: entry["rows"] for split, entry in drawn.items()} == {
        split: entry["rows"] for split, entry in stored.items()
    }
