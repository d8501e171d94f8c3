"""Tests of tf_bert/config/removed_settings.py."""

import pytest

from tf_bert import config as config_lib
from tf_bert import run
from tf_bert.config import Config, removed_settings

SENTENCE = "It was removed: nobody could see it. Pass --seed."


@pytest.fixture(autouse=True)
def removed(monkeypatch):
    for name in ("moonshine", "mode=dream"):
        monkeypatch.setitem(removed_settings.REMOVED, name, SENTENCE)


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        ("--moonshine=keep:1", "moonshine"),
        ("--moonshine", "moonshine"),
        ("--mode=dream", "mode=dream"),
    ],
)
def test_a_removed_flag_is_refused_with_what_to_do(flag, name, capsys):
    assert run.main(["--output_dir=x", flag]) == 2
    said = capsys.readouterr().err
    assert f"`{name}` is no longer a setting. Received: {flag}. " in said
    assert said.endswith(f"{SENTENCE}\n")


def test_a_stored_configuration_that_holds_one_loads():
    config = Config(output_dir="x", seed=3)
    stored = {**config.as_dict(), "moonshine": "keep:1"}
    assert Config.from_dict(stored) == config
    assert config_lib.complete(stored) == config.as_dict()
    assert config_lib.differences(stored, config.as_dict()) == []


def test_a_setting_that_is_there_is_taken_whatever_the_table_says(monkeypatch):
    monkeypatch.setitem(removed_settings.REMOVED, "seed", SENTENCE)
    monkeypatch.setitem(removed_settings.REMOVED, "mode=train", SENTENCE)
    config = Config(output_dir="x", seed=3, mode="train")
    assert Config.from_dict(config.as_dict()) == config
