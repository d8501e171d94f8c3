"""Tests of tf_bert/finetune.py: a run that was interrupted is continued."""

import contextlib
import json
import pathlib
import re
import shutil
import signal
import time

import pytest
from conftest import read_history, read_json

from tf_bert import run

SAME_FILES = (
    "config.json",
    "eval_results.txt",
    "history.jsonl",
    "model/config.json",
    "model/model.safetensors",
    "predictions.tsv",
    "scored_rows.tsv",
    "updates.npz",
)
# Where the runs lie, and whether they had to be continued.
MAY_DIFFER = ("output_dir", "train_file", "resume", "save_every_seconds")


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def without_checksum(name):
    return re.sub(r"\.[0-9a-f]{8}\.safetensors$", "", name)


def assert_same_result(folder, unbroken):
    for name in SAME_FILES:
        contents = [(f / name).read_bytes() for f in (folder, unbroken)]
        if name == "config.json":
            contents = [json.loads(content) for content in contents]
            for fields in contents:
                for field in MAY_DIFFER:
                    del fields[field]
        assert contents[0] == contents[1], name
    results = [read_json(f / "all_results.json") for f in (folder, unbroken)]
    for result in results:
        del result["runtime"]
    assert results[0] == results[1]
    assert not (folder / "checkpoints").exists()


@pytest.fixture(scope="module")
def train_file(reviews, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "train.csv"
    return shutil.copy(reviews / "train.csv", path)


@pytest.fixture(scope="module")
def command(flags, full_flags, train_file):
    def command_line(folder, **changes):
        return flags(
            output_dir=folder,
            train_file=train_file,
            **{**full_flags, **changes},
        )

    return command_line


@pytest.fixture(scope="module")
def interrupted(command, control_c_at, tmp_path_factory):
    """The folder, and what was printed to standard error."""
    folder = tmp_path_factory.mktemp("runs") / "interrupted"
    printed = folder.parent / "stderr"
    with (
        open(printed, "w", encoding="utf-8") as file,
        contextlib.redirect_stderr(file),
        control_c_at("step 4:"),
    ):
        status = run.main(command(folder))
    assert status == 130
    return folder, printed.read_text(encoding="utf-8")


@pytest.fixture
def folder(interrupted, tmp_path):
    """A copy of the folder, to be continued."""
    return pathlib.Path(shutil.copytree(interrupted[0], tmp_path / "copy"))


class TestInterrupted:
    """Ctrl-C at the second evaluation, before its state is saved."""

    def test_says_how_to_continue_and_leaves_the_state_of_the_first(
        self, interrupted
    ):
        folder, printed = interrupted
        *_, blank, line = printed.splitlines()
        assert blank == ""
        assert line.startswith("Interrupted. Give the same command again")
        assert "Traceback" not in printed
        assert {without_checksum(name) for name in names(folder)} == {
            ".lock",
            ".written",
            "checkpoints",
            "checkpoints/best_step_2",
            "checkpoints/state_1_step_2",
            "config.json",
            "history.jsonl",
            "init_checkpoint.json",
            "splits.json",
            "tensorboard",
            "updates.npz",
        } | {name for name in names(folder) if name.startswith("tensorboard/")}
        [entry] = read_history(folder)
        assert entry["step"] == 2

    @pytest.mark.large
    def test_ends_as_if_unbroken(
        self, folder, command, finished_run, control_c_at, caplog
    ):
        """Interrupted once more, when all steps are done."""
        with control_c_at("Using the weights"):
            assert run.main(command(folder)) == 130
        assert "Continuing after step 2." in caplog.text
        assert not (folder / "all_results.json").exists()
        assert run.main(command(folder, resume="must")) == 0
        assert "Continuing after step 6." in caplog.text
        assert_same_result(folder, finished_run)

    def test_other_data_of_the_same_name_are_refused(
        self, folder, command, train_file, capsys
    ):
        path = pathlib.Path(train_file)
        content = path.read_bytes()
        path.write_bytes(content.replace(b"kettle", b"pillow"))
        try:
            status = run.main(command(folder))
        finally:
            path.write_bytes(content)
        assert status == 2
        error = capsys.readouterr().err
        assert re.search(r"train\.csv: \d rows changed \(.*Restore", error)

    def test_what_was_recorded_is_needed(self, folder, command, capsys):
        (folder / "updates.npz").unlink()
        assert run.main(command(folder)) == 2
        error = capsys.readouterr().err
        assert "has recorded by --record_updates is missing" in error
        assert "--overwrite_output_dir" in error


@pytest.fixture(scope="module")
def long_command(flags, reviews, tmp_path_factory):
    """Returns the folder of a name, and the program's flags to fill it."""
    parent = tmp_path_factory.mktemp("long")

    def command(name):
        arguments = flags(
            output_dir=parent / name,
            num_train_steps=30,
            num_evaluations=10,
            layerwise_lr_decay=0.9,
            pretrained_weight_decay=0.5,
            predict_file=reviews / "predict.csv",
            record_updates=True,
            save_every_seconds=1e-9,
        )
        return parent / name, arguments

    return command


def newest_state(folder):
    """The number of the newest state; 0 where there is none."""
    paths = (folder / "checkpoints").glob("state_*")
    return max((int(path.name.split("_")[1]) for path in paths), default=0)


def wait_for_state(folder, number, program):
    """Waits for a state that is newer, or for the end of the program."""
    deadline = time.monotonic() + 120
    while newest_state(folder) <= number and program.poll() is None:
        if time.monotonic() > deadline:
            program.kill()
            raise TimeoutError(program.error())
        time.sleep(0.005)


@pytest.mark.large
def test_two_signals_and_a_kill_leave_what_an_unbroken_run_does(
    long_command, warm_program
):
    """At any step, for it is the clock that says when.

    The long form, with many kills, is `benchmarks/reliability.py`.
    """
    unbroken, command = long_command("unbroken")
    whole = warm_program.start(command)
    folder, command = long_command("stopped")
    for number, status in (
        (signal.SIGINT, 130),
        (signal.SIGTERM, 143),
        (signal.SIGKILL, -signal.SIGKILL),
    ):
        state = newest_state(folder)
        program = warm_program.start(command)
        wait_for_state(folder, state, program)
        program.send_signal(number)
        assert program.wait() == status, program.error()
        assert "Traceback" not in program.error()
        assert not (folder / "all_results.json").exists()
        if number != signal.SIGKILL:
            assert re.match(
                r"Stopped after step \d+; the state is saved\. Give the same "
                "command again",
                program.error().splitlines()[-1],
            )
    again = warm_program.start(command)
    assert again.wait() == 0, again.error()
    assert "Continuing after step" in again.error()
    assert whole.wait() == 0, whole.error()
    assert_same_result(folder, unbroken)
