"""Tests of tf_bert/system/onednn.py and tf_bert/runs/recorded_onednn.py."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import pytest
from conftest import read_json

from tf_bert.config import Config, parse
from tf_bert.runs import recorded_onednn, run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.system import onednn
from tf_bert.training.devices.cluster import Cluster

ROOT = pathlib.Path(__file__).parents[2]
VARIABLES = (onednn.VARIABLE, onednn._OWN_VALUE)


@pytest.fixture
def environment() -> dict[str, str]:
    """The variables of a user who has set none of these."""
    return {
        **{n: x for n, x in os.environ.items() if n not in VARIABLES},
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def before_tensorflow(monkeypatch):
    """This process, as if it had not loaded TensorFlow yet."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # So that it is put back afterwards.
        monkeypatch.delenv(name)
    monkeypatch.setattr(onednn, "is_loaded", lambda: False)


def value() -> str | None:
    return os.environ.get(onednn.VARIABLE)


@pytest.mark.parametrize(
    ("module", "of_user", "expected"),
    [
        ("tf_bert.run", {}, "1"),
        ("tf_bert.notebook.set_up", {onednn.VARIABLE: ""}, ""),
    ],
)
def test_an_import_turns_it_on_without_tensorflow(
    module, of_user, expected, environment
):
    code = (
        f"import {module}, os, sys;"
        "print(os.environ.get('TF_ENABLE_ONEDNN_OPTS'), "
        "'tensorflow' in sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, **of_user},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout == f"{expected} False\n"


def test_a_process_that_inherits_it_knows_whose_it_is(before_tensorflow):
    onednn.use(False)
    assert not onednn.is_set_by_user()
    onednn.turn_on()
    assert value() == "1"


@pytest.mark.parametrize(
    ("is_on", "of_user", "is_said"),
    [(False, None, True), (True, None, False), (False, "0", False)],
)
def test_one_line_is_logged_where_tensorflow_has_left_it_off(
    is_on, of_user, is_said, before_tensorflow, monkeypatch, caplog
):
    monkeypatch.setattr(onednn, "is_loaded", lambda: True)
    monkeypatch.setattr(onednn, "is_available", lambda: True)
    monkeypatch.setattr(onednn, "is_on", lambda: is_on)
    if of_user is not None:
        monkeypatch.setenv(onednn.VARIABLE, of_user)
    onednn.turn_on()
    assert ("was loaded before tf_bert" in caplog.text) == is_said
    assert ("TF_ENABLE_ONEDNN_OPTS=1" in caplog.text) == is_said
    assert value() == of_user


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu sse4_2 avx avx2 fma", False),  # AMD's Zen 3.
        ("fpu avx2 avx512f avx512bw", False),  # Intel's Skylake.
        ("fpu avx2 avx512f avx512_vnni", True),
        ("fpu avx2 avx_vnni", True),
    ],
)
def test_what_tensorflow_does_by_itself(flags, expected, monkeypatch):
    """That it does so here: tests/start_up_test.py."""
    monkeypatch.setattr(onednn.platform, "system", lambda: "Linux")
    monkeypatch.setattr(onednn, "processor_flags", lambda: set(flags.split()))
    assert onednn.is_on_by_itself() == expected


def begin(folder: pathlib.Path, *, is_on: bool | None, **fields) -> Config:
    """Writes the configuration of a run that began so; returns it."""
    config = Config(output_dir=str(folder), train_file="x.csv", **fields)
    content = config.as_dict()
    if is_on is not None:
        content["runtime"] = {"onednn": is_on}
    RunFolder(str(folder)).write_json(run_folder.CONFIG, content)
    return config


TRIALS = {"mode": "trials", "num_trials": 2}
EVALUATE = {"mode": "evaluate"}


@pytest.mark.parametrize(
    ("fields", "is_on", "of_user", "expected"),
    [
        ({}, False, None, "0"),
        ({}, True, None, "1"),
        ({}, None, None, None),
        (TRIALS, False, None, "0"),
        (TRIALS, None, None, None),
        # A finished run without a record is read fast.
        (EVALUATE, False, None, "0"),
        (EVALUATE, None, None, "1"),
        # What the user has set stays.
        ({}, False, "1", "1"),
        # A new run begins with it, and one on gs:// cannot be looked at yet.
        ({"overwrite_output_dir": True}, False, None, "1"),
        ({"output_dir": "gs://b/x"}, False, None, "1"),
    ],
)
def test_a_run_goes_on_as_it_began(
    fields, is_on, of_user, expected, before_tensorflow, monkeypatch, tmp_path
):
    if of_user is not None:
        monkeypatch.setenv(onednn.VARIABLE, of_user)
    onednn.turn_on()
    config = begin(tmp_path, is_on=is_on)
    recorded_onednn.use_recorded(dataclasses.replace(config, **fields))
    assert value() == expected
    assert onednn.is_set_by_user() == (of_user is not None)


