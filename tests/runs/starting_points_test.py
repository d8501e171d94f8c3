"""Tests of tf_bert/runs/starting_points.py.

What becomes of a run is in tests/changed_data_test.py; what the hub says, in
tests/checkpoints/fetch/resolve_test.py.
"""

import json

import numpy as np
import pytest
import safetensors.numpy

from tf_bert.config import Config
from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.starting_points import StartingPoints

_COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    write_weights(folder, 1.0)
    return folder


def write_weights(checkpoint, value):
    safetensors.numpy.save_file(
        {"a": np.full([9], value)}, checkpoint / "model.safetensors"
    )


@pytest.fixture
def config(tmp_path, checkpoint):
    return Config(
        train_file="x.csv",
        output_dir=str(tmp_path / "run"),
        init_checkpoint=str(checkpoint),
    )


def begin(config):
    folder = RunFolder(config.output_dir)
    starts = StartingPoints(folder, config)
    settled = starts.settle(config)
    folder.begin(config)
    starts.write()
    return settled


def again(config):
    return StartingPoints(RunFolder(config.output_dir), config)


def test_a_folder_is_settled_as_it_is_until_its_weights_change(
    config, checkpoint
):
    assert begin(config) == config
    assert again(config).settle(config) == config
    again(config).check_known(config)
    write_weights(checkpoint, 2.0)
    for method in ("settle", "check_known"):
        with pytest.raises(
            ValueError,
            match="weights of the checkpoint are not .* Received: "
            "init_checkpoint='.*checkpoint', output_dir=.*run. Restore",
        ):
            getattr(again(config), method)(config)
    write_weights(checkpoint, 1.0)
    assert again(config).settle(config) == config


def test_what_nothing_has_come_of_may_be_mended(config, checkpoint):
    begin(config)
    write_weights(checkpoint, 2.0)
    folder = RunFolder(config.output_dir)
    starts = StartingPoints(folder, config, used=())
    assert starts.settle(config) == config
    starts.write()
    assert again(config).settle(config) == config


def test_a_named_model_is_not_read_for_it(config, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_BERT_CACHE", str(tmp_path / "nothing_here"))
    config = Config.from_dict(config.as_dict(), init_checkpoint="minilm-l6")
    assert begin(config) == config
    assert again(config).settle(config) == config
    assert not (tmp_path / "nothing_here").exists()


def test_a_commit_of_the_hub_is_kept_without_asking_it(config, tmp_path):
    config = Config.from_dict(config.as_dict(), init_checkpoint="some/one@main")
    folder = RunFolder(config.output_dir)
    folder.begin(config)
    entry = {"revision": _COMMIT, "digest": None}
    folder.write_json("init_checkpoint.json", {"some/one@main": entry})
    settled = again(config).settle(config).init_checkpoint
    assert settled == f"some/one@{_COMMIT}"
    again(config).check_known(config)


def test_what_is_gone_is_no_change_of_what_has_ended(config, checkpoint):
    begin(config)
    (checkpoint / "config.json").unlink()
    again(config).check_known(config)
    with pytest.raises(FileNotFoundError):
        again(config).settle(config)


def test_an_earlier_version_has_no_record_and_gets_none(
    config, checkpoint, caplog
):
    RunFolder(config.output_dir).begin(config)
    write_weights(checkpoint, 2.0)
    starts = again(config)
    assert starts.settle(config) == config
    starts.check_known(config)
    starts.write()
    assert "Whether the checkpoint is what it was cannot be" in caplog.text
    assert not (checkpoint.parent / "run" / "init_checkpoint.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"x": 1},
        {"x": {"revision": None}},
        {"x": {"revision": None, "digest": 1}},
        {"x": {"revision": "a", "digest": "b"}},
    ],
)
def test_a_record_that_was_changed_by_hand_is_named(config, content):
    begin(config)
    path = RunFolder(config.output_dir).join("init_checkpoint.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file)
    with pytest.raises(ValueError, match="init_checkpoint.json .*by hand"):
        again(config)
