"""Tests of tf_bert/trials/run_trials.py: whole sweeps."""

import contextlib
import json
import math
import pathlib
import random
import shutil
import time

import numpy as np
import pytest
import safetensors.numpy

from tf_bert import run
from tf_bert.config import Config
from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.starting_points import StartingPoints
from tf_bert.trials import planned_trials, run_trials
from tf_bert.trials.sweep_data import SweepData
from tf_bert.trials.trial_folder import TrialFolder

FILES = {"history.jsonl", "scored_rows.tsv"}


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_lines(folder):
    """The records of a sweep, without what a clock or a machine decides."""
    lines = (folder / "trials.jsonl").read_text("utf-8").splitlines()
    return [{**json.loads(line), "runtime": None} for line in lines]


def stored_trials(folder):
    return {p.stem: p.read_bytes() for p in (folder / "trials").glob("*.json")}


def names_of_models(folder):
    return {p.parent.name for p in (folder / "trials").glob("*/model")}


def assert_is_whole(folder):
    """Each finished trial has its files, and no other is to be seen."""
    for path in (folder / "trials").glob("*.json"):
        record = read_json(path)
        assert record["trial"] == path.stem
        if record["status"] == "ok":
            found = {p.name for p in path.with_suffix("").iterdir()}
            assert found >= FILES


@pytest.fixture
def copied(finished_sweep, tmp_path):
    return pathlib.Path(shutil.copytree(finished_sweep, tmp_path / "copy"))


@pytest.fixture
def again(run_sweep, reviews):
    """Returns a function that gives the command of `finished_sweep` again."""

    def swept(folder, sweep="reinit_layers:0,1", **changes):
        return run_sweep(
            folder,
            sweep,
            **{
                "test_file": reviews / "test.csv",
                "trials_save_model": "best",
                **changes,
            },
        )

    return swept


@pytest.fixture
def error_of(again, capsys):
    """Returns a function that gives what is said when a sweep is refused."""

    def refused(folder, *arguments, **changes):
        capsys.readouterr()
        again(folder, *arguments, status=2, **changes)
        return capsys.readouterr().err

    return refused


class TestFinished:
    def test_every_recipe_has_every_seed(self, finished_sweep):
        records = read_lines(finished_sweep)
        assert [(r["recipe"], r["seeds"]["head_seed"]) for r in records] == [
            ("reinit_layers=0", 1),
            ("reinit_layers=0", 2),
            ("reinit_layers=1", 1),
            ("reinit_layers=1", 2),
        ]
        assert {r["status"] for r in records} == {"ok"}
        assert set(stored_trials(finished_sweep)) == {
            r["trial"] for r in records
        }
        assert_is_whole(finished_sweep)

    def test_the_best_model_alone_is_kept(self, finished_sweep):
        records = read_lines(finished_sweep)
        best = max(records, key=lambda r: r["best"]["validation"]["accuracy"])
        assert names_of_models(finished_sweep) == {best["trial"]}
        kept = finished_sweep / "trials" / best["trial"] / "model"
        for path in kept.iterdir():
            published = (finished_sweep / "model" / path.name).read_bytes()
            assert published.startswith(path.read_bytes()), path.name
        card = (finished_sweep / "model" / "README.md").read_text("utf-8")
        assert "best of 4 trials" in card

    def test_given_again_trains_nothing_and_changes_nothing(
        self, copied, again, capsys
    ):
        before = {p: p.read_bytes() for p in copied.rglob("*") if p.is_file()}
        again(copied)
        assert "reinit_layers=1" in capsys.readouterr().out
        for path, content in before.items():
            if path.name != "config.json":  # Which says where it lies.
                assert path.read_bytes() == content, path
        # Its record names every file.
        assert not RunFolder(str(copied)).written.of_others()

    def test_another_configuration_is_refused(self, copied, error_of):
        error = error_of(copied, learning_rate=0.02)
        assert "differs in learning_rate: 0.01 -> 0.02" in error

    def test_other_data_are_refused(self, copied, error_of, tmp_path, reviews):
        # At the same path, as a configuration names it.
        path = reviews / "test.csv"
        content = path.read_bytes()
        path.write_bytes(content.replace(b"mug", b"cup"))
        try:
            error = error_of(copied)
        finally:
            path.write_bytes(content)
        assert "The data is not what this sweep began with" in error

    def test_runs_and_sweeps_are_refused_in_each_others_folders(
        self, copied, error_of, flags, capsys, tmp_path
    ):
        assert run.main(flags(output_dir=copied)) == 2
        assert "mode: trials -> train" in capsys.readouterr().err
        path = tmp_path / "run"
        RunFolder(str(path)).begin(Config(output_dir=str(path)))
        assert "mode: train -> trials" in error_of(path)

    def test_a_changed_record_is_refused(self, copied, error_of):
        path = sorted((copied / "trials").glob("*.json"))[0]
        path.write_text(path.read_text("utf-8").replace('"trial"', '"x"'))
        assert "A trial's record is damaged" in error_of(copied)


