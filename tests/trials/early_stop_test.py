"""Tests of --early_stop_trials: whole sweeps of which most trials stop."""

import json
import pathlib
import shutil
import signal

import pytest

pytestmark = pytest.mark.large

# Evaluations after steps 2, 4 and 6.
FLAG = {"early_stop_trials": "keep:2,at:0.3", "num_trials": 5}


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_records(folder):
    """Name -> record, without what a clock or a machine decides."""
    return {
        path.stem: {n: x for n, x in read_json(path).items() if n != "runtime"}
        for path in (folder / "trials").glob("*.json")
    }


def stored_bytes(folder):
    return {p.stem: p.read_bytes() for p in (folder / "trials").glob("*.json")}


def read_history(folder, name):
    path = folder / "trials" / name / "history.jsonl"
    return [json.loads(x) for x in path.read_text("utf-8").splitlines()]


def paused_in(folder):
    return {
        p.parents[1].name
        for p in (folder / "trials").glob("*/checkpoints/paused.json")
    }


@pytest.fixture(scope="module")
def sweep(run_sweep, reviews):
    """Returns a function that runs a sweep with a test split."""

    def swept(folder, *sweeps, **changes):
        return run_sweep(
            folder,
            *sweeps,
            **{
                "test_file": reviews / "test.csv",
                "record_updates": True,
                "validation_proportion": 0.4,
                **changes,
            },
        )

    return swept


@pytest.fixture(scope="module")
def full(sweep, tmp_path_factory):
    """All five trials to their end."""
    folder = tmp_path_factory.mktemp("full") / "sweep"
    return sweep(folder, num_trials=5)


@pytest.fixture(scope="module")
def stopped(sweep, tmp_path_factory):
    """Two of five go on."""
    folder = tmp_path_factory.mktemp("stopped") / "sweep"
    return sweep(folder, trials_save_model="best", **FLAG)


def expected_survivors(full, keep=2):
    """The trials that are best at the first evaluation."""
    records = sorted(
        read_records(full).values(), key=lambda r: r["seeds"]["data_seed"]
    )
    scores = {
        r["trial"]: read_history(full, r["trial"])[0]["validation"]["accuracy"]
        for r in records
    }
    return set(sorted(scores, key=lambda name: -scores[name])[:keep])


class TestStopped:
    def test_the_best_go_on_and_the_others_are_stopped(self, stopped, full):
        survivors = expected_survivors(full)
        assert {
            name: record["status"]
            for name, record in read_records(stopped).items()
        } == {
            name: "ok" if name in survivors else "stopped"
            for name in read_records(full)
        }

    def test_a_survivor_is_what_it_is_in_a_full_sweep(self, stopped, full):
        records = read_records(full)
        for name in expected_survivors(full):
            assert read_records(stopped)[name] == records[name]
            for path in (full / "trials" / name).iterdir():
                twin = stopped / "trials" / name / path.name
                assert twin.read_bytes() == path.read_bytes(), path.name

    def test_a_stopped_one_has_its_scores_so_far_alone(self, stopped, full):
        survivors = expected_survivors(full)
        for name, record in read_records(stopped).items():
            if name in survivors:
                continue
            first = read_history(full, name)[0]
            assert record["early_stop_trials"] == "keep:2,at:0.3"
            assert record["step"] == 2
            assert record["last"] == {
                "step": 2,
                "validation": first["validation"],
            }
            assert record["is_failed"] is None
            assert read_history(stopped, name) == [first]
            files = {p.name for p in (stopped / "trials" / name).iterdir()}
            assert files == {"history.jsonl", "updates.npz"}

    def test_no_state_is_left(self, stopped):
        assert not list(stopped.glob("trials/*/checkpoints"))

    def test_the_best_model_is_of_a_survivor(self, stopped, full):
        names = {p.parent.name for p in stopped.glob("trials/*/model")}
        assert len(names) == 1
        assert names <= expected_survivors(full)
        card = (stopped / "model" / "README.md").read_text("utf-8")
        assert "best of 5 trials (3 stopped early)" in card


@pytest.fixture
def copied(stopped, tmp_path):
    return pathlib.Path(shutil.copytree(stopped, tmp_path / "copy"))


class TestAgain:
    def test_the_same_command_runs_nothing(self, copied, sweep):
        before = stored_bytes(copied)
        sweep(copied, trials_save_model="best", **FLAG)
        assert stored_bytes(copied) == before

    def test_without_the_flag_the_stopped_ones_run_to_their_end(
        self, copied, sweep, full
    ):
        before = stored_bytes(copied)
        sweep(copied, num_trials=5)
        after = stored_bytes(copied)
        for name in expected_survivors(full):
            assert after[name] == before[name]
        assert read_records(copied) == read_records(full)

    def test_more_that_go_on_are_as_if_from_the_start(
        self, copied, sweep, full
    ):
        sweep(copied, early_stop_trials="keep:3,at:0.3", num_trials=5)
        records = read_records(copied)
        survivors = expected_survivors(full, keep=3)
        assert {n for n, r in records.items() if r["status"] == "ok"} == (
            survivors | expected_survivors(full)
        )
        assert {r.get("early_stop_trials") for r in records.values()} == {
            None,
            "keep:3,at:0.3",
        }


class TestSeveralProcesses:
    """Two recipes of four seeds, of which two go on, whatever runs them."""

    FLAGS = {"early_stop_trials": "keep:2,at:0.4", "num_evaluations": 4}

    def test_leave_the_same_also_after_a_kill(
        self,
        start_sweep,
        finish_sweep,
        sweep_content,
        wait_for_trials,
        wait_for_end_of_group,
        tmp_path,
    ):
        here, there = tmp_path / "here" / "sweep", tmp_path / "there" / "sweep"
        status, err = finish_sweep(here, **self.FLAGS)
        assert status == 0, err
        flags = {**self.FLAGS, "num_parallel_trials": 2}
        process = start_sweep(there, **flags)
        # One is stopped when the third of a recipe has paused.
        wait_for_trials(process, there, 1)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        # It could not end its processes itself: they do.
        wait_for_end_of_group(process.pid)
        assert paused_in(there)
        status, err = finish_sweep(there, **flags)
        assert status == 0, err
        assert sweep_content(there) == sweep_content(here)
        records = read_records(here).values()
        statuses = sorted((r["recipe"], r["status"]) for r in records)
        assert [status for _, status in statuses] == [
            *("ok", "ok", "stopped", "stopped"),
        ] * 2


class TestInterrupted:
    def test_goes_on_from_what_has_paused(
        self, sweep, stopped, control_c_at, tmp_path
    ):
        folder = tmp_path / "sweep"
        with control_c_at(": paused after step 2", number=3):
            sweep(folder, status=130, **FLAG)
        first = paused_in(folder)
        states = {
            p: p.read_bytes()
            for p in folder.glob("trials/*/checkpoints/*.safetensors")
        }
        assert len(first) >= 2
        # While a survivor is under way.
        with control_c_at(": accuracy", number=1):
            sweep(folder, status=130, **FLAG)
        second = paused_in(folder)
        assert len(second) == 1
        for path, content in states.items():
            if path.exists():
                assert path.read_bytes() == content
        sweep(folder, **FLAG)
        assert read_records(folder) == read_records(stopped)
        assert not paused_in(folder)
