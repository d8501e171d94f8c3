"""What an earlier version has written goes on to be read and continued.

`tests/recorded/commands.py` says which version, and by which commands.
"""

import json
import pathlib
import shutil

import numpy as np
import pytest
from conftest import read_json
from recorded.commands import DIVISIONS, RUNS, command_line

from tf_bert import predict, run
from tf_bert.config import Config
from tf_bert.data.tasks import run_data

RECORDED = pathlib.Path(__file__).parent / "recorded"


@pytest.fixture
def recorded(tmp_path, monkeypatch) -> pathlib.Path:
    """A copy of the folder, which is the current one."""
    folder = pathlib.Path(shutil.copytree(RECORDED, tmp_path / "recorded"))
    monkeypatch.chdir(folder)
    return folder


def given_again(folder: str) -> int:
    """Gives the command again that wrote a folder; returns its status."""
    return run.main(command_line(folder, **RUNS[folder]))


@pytest.mark.parametrize("place", ["run", "sweep/trials/*"])
def test_what_is_finished_is_evaluated_on_the_rows_that_it_left_out(
    recorded, place
):
    """The best trial has no `splits.json`: that version drew its rows."""
    (path,) = recorded.glob(f"{place}/all_results.json")
    stored = read_json(path)
    assert run.main(["--mode=evaluate", f"--output_dir={path.parent}"]) == 0
    again = read_json(path.parent / "evaluation.json")
    for split in ("validation", "test"):
        for name in ("num_examples", "accuracy", "f1", "macro_f1", "matthews"):
            assert again[split][name] == stored[split][name], (split, name)


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
        found = path.read_bytes()
        if path.match("sweep/model/README.md"):  # Its end is written anew.
            found, content = (
                x.partition(b"## One of")[0] for x in (found, content)
            )
        assert found == content, path


@pytest.mark.parametrize("folder", ["run", "sweep"])
def test_its_report_shows_the_texts_of_its_mistakes(recorded, folder):
    assert run.main(["--mode=report", f"--output_dir={folder}"]) == 0
    page = (recorded / folder / "report.html").read_text("utf-8")
    assert "is not what it was" not in page
    assert "has changed" not in page
    assert "copies.csv, " in page or "example is right" in page


@pytest.mark.large
def test_a_sweep_gets_more_trials_of_its_recipes_on_its_rows(recorded):
    flags = {**RUNS["sweep"], "num_trials": 3}
    assert run.main(command_line("sweep", **flags)) == 0
    lines = (recorded / "sweep" / "trials.jsonl").read_text("utf-8")
    records = [json.loads(line) for line in lines.splitlines()]
    assert len(records) == 6
    assert len({record["data_digest"] for record in records}) == 1
    assert run.main(["--mode=report", "--output_dir=sweep"]) == 0
    page = (recorded / "sweep" / "report.html").read_text("utf-8")
    assert "6 trials of 2 recipes" in page
    assert "reinit_layers=0 (2)" not in page


def test_an_interrupted_run_goes_on_with_the_rows_that_it_began_with(
    recorded, caplog
):
    """As they were drawn: copies of rows are in several splits, and named."""
    folder = recorded / "interrupted"
    before = read_json(folder / "splits.json")["splits"]
    assert given_again("interrupted") == 0
    after = read_json(folder / "splits.json")["splits"]
    for split, entry in before.items():
        assert after[split]["rows"] == entry["rows"]
    # The other run is the same, and was never interrupted.
    unbroken = read_json(recorded / "run" / "all_results.json")
    results = read_json(folder / "all_results.json")
    for split in ("validation", "test"):
        np.testing.assert_allclose(
            results[split]["loss"], unbroken[split]["loss"], atol=1e-5
        )
        assert results[split]["accuracy"] == unbroken[split]["accuracy"]
    known = results["test"]["num_in_train"]
    assert 0 < known < results["test"]["num_examples"] == 12
    said = f"{known} of the 12 test examples are copies of train"
    assert f" {said}" in results["verdict"]
    assert said in " ".join(results["comparison"].split())
    assert said in caplog.text
    lines = (folder / "eval_results.txt").read_text("utf-8")
    assert f"test_num_in_train = {known}\n" in lines
    assert run.main(["--mode=evaluate", "--output_dir=interrupted"]) == 0
    again = read_json(folder / "evaluation.json")
    assert again["test"]["num_in_train"] == known


# The file that it divides has copies, which were parted.
_PARTED = "half_of_dev"


@pytest.mark.parametrize("name", DIVISIONS)
@pytest.mark.parametrize("copies_together", [True, False])
def test_splits_stay_row_by_row_what_they_were(recorded, name, copies_together):
    config = Config(output_dir="x", **DIVISIONS[name])
    task = run_data.get_task(config)
    data = run_data.load(config, task, copies_together=copies_together)
    stored = read_json(RECORDED / "splits.json")[name]["splits"]
    drawn = run_data.record(config, data)["splits"]
    is_same = {split: entry["rows"] for split, entry in drawn.items()} == {
        split: entry["rows"] for split, entry in stored.items()
    }
    assert is_same == (name != _PARTED or not copies_together)


@pytest.mark.large
def test_a_sweep_whose_trials_were_stopped_early_runs_them_to_their_end(
    recorded,
):
    """An earlier version stopped the worst ones, with a flag that is gone."""
    folder = recorded / "sweep"
    config = read_json(folder / "config.json")
    config["early_stop_trials"] = "keep:1,at:0.3"
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    _, path, *_ = sorted((folder / "trials").glob("*.json"))
    whole = read_json(path)
    stopped = {"status": "stopped", "best": None, "is_failed": None}
    path.write_text(json.dumps(whole | stopped), "utf-8")
    assert run.main(["--mode=report", "--output_dir=sweep"]) == 0
    page = (folder / "report.html").read_text("utf-8")
    assert "The sweep is not finished: 1 trial still to come" in page
    assert given_again("sweep") == 0
    again = read_json(path)
    assert again["status"] == "ok"
    assert again["data_digest"] == whole["data_digest"]
