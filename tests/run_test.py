"""Tests of tf_bert/run.py; what is refused is in bad_input_test.py."""

import logging
import os
import signal
import sys

import pytest

from tf_bert import run
from tf_bert.config.setting import MODES


def test_help_wins_over_all_else(capsys):
    assert run.main(["--wrong=1", "-h"]) == 0
    assert "--output_dir" in capsys.readouterr().out


def test_help_for_nobody_is_no_error(monkeypatch, capsys):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        assert run.main(["--help"]) == 141
    assert capsys.readouterr().err == ""


def test_the_traceback_is_shown_where_asked_for(capsys):
    assert run.main(["--wrong=1", "-v=1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Traceback")
    assert "Received: --wrong." in error


def test_modes_are_those_of_the_flag():
    assert tuple(run.MODES) == MODES


@pytest.mark.parametrize(
    "mode, message",
    [
        ("train", "a run keeps everything there"),
        ("predict", "--mode=predict uses the finished run in it"),
        ("report", "--mode=report uses the run in it"),
    ],
)
def test_a_missing_folder_is_told_in_the_mode_s_words(capsys, mode, message):
    assert run.main([f"--mode={mode}"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Received: output_dir=None. Pass " in error


def test_a_finished_run_takes_no_flags_of_a_training(finished_run, capsys):
    command = ["--mode=predict", f"--output_dir={finished_run}"]
    assert run.main([*command, "--learning_rate=0.5"]) == 2
    error = capsys.readouterr().err
    assert "Leave out --learning_rate; if a flag file" in error


class _Terminal(logging.Handler):
    """Where a signal comes at the first line that is logged."""

    def __init__(self, number):
        super().__init__()
        self._number = number

    def emit(self, record):
        signal.raise_signal(self._number)


@pytest.mark.parametrize(
    "number, status, mode, said",
    [
        (signal.SIGINT, 130, "train", "Interrupted. Give the same command ag"),
        (signal.SIGINT, 130, "predict", "Interrupted. Files are written whol"),
        (signal.SIGTERM, 143, "inspect", "Terminated. Files are written whol"),
    ],
)
def test_what_is_said_after_a_signal_fits_the_mode(
    number, status, mode, said, flags, finished_run, tmp_path, capsys
):
    arguments = flags(output_dir=tmp_path / "run", mode=mode)
    if mode == "predict":
        arguments = ["--mode=predict", f"--output_dir={finished_run}"]
    handler = _Terminal(number)
    logging.getLogger("absl").addHandler(handler)
    # Where the tests run in the background SIGINT is ignored.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert run.main(arguments) == status
        assert signal.getsignal(signal.SIGTERM) == before
    finally:
        signal.signal(signal.SIGINT, previous)
        logging.getLogger("absl").removeHandler(handler)
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(said)
    assert line.endswith(run.MODES[mode].after_interrupt)
