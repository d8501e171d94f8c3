"""Tests of tf_bert/run.py; what is refused is in bad_input_test.py."""

import logging
import os
import signal
import sys

import pytest

from tf_bert import run
from tf_bert.config.setting import MODES


class TestOtherEnds:
    def test_help_wins_over_all_else(self, capsys):
        assert run.main(["--wrong=1", "-h"]) == 0
        assert "--output_dir" in capsys.readouterr().out

    def test_help_for_nobody_is_no_error(self, monkeypatch, capsys):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w", encoding="utf-8") as nobody:
            monkeypatch.setattr(sys, "stdout", nobody)
            assert run.main(["--help"]) == 141
        assert capsys.readouterr().err == ""

    def test_the_traceback_is_shown_where_asked_for(self, capsys):
        assert run.main(["--wrong=1", "-v=1"]) == 2
        error = capsys.readouterr().err
        assert error.startswith("Traceback")
        assert "Received: --wrong." in error


class TestModes:
    def test_are_those_of_the_flag(self):
        assert tuple(run.MODES) == MODES

    @pytest.mark.parametrize(
        "mode, message",
        [
            ("train", "a run keeps everything there"),
            ("predict", "--mode=predict uses the finished run in it"),
            ("export", "--mode=export uses the finished run in it"),
            ("report", "--mode=report uses the run in it"),
        ],
    )
    def test_a_missing_folder_is_told_in_the_mode_s_words(
        self, capsys, mode, message
    ):
        assert run.main([f"--mode={mode}"]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert "Received: output_dir=None. Pass " in error

    def test_a_finished_run_takes_no_flags_of_a_training(
        self, finished_run, capsys
    ):
        command = ["--mode=predict", f"--output_dir={finished_run}"]
        assert run.main([*command, "--learning_rate=0.5"]) == 2
        assert (
            "Leave out --learning_rate; if a flag file"
            in capsys.readouterr().err
        )


class _Terminal(logging.Handler):
    """Where a signal comes at the first line that is logged."""

    def __init__(self, number):
        super().__init__()
        self._number = number

    def emit(self, record):
        signal.raise_signal(self._number)


class TestInterrupted:
    """What is said fits the mode."""

    @pytest.fixture
    def interrupt(self, capsys):
        def interrupted(number, status, *arguments):
            handler = _Terminal(number)
            logging.getLogger("absl").addHandler(handler)
            # Where the tests run in the background SIGINT is ignored.
            previous = signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                assert run.main(arguments) == status
            finally:
                signal.signal(signal.SIGINT, previous)
                logging.getLogger("absl").removeHandler(handler)
            return capsys.readouterr().err.splitlines()[-1]

        return interrupted

    def test_a_training_can_be_continued(self, interrupt, flags, tmp_path):
        line = interrupt(
            signal.SIGINT, 130, *flags(output_dir=tmp_path / "run")
        )
        assert line.startswith("Interrupted. Give the same command again")
        assert "to continue from the last saved state, if there was" in line

    def test_a_finished_run_is_used_anew(self, interrupt, finished_run):
        line = interrupt(
            signal.SIGINT, 130, "--mode=predict", f"--output_dir={finished_run}"
        )
        assert line == f"Interrupted. {run.MODES['predict'].after_interrupt}"
        assert "last saved state" not in line

    def test_sigterm_has_a_status_of_its_own(self, interrupt, flags):
        handler = signal.getsignal(signal.SIGTERM)
        line = interrupt(signal.SIGTERM, 143, "--mode=inspect", *flags())
        assert line == f"Terminated. {run.MODES['inspect'].after_interrupt}"
        assert signal.getsignal(signal.SIGTERM) == handler