WITH = "began without oneDNN and goes on with it"
WITHOUT = "Going on without oneDNN, as the run began"


@pytest.mark.parametrize(
    ("began", "is_on", "message"),
    [
        (False, True, WITH),
        (False, False, WITHOUT),
        # An earlier version left it to TensorFlow.
        (None, False, WITHOUT),
        (None, True, WITH),
        (True, True, ""),
    ],
)
def test_what_a_run_goes_on_with_is_said(
    began, is_on, message, monkeypatch, caplog, tmp_path
):
    config = begin(tmp_path, is_on=began)
    monkeypatch.setattr(onednn, "is_on", lambda: is_on)
    monkeypatch.setattr(onednn, "is_on_by_itself", lambda: False)
    monkeypatch.setattr(onednn, "is_available", lambda: True)
    recorded_onednn.say_which(config)
    assert message in caplog.text
    assert bool(message) == bool(caplog.text)


def test_nothing_is_said_of_a_new_run(tmp_path, caplog):
    config = Config(output_dir=str(tmp_path / "new"), train_file="x.csv")
    recorded_onednn.say_which(config)
    assert not caplog.records


def test_it_stands_with_configuration_and_results(finished_run):
    """And with trials: see the last test."""
    for name in ("config.json", "all_results.json"):
        content = read_json(finished_run / name)
        assert content["runtime"]["onednn"] == onednn.is_on()
    assert RunFolder(str(finished_run)).onednn() == onednn.is_on()


def test_the_record_of_a_run_that_goes_on_stays(tmp_path):
    other = not onednn.is_on()
    config = begin(tmp_path, is_on=other)
    folder = RunFolder(str(tmp_path))
    folder.check_usable(config)
    folder.begin(config)
    assert folder.onednn() == other


def test_a_record_that_was_changed_by_hand_is_refused(tmp_path):
    begin(tmp_path, is_on="on")
    with pytest.raises(ValueError, match="runtime=.*'on'.*by hand"):
        RunFolder(str(tmp_path)).onednn()


def test_workers_tell_each_other_which_they_have(monkeypatch):
    from tf_bert.training.devices import rendezvous, workers

    told = []

    def meet(cluster, about, differences):
        other = {**about, onednn.VARIABLE: "another"}
        told.extend(differences(about, other))
        raise rendezvous.RendezvousFailed("Enough.")

    cluster = Cluster(("a:1", "b:1"), 0)
    monkeypatch.setattr(workers.distribution, "get_cluster", lambda _: cluster)
    monkeypatch.setattr(workers.rendezvous, "met", meet)
    config = Config(output_dir="x", train_file="x.csv")
    with pytest.raises(rendezvous.RendezvousFailed), workers.joined(config):
        pass
    own = int(onednn.is_on())
    assert told == [f"TF_ENABLE_ONEDNN_OPTS: {own} -> another"]


@pytest.mark.large
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "all_results.json"),
        (
            {
                **TRIALS,
                "num_parallel_trials": 2,
                "trials_save_model": "none",
                "seed": 1,
            },
            "trials.jsonl",
        ),
    ],
)
def test_a_process_goes_on_without_where_it_began_without(
    changes, name, flags, environment, tmp_path
):
    """And so do trials in processes of their own."""
    arguments = flags(output_dir=tmp_path, **changes)
    content = Config(**parse.parse(arguments)).as_dict()
    content["runtime"] = {"onednn": False}  # As if it had begun so.
    RunFolder(str(tmp_path)).write_json(run_folder.CONFIG, content)
    done = subprocess.run(
        [sys.executable, "-m", "tf_bert.run", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert WITHOUT in done.stderr
    text = (tmp_path / name).read_text("utf-8")
    records = text.splitlines() if name.endswith("l") else [text]
    for record in records:
        assert json.loads(record)["runtime"]["onednn"] is False
    assert len(records) == changes.get("num_trials", 1)
