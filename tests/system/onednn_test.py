"""Tests of tf_bert/system/onednn.py and tf_bert/runs/recorded_onednn.py."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from absl import logging

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


def python(code: str, environment: dict[str, str], **more: str) -> str:
    """Returns what a new process prints."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, **more},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


class TestImport:
    CODE = (
        "import {}, os, sys;"
        "print(os.environ.get('TF_ENABLE_ONEDNN_OPTS'), "
        "'tensorflow' in sys.modules)"
    )

    @pytest.mark.parametrize(
        "module", ["tf_bert", "tf_bert.run", "tf_bert.notebook.set_up"]
    )
    def test_turns_it_on_without_tensorflow(self, module, environment):
        printed = python(self.CODE.format(module), environment)
        assert printed == "1 False\n"

    @pytest.mark.parametrize("chosen", ["0", "1", "false", ""])
    def test_leaves_what_the_user_has_set(self, chosen, environment):
        printed = python(
            self.CODE.format("tf_bert"),
            environment,
            **{onednn.VARIABLE: chosen},
        )
        assert printed == f"{chosen} False\n"

    def test_a_process_that_inherits_it_knows_whose_it_is(
        self, before_tensorflow
    ):
        onednn.use(False)
        assert not onednn.is_set_by_user()
        onednn.turn_on()
        assert value() == "1"


class TestWhereTensorflowIsLoaded:
    @pytest.fixture
    def loaded(self, monkeypatch):
        """Returns a function that says how TensorFlow was loaded."""
        monkeypatch.setenv(onednn.VARIABLE, "")
        monkeypatch.delenv(onednn.VARIABLE)

        def set_up(*, is_on: bool) -> None:
            monkeypatch.setattr(onednn, "is_loaded", lambda: True)
            monkeypatch.setattr(onednn, "is_available", lambda: True)
            monkeypatch.setattr(onednn, "is_on", lambda: is_on)

        return set_up

    def test_one_line_is_logged_if_it_is_off(self, loaded, caplog):
        loaded(is_on=False)
        onednn.turn_on()
        [record] = caplog.records
        assert "TensorFlow was loaded before tf_bert" in record.getMessage()
        assert "TF_ENABLE_ONEDNN_OPTS=1" in record.getMessage()
        assert value() is None

    def test_nothing_is_said_if_it_is_on(self, loaded, caplog):
        loaded(is_on=True)
        onednn.turn_on()
        assert not caplog.records

    def test_nothing_is_said_if_the_user_wants_it_off(
        self, loaded, caplog, monkeypatch
    ):
        loaded(is_on=False)
        monkeypatch.setenv(onednn.VARIABLE, "0")
        onednn.turn_on()
        assert not caplog.records


class TestProcessor:
    def test_tensorflow_takes_the_same_decision(self, environment):
        """Of its private name, and of the instructions that it looks for."""
        code = (
            "import tensorflow; from tf_bert.system import onednn;"
            "print(onednn.is_on(), onednn.is_on_by_itself())"
        )
        is_on, expected = python(code, environment).split()
        assert is_on == expected

    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            ("fpu sse4_2 avx avx2 fma", False),  # AMD's Zen 3.
            ("fpu avx2 avx512f avx512bw", False),  # Intel's Skylake.
            ("fpu avx2 avx512f avx512_vnni", True),
            ("fpu avx2 avx_vnni", True),
        ],
    )
    def test_known_processors(self, flags, expected, monkeypatch):
        monkeypatch.setattr(onednn.platform, "system", lambda: "Linux")
        monkeypatch.setattr(
            onednn, "processor_flags", lambda: set(flags.split())
        )
        assert onednn.is_on_by_itself() == expected

    def test_flags_are_those_of_the_kernel(self):
        path = pathlib.Path("/proc/cpuinfo")
        if not path.exists():
            pytest.skip("No Linux.")
        assert all(
            x in path.read_text("utf-8") for x in onednn.processor_flags()
        )


