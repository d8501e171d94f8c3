"""Tests of whole runs on several workers: processes, over loopback."""

import functools
import json
import os
import re
import shutil
import signal

import numpy as np
import pytest
import safetensors.numpy
import worker_processes
from worker_processes import WorkerProcesses, free_addresses, run_command

from tf_bert.config import Config, differences, parse
from tf_bert.system import onednn
from tf_bert.training.devices import rendezvous
from tf_bert.training.devices.cluster import Cluster

pytestmark = pytest.mark.large

SAME_FILES = (
    "history.jsonl",
    "model/model.safetensors",
    "predictions.tsv",
    "scored_rows.tsv",
)
# Long enough to be stopped in the middle.
LONG = {
    "num_train_steps": 160,
    "num_evaluations": 8,
    "learning_rate": 0.001,
    "ema_decay": 0.99,
    "save_every_seconds": 1,
}


def read_results(folder):
    text = (folder / "all_results.json").read_text(encoding="utf-8")
    results = json.loads(text)
    results.pop("runtime")
    return results


class Team:
    """Two workers on machines that share no disk: each has its own folder."""

    def __init__(self, folder, flags, start):
        self._start = start
        self.folders = [folder / name for name in ("one", "two")]
        for each in self.folders:
            each.mkdir(parents=True)
        self._command = run_command(*flags(output_dir="run", **LONG))

    @property
    def output_dir(self):
        return self.folders[0] / "run"

    def start(self):
        return self._start(lambda index: self._command, 2, folders=self.folders)

    def finish(self):
        with self.start() as processes:
            return processes.wait()


@pytest.fixture(scope="module")
def start_workers(warm_program):
    """Returns a function that makes `WorkerProcesses`, from its arguments."""

    def popen(command, *, stdin, **options):
        assert command[: len(run_command())] == run_command()
        return warm_program.start(command[len(run_command()) :], **options)

    return functools.partial(WorkerProcesses, popen=popen)


@pytest.fixture(scope="module")
def team_flags(flags, reviews):
    def command_line(**changes):
        predict_file = reviews / "predict.csv"
        return flags(
            test_file=reviews / "test.csv", predict_file=predict_file, **changes
        )

    return command_line


@pytest.fixture(scope="module")
def unbroken(team_flags, start_workers, tmp_path_factory):
    """The folder of a run of two workers that nothing has stopped."""
    folder = tmp_path_factory.mktemp("unbroken")
    team = Team(folder, team_flags, start_workers)
    chief, other = team.finish()
    assert (chief.status, other.status) == (0, 0), (chief, other)
    assert "accuracy" in chief.output
    assert not other.output
    return team


class TestTwoWorkers:
    def test_only_the_chief_writes_and_prints(self, unbroken):
        assert not list(unbroken.folders[1].iterdir())

    def test_end_as_if_unbroken_whatever_stops_them(
        self, unbroken, team_flags, start_workers, tmp_path
    ):
        team = Team(tmp_path, team_flags, start_workers)
        self._terminate(team, 1, after="step 20:")
        self._kill(team, 0, after="step 80:")
        # Worker 1 may be another machine now.
        shutil.rmtree(team.folders[1])
        team.folders[1].mkdir()
        ended = team.finish()
        assert [one.status for one in ended] == [0, 0], ended
        found = re.search(r"Continuing after step (\d+)", ended[0].error)
        assert int(found[1]) >= 20
        for name in SAME_FILES:
            expected = (unbroken.output_dir / name).read_bytes()
            assert (team.output_dir / name).read_bytes() == expected, name
        assert read_results(team.output_dir) == read_results(
            unbroken.output_dir
        )

    def _kill(self, team, victim, *, after):
        """One is killed: the other ends soon, and says who was lost."""
        with team.start() as processes:
            processes.wait_for(0, after)
            processes.signal(victim, signal.SIGKILL)
            ended = processes.wait(seconds=60 + 60)
        other = ended[1 - victim]
        assert ended[victim].status == -signal.SIGKILL
        assert other.status == 2
        assert f"WorkerLost: Lost worker {victim} (" in other.error
        assert "Traceback" not in other.error

    def _terminate(self, team, victim, *, after):
        """One is told to end: both stop behind the same step."""
        with team.start() as processes:
            processes.wait_for(0, after)
            processes.signal(victim, signal.SIGTERM)
            ended = processes.wait(seconds=60 + 60)
        assert [one.status for one in ended] == [143, 143]
        steps = {
            re.search(r"Stopped after step (\d+)", one.error)[1]
            for one in ended
        }
        assert len(steps) == 1
        names = team.output_dir.glob(
            f"checkpoints/state_*_step_{steps.pop()}.*"
        )
        assert list(names)