@pytest.fixture
def best(copied):
    """The folder of the one trial whose model is kept."""
    (model,) = copied.glob("trials/*/model")
    return model.parent


@pytest.mark.large
class TestKeptRun:
    """A trial whose model is kept is a finished run, for every mode."""

    def test_is_evaluated_as_it_was_scored(self, best):
        assert run.main(["--mode=evaluate", f"--output_dir={best}"]) == 0
        found = read_json(best / "evaluation.json")
        record = read_json(best.with_suffix(".json"))
        scores = record[record["chosen"]]["test"]
        assert found["test"]["accuracy"] == scores["accuracy"]
        assert found["test"]["loss"] == pytest.approx(scores["loss"])

    def test_predicts(self, best, reviews):
        arguments = [f"--output_dir={best}", "--mode=predict"]
        assert run.main([*arguments, f"--predict_file={reviews}/test.csv"]) == 0
        lines = (best / "predictions.tsv").read_text().splitlines()
        assert len(lines) == 1 + 12

    def test_is_no_run_without_its_model(self, copied, best, capsys):
        other = next(
            x for x in (copied / "trials").iterdir() if x.is_dir() and x != best
        )
        capsys.readouterr()
        assert run.main(["--mode=evaluate", f"--output_dir={other}"]) == 2
        assert "must hold a finished run" in capsys.readouterr().err


@pytest.fixture(scope="module")
def wanted_more(
    finished_sweep, run_sweep, control_c_at, reviews, tmp_path_factory
):
    """A sweep that lost a record and shall have more seeds, then Ctrl-C.

    Returns its folder, the name of the lost trial, and what was printed.
    """
    parent = tmp_path_factory.mktemp("more")
    folder = shutil.copytree(finished_sweep, parent / "sweep")
    name = sorted(stored_trials(folder))[0]
    # As after a kill: the folder of a trial is there, not its record.
    (folder / "trials" / f"{name}.json").unlink()
    (folder / "trials" / name / "history.jsonl").write_text("half")
    (folder / "trials.jsonl").unlink()
    with (
        open(parent / "stderr", "w", encoding="utf-8") as file,
        contextlib.redirect_stderr(file),
        control_c_at("5 of 6: "),
    ):
        run_sweep(
            folder,
            "reinit_layers:0,1",
            status=130,
            num_trials=3,
            test_file=reviews / "test.csv",
            trials_save_model="best",
        )
    return folder, name, (parent / "stderr").read_text("utf-8")


