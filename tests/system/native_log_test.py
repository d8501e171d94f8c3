"""Tests of tf_bert/system/native_log.py."""

import os

import pytest
from absl import logging

from tf_bert.system import native_log

GREETING = (
    "WARNING: All log messages before absl::InitializeLog() is called\n"
    "I0000 00:00:1795950327.9   16436 cudart_stub.cc:31] No drivers.\n"
    "2026-11-29 11:00:00.123: I tensorflow/core/util/port.cc:113] One\n"
    "To enable the following instructions: AVX2, rebuild TensorFlow.\n"
    "[transformers] PyTorch was not found.\n"
)


def write_natively(text):
    """Writes to standard error past Python."""
    os.write(2, text.encode())


def test_nothing_is_shown_and_afterwards_all_again(capfd):
    with native_log.quieted():
        write_natively("no such device")
    write_natively("after")
    assert capfd.readouterr().err == "after"


def test_it_is_logged_where_that_is_asked_for(caplog):
    # It is put back before the next test.
    logging.set_verbosity(logging.DEBUG)
    with native_log.quieted():
        write_natively("no such device\n")
    assert caplog.messages == ["no such device"]


@pytest.mark.parametrize(
    "error, shown",
    [(ImportError, "no such device\n"), (KeyboardInterrupt, "")],
)
def test_it_is_printed_with_any_error_but_control_c(error, shown, capfd):
    with pytest.raises(error), native_log.quieted():
        write_natively("no such device\n")
        raise error
    assert capfd.readouterr().err == shown


def test_of_a_user_s_program_other_lines_are_shown(capfd):
    with native_log.quieted(native_log._GREETING):
        write_natively(f"{GREETING}Another thread's words.\n")
    assert capfd.readouterr().err == "Another thread's words.\n"