class TestNumberOfWorkers:
    def test_does_not_change_the_result(
        self, team_flags, start_workers, tmp_path
    ):
        changes = {
            "learning_rate": 2e-5,
            "dropout": 0,
            "num_train_steps": 12,
            "train_batch_size": 16,
            "freeze": "lower_1",
            "cache_frozen_features": True,
            "gradient_accumulation_steps": 2,
            "ema_decay": 0.9,
            "early_stopping_patience": 3,
            "record_updates": True,
        }
        outcomes = []
        for count in (1, 4):
            output_dir = tmp_path / str(count)
            command = run_command(*team_flags(output_dir=output_dir, **changes))
            with start_workers(lambda _, c=command: c, count) as processes:
                ended = processes.wait()
            assert {one.status for one in ended} == {0}, ended
            outcomes.append(self._outcome(output_dir))
        one, four = outcomes
        for name, value in one.items():
            # Their gradient is exactly 0, and Adam makes steps of its rounding.
            if not name.endswith("attention.self.key.bias"):
                np.testing.assert_allclose(
                    four[name], value, atol=1e-5, err_msg=name
                )

    def _outcome(self, output_dir):
        """Weights, losses and probabilities of a run, by name."""
        history = (output_dir / "history.jsonl").read_text(encoding="utf-8")
        entries = [json.loads(line) for line in history.splitlines()]
        rows = (output_dir / "predictions.tsv").read_text(encoding="utf-8")
        return {
            **safetensors.numpy.load_file(
                output_dir / "model" / "model.safetensors"
            ),
            "train_loss": [entry["train_loss"] for entry in entries],
            "loss": [entry["validation"]["loss"] for entry in entries],
            "predictions": [
                float(row.split("\t")[-1]) for row in rows.splitlines()[1:]
            ],
        }


class TestLostAtTheStart:
    @pytest.mark.parametrize("lost", [0, 1])
    def test_the_others_say_who_and_end(
        self, flags, warm_program, tmp_path, lost
    ):
        """Between the rendezvous and TensorFlow's registration."""
        arguments = flags(output_dir=tmp_path / "run")
        addresses = free_addresses(3)
        others = {
            index: warm_program.start(
                arguments,
                env={
                    **os.environ,
                    "TF_CONFIG": worker_processes.tf_config(addresses, index),
                },
            )
            for index in {0, 1, 2} - {lost}
        }
        about = {
            **Config(**parse.parse(arguments)).as_dict(),
            onednn.VARIABLE: str(int(onednn.is_on())),
        }
        with rendezvous.met(
            Cluster(addresses, lost), about, differences
        ) as connections:
            for connection in connections.values():
                connection.close()
        for process in others.values():
            assert process.wait() == 2
            error = process.error()
            said = f"WorkerLost: Lost worker {lost} ({addresses[lost]}) before"
            assert said in error
            assert "Traceback" not in error and "most recent" not in error
        assert not (tmp_path / "run").exists()


class TestRefused:
    @pytest.fixture(autouse=True)
    def _start(self, start_workers):
        self._start_workers = start_workers

    def _statuses(self, tmp_path, command, train_files):
        """Runs two workers, each with a `train.csv` of its own or none."""
        folders = []
        for index, path in enumerate(train_files):
            folders.append(tmp_path / str(index))
            folders[-1].mkdir()
            if path is not None:
                shutil.copy(path, folders[-1] / "train.csv")
        with self._start_workers(
            lambda index: command, 2, folders=folders
        ) as processes:
            ended = processes.wait()
        assert not any("Traceback" in one.error for one in ended)
        assert not (folders[1] / "run").exists()
        return ended

    def test_different_data_are(self, flags, reviews, tmp_path):
        command = run_command(*flags(output_dir="run", train_file="train.csv"))
        ended = self._statuses(
            tmp_path, command, [reviews / "train.csv", reviews / "test.csv"]
        )
        assert [one.status for one in ended] == [2, 2]
        for one in ended:
            assert "another training data on worker 1" in one.error
        assert not (tmp_path / "0" / "run").exists()

    def test_data_that_one_lacks_end_the_other(self, flags, reviews, tmp_path):
        command = run_command(*flags(output_dir="run", train_file="train.csv"))
        chief, other = self._statuses(
            tmp_path, command, [reviews / "train.csv", None]
        )
        assert (chief.status, other.status) == (2, 2)
        assert re.search("FileNotFoundError: .*train.csv", other.error)
        assert "WorkerLost: Lost worker 1 (" in chief.error

    def test_a_folder_in_use_is_by_the_chief(self, flags, reviews, tmp_path):
        for folder in ("0/run", "1"):
            (tmp_path / folder).mkdir(parents=True)
        (tmp_path / "0" / "run" / "mine.txt").write_text("mine")
        command = run_command(*flags(output_dir="run"))
        with self._start_workers(
            lambda index: command, 2, folders=[tmp_path / "0", tmp_path / "1"]
        ) as processes:
            chief, other = processes.wait()
        assert (chief.status, other.status) == (2, 2)
        assert "with mine.txt" in chief.error
        assert "Worker 0 has ended the run: `output_dir` must be" in other.error

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (({"seed": 0}, {"seed": 1}), "seed: 0 -> 1"),
            (({"train_batch_size": 13},) * 2, "Pass --train_batch_size=12,"),
        ],
    )
    def test_flags_that_do_not_fit_are(self, flags, tmp_path, changes, message):
        with self._start_workers(
            lambda index: run_command(
                *flags(output_dir=tmp_path / "run", **changes[index])
            ),
            2,
        ) as processes:
            ended = processes.wait()
        assert [one.status for one in ended] == [2, 2]
        for one in ended:
            assert message in one.error
        assert not (tmp_path / "run").exists()