@pytest.mark.large
class TestInterrupted:
    def test_says_how_to_go_on_and_leaves_all_whole(self, wanted_more):
        folder, _, error = wanted_more
        assert "Interrupted. What has finished is stored" in error
        assert "Traceback" not in error
        assert len(stored_trials(folder)) == 5
        assert_is_whole(folder)

    def test_a_lost_trial_runs_again_and_is_the_same(
        self, wanted_more, finished_sweep
    ):
        folder, name, _ = wanted_more
        for path in (finished_sweep / "trials" / name).iterdir():
            # The configuration of a kept run names its folder.
            if path.is_file() and path.name != "config.json":
                twin = folder / "trials" / name / path.name
                assert twin.read_bytes() == path.read_bytes(), path.name
        records = {r["trial"]: r for r in read_lines(folder)}
        (first,) = (r for r in read_lines(finished_sweep) if r["trial"] == name)
        assert records[name] == first

    def test_more_seeds_run_the_new_ones_alone(self, wanted_more, again):
        folder, *_ = wanted_more
        before = stored_trials(folder)
        again(folder, num_trials=3)
        after = stored_trials(folder)
        # With the runtime, which a second run would not have again.
        assert before.items() <= after.items()
        seeds = [r["seeds"]["data_seed"] for r in read_lines(folder)]
        assert seeds == 2 * [1, 2, 3]


@pytest.mark.parametrize(
    ("ended", "score", "asked", "expected"),
    [
        # Of equal ones the first counts, in whatever order they end.
        (0, 0.5, 1, 0.5),
        (1, 0.5, 0, math.nextafter(0.5, -math.inf)),
        # None: without a validation split.
        (0, None, 1, -math.inf),
        (1, None, 0, None),
    ],
)
def test_the_first_of_equals_keeps_its_model(
    tmp_path, ended, score, asked, expected
):
    config = Config(
        mode="trials",
        output_dir=str(tmp_path),
        train_file="reviews.csv",
        num_trials=2,
    )
    trials = planned_trials.planned_trials(config)
    folder = TrialFolder(str(tmp_path))
    folder.begin(config)
    scores = {} if score is None else {"validation": {"accuracy": score}}
    record = {
        "trial": trials[ended].name,
        "recipe": trials[ended].recipe,
        "config": trials[ended].configuration,
        "seeds": trials[ended].seeds,
        "metric": "accuracy",
        "status": "ok",
        "chosen": "last",
        "last": scores,
    }
    rest = ("error", "best", "is_failed", "is_degenerate", "is_constant")
    folder.write_trial({**dict.fromkeys(rest), **record}, {})
    starts = StartingPoints(folder, config)
    sweep = run_trials._Sweep(folder, config, trials, SweepData(), starts)
    assert sweep._beats(trials[asked]) == expected


@pytest.fixture(scope="module")
def changed_checkpoint(tiny_checkpoint, tmp_path_factory):
    """Returns a function that copies the checkpoint with other weights."""

    def changed(name, value, part):
        folder = tmp_path_factory.mktemp("checkpoints") / name
        shutil.copytree(tiny_checkpoint, folder)
        path = folder / "model.safetensors"
        weights = safetensors.numpy.load_file(path)
        for key, weight in weights.items():
            if part in key:
                weight[...] = value
        safetensors.numpy.save_file(weights, path)
        return folder

    return changed


@pytest.fixture(scope="module")
def wrong_sweep(
    run_sweep, changed_checkpoint, tiny_checkpoint, tmp_path_factory
):
    """Three trials: weights that raise, weights that overflow, good ones."""
    checkpoints = [
        changed_checkpoint("damaged", np.nan, "pooler"),
        changed_checkpoint("huge", 1e30, "attention.self"),
        tiny_checkpoint,
    ]
    return run_sweep(
        tmp_path_factory.mktemp("wrong") / "sweep",
        f"init_checkpoint:{','.join(map(str, checkpoints))}",
        status=1,
        num_trials=1,
        trials_save_model="best",
    )