def begin(folder: pathlib.Path, *, is_on: bool | None, **fields) -> Config:
    """Writes the configuration of a run that began so; returns it."""
    config = Config(output_dir=str(folder), train_file="x.csv", **fields)
    content = config.as_dict()
    if is_on is not None:
        content["runtime"] = {"onednn": is_on}
    RunFolder(str(folder)).write_json(run_folder.CONFIG, content)
    return config


class TestUseRecorded:
    @pytest.mark.parametrize(
        ("is_on", "expected"), [(False, "0"), (True, "1"), (None, None)]
    )
    @pytest.mark.parametrize(
        "fields", [{}, {"mode": "trials", "num_trials": 2}]
    )
    def test_a_training_goes_on_as_it_began(
        self, is_on, expected, fields, before_tensorflow, tmp_path
    ):
        onednn.turn_on()
        config = begin(tmp_path, is_on=is_on, **fields)
        recorded_onednn.use_recorded(config)
        assert value() == expected
        assert not onednn.is_set_by_user()

    @pytest.mark.parametrize(
        ("is_on", "expected"), [(False, "0"), (True, "1"), (None, "1")]
    )
    def test_a_finished_run_without_a_record_is_read_fast(
        self, is_on, expected, before_tensorflow, tmp_path
    ):
        onednn.turn_on()
        config = begin(tmp_path, is_on=is_on, mode="evaluate")
        recorded_onednn.use_recorded(config)
        assert value() == expected

    def test_what_the_user_has_set_stays(
        self, before_tensorflow, monkeypatch, tmp_path
    ):
        monkeypatch.setenv(onednn.VARIABLE, "1")
        onednn.turn_on()
        recorded_onednn.use_recorded(begin(tmp_path, is_on=False))
        assert value() == "1"

    @pytest.mark.parametrize(
        "fields", [{"overwrite_output_dir": True}, {"output_dir": "gs://b/x"}]
    )
    def test_a_new_run_and_one_on_gs_begin_with_it(
        self, fields, before_tensorflow, tmp_path
    ):
        onednn.turn_on()
        begin(tmp_path, is_on=False)
        recorded_onednn.use_recorded(
            Config(**{"output_dir": str(tmp_path), **fields}, train_file="x")
        )
        assert value() == "1"


class TestSayWhich:
    @pytest.fixture
    def say(self, monkeypatch, caplog, tmp_path):
        """Returns a function from `began` and `is_on` to what is said."""
        logging.set_verbosity(logging.INFO)

        def said(began: bool | None, is_on: bool) -> str:
            config = begin(tmp_path, is_on=began)
            monkeypatch.setattr(onednn, "is_on", lambda: is_on)
            monkeypatch.setattr(onednn, "is_on_by_itself", lambda: False)
            monkeypatch.setattr(onednn, "is_available", lambda: True)
            recorded_onednn.say_which(config)
            return caplog.text

        return said

    def test_another_than_it_began_with(self, say):
        text = say(began=False, is_on=True)
        assert "began without oneDNN and goes on with it" in text
        assert "TF_ENABLE_ONEDNN_OPTS=0 in front" in text

    def test_without_as_it_began(self, say):
        assert "Going on without oneDNN, as the run began" in say(False, False)

    def test_an_earlier_version_left_it_to_tensorflow(self, say):
        assert "Going on without oneDNN, as the run began" in say(None, False)

    def test_an_earlier_version_on_gs(self, say):
        assert "began without oneDNN and goes on with it" in say(None, True)

    def test_with_as_it_began(self, say):
        assert say(began=True, is_on=True) == ""

    def test_a_new_run(self, tmp_path, caplog):
        config = Config(output_dir=str(tmp_path / "new"), train_file="x.csv")
        recorded_onednn.say_which(config)
        assert not caplog.records