@pytest.mark.large
class TestWrongTrials:
    """They are recorded, and the sweep goes on."""

    def records(self, folder):
        return {
            pathlib.Path(r["config"]["init_checkpoint"]).name: r
            for r in read_lines(folder)
        }

    def test_one_that_diverges(self, wrong_sweep):
        record = self.records(wrong_sweep)["huge"]
        assert record["status"] == "diverged"
        assert record["error"].startswith("TrainingDiverged: ")
        assert record["is_failed"] and record["is_degenerate"]
        assert record["last"] is None and record["best"] is None
        assert record["metric"] == "accuracy"

    def test_one_that_raises(self, wrong_sweep):
        record = self.records(wrong_sweep)["damaged"]
        assert record["status"] == "error"
        assert record["error"].startswith(
            "ValueError: A weight of the checkpoint is not finite"
        )
        assert record["is_failed"] and record["is_degenerate"]

    def test_the_others_end_well(self, wrong_sweep):
        record = self.records(wrong_sweep)["tiny"]
        assert record["status"] == "ok"
        assert names_of_models(wrong_sweep) == {record["trial"]}

    def test_given_again_the_one_with_an_error_alone_runs_again(
        self, wrong_sweep, run_sweep, tiny_checkpoint, tmp_path
    ):
        folder = shutil.copytree(wrong_sweep, tmp_path / "copy")
        before, records = stored_trials(folder), self.records(folder)
        paths = {n: r["config"]["init_checkpoint"] for n, r in records.items()}
        # What was wrong is mended.
        shutil.copytree(tiny_checkpoint, paths["damaged"], dirs_exist_ok=True)
        listed = ",".join(paths[n] for n in ("damaged", "huge", "tiny"))
        run_sweep(
            folder,
            f"init_checkpoint:{listed}",
            status=1,
            num_trials=1,
            trials_save_model="best",
        )
        again = self.records(folder)
        assert again["damaged"]["status"] == "ok"
        name = again["damaged"]["trial"]
        assert (folder / "trials" / name / "history.jsonl").exists()
        after = stored_trials(folder)
        assert {n for n in after if after[n] != before[n]} == {name}


@pytest.fixture(scope="module")
def command(flags, reviews, tmp_path_factory):
    """Returns the folder of a name, and the flags of its sweep."""
    parent = tmp_path_factory.mktemp("killed")

    def make(name):
        arguments = flags(
            mode="trials",
            output_dir=parent / name,
            test_file=reviews / "test.csv",
            seed=1,
            num_trials=5,
            record_updates=True,
        )
        arguments.append("--sweep=reinit_layers:0,1")
        return parent / name, arguments

    return make


def wait_for(condition, program):
    deadline = time.monotonic() + 300
    while not condition() and time.monotonic() < deadline:
        assert program.poll() is None, program.error()
        time.sleep(0.005)


@pytest.mark.large
class TestKilled:
    def test_two_kills_leave_what_an_unbroken_sweep_does(
        self, command, warm_program
    ):
        """The long form is `benchmarks/killed_sweep.py`."""
        unbroken, whole = command("whole")
        assert warm_program.start(whole).wait() == 0
        folder, broken = command("killed")
        moments = random.Random(0)
        for _ in range(2):
            before = len(stored_trials(folder))
            program = warm_program.start(broken)
            # The first trial of a process takes most of its time.
            wait_for(lambda n=before: len(stored_trials(folder)) > n, program)
            time.sleep(moments.uniform(0, 0.3))
            program.kill()
            program.wait()
            assert_is_whole(folder)
        assert warm_program.start(broken).wait() == 0
        assert read_lines(folder) == read_lines(unbroken)
        assert names_of_models(folder) == names_of_models(unbroken)
        for path in (unbroken / "model").iterdir():
            # The card says where the sweep lies.
            content = path.read_bytes().replace(b"whole_", b"killed_")
            content = content.replace(b"/whole", b"/killed")
            assert (folder / "model" / path.name).read_bytes() == content, (
                path.name
            )