class TestRecord:
    def test_stands_beside_the_configuration(self, finished_run):
        content = json.loads((finished_run / "config.json").read_text("utf-8"))
        assert content["runtime"] == {"onednn": onednn.is_on()}
        assert RunFolder(str(finished_run)).onednn() == onednn.is_on()

    def test_stands_with_the_results(self, finished_run):
        path = finished_run / "all_results.json"
        runtime = json.loads(path.read_text("utf-8"))["runtime"]
        assert runtime["onednn"] == onednn.is_on()

    def test_stands_with_each_trial(self, finished_sweep):
        path = finished_sweep / "trials.jsonl"
        for line in path.read_text("utf-8").splitlines():
            assert json.loads(line)["runtime"]["onednn"] == onednn.is_on()

    def test_of_a_run_that_goes_on_it_stays(self, tmp_path):
        other = not onednn.is_on()
        config = begin(tmp_path, is_on=other)
        folder = RunFolder(str(tmp_path))
        folder.check_usable(config)
        folder.begin(config)
        assert folder.onednn() == other

    def test_one_that_was_changed_by_hand_is_refused(self, tmp_path):
        config = begin(tmp_path, is_on=None)
        content = {**config.as_dict(), "runtime": {"onednn": "on"}}
        RunFolder(str(tmp_path)).write_json("config.json", content)
        with pytest.raises(ValueError, match="runtime=.*'on'.*by hand"):
            RunFolder(str(tmp_path)).onednn()


class TestWorkers:
    def test_they_tell_each_other_which_they_have(self, monkeypatch):
        from tf_bert.training.devices import rendezvous, workers

        told = []

        def meet(cluster, about, differences):
            other = {**about, onednn.VARIABLE: "another"}
            told.extend(differences(about, other))
            raise rendezvous.RendezvousFailed("Enough.")

        cluster = Cluster(("a:1", "b:1"), 0)
        monkeypatch.setattr(
            workers.distribution, "get_cluster", lambda _: cluster
        )
        monkeypatch.setattr(workers.rendezvous, "met", meet)
        config = Config(output_dir="x", train_file="x.csv")
        with pytest.raises(rendezvous.RendezvousFailed):
            with workers.joined(config):
                pass
        own = int(onednn.is_on())
        assert told == [f"TF_ENABLE_ONEDNN_OPTS: {own} -> another"]


@pytest.mark.large
class TestProgram:
    """Real processes: what one of them records, the next ones use."""

    @pytest.fixture
    def run(self, flags, environment):
        def completed(folder, status=0, **changes):
            more = {k: changes.pop(k) for k in VARIABLES if k in changes}
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "tf_bert.run"),
                    *flags(output_dir=folder, **changes),
                ],
                env={**environment, **more},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == status, done.stderr
            return done.stderr

        return completed

    def test_a_run_goes_on_without_if_it_began_without(self, run, tmp_path):
        folder = tmp_path / "run"
        run(folder, **{onednn.VARIABLE: "0"})
        weights = (folder / "model" / "model.safetensors").read_bytes()
        path = folder / "all_results.json"
        results = json.loads(path.read_text("utf-8"))
        assert results["runtime"]["onednn"] is False
        path.unlink()  # As if it had been killed before its end.
        assert "Going on without oneDNN, as the run began" in run(folder)
        results = json.loads(path.read_text("utf-8"))
        assert results["runtime"]["onednn"] is False
        found = (folder / "model" / "model.safetensors").read_bytes()
        assert found == weights

    def test_so_do_trials_in_processes_of_their_own(self, run, flags, tmp_path):
        trials = {
            "mode": "trials",
            "num_trials": 2,
            "num_parallel_trials": 2,
            "trials_save_model": "none",
            "seed": 1,
        }
        fields = parse.parse(flags(output_dir=tmp_path, **trials))
        content = Config(**fields).as_dict()
        content["runtime"] = {"onednn": False}  # As if it had begun so.
        RunFolder(str(tmp_path)).write_json(run_folder.CONFIG, content)
        said = run(tmp_path, **trials)
        assert "Going on without oneDNN, as the run began" in said
        lines = (tmp_path / "trials.jsonl").read_text("utf-8").splitlines()
        found = [json.loads(line)["runtime"]["onednn"] for line in lines]
        assert found == [False] * 2
