"""Tests of tf_bert/system/native_log.py."""

import os

import pytest
from absl import logging
from absl.testing import parameterized

from tf_bert.system import native_log


def write_natively(text):
    """Writes to standard error past Python."""
    os.write(2, text.encode())


class QuietedTest(parameterized.TestCase):
    @pytest.fixture(autouse=True)
    def _capture(self, capfd):
        self.capfd = capfd

    def setUp(self):
        super().setUp()
        self.addCleanup(logging.set_verbosity, logging.get_verbosity())
        logging.set_verbosity(logging.INFO)

    def test_nothing_is_shown(self):
        with native_log.quieted():
            write_natively("no such device")
        self.assertEqual(self.capfd.readouterr().err, "")

    def test_afterwards_all_is_shown_again(self):
        with native_log.quieted():
            pass
        write_natively("after")
        self.assertEqual(self.capfd.readouterr().err, "after")

    def test_it_is_logged_where_that_is_asked_for(self):
        logging.set_verbosity(logging.DEBUG)
        with self.assertLogs("absl", "DEBUG") as logs:
            with native_log.quieted():
                write_natively("no such device\n")
        self.assertEqual(logs.records[0].getMessage(), "no such device")

    def test_it_is_printed_if_anything_is_raised(self):
        with self.assertRaisesRegex(ImportError, "broken"):
            with native_log.quieted():
                write_natively("symbol not found")
                raise ImportError("broken")
        self.assertEqual(self.capfd.readouterr().err, "symbol not found\n")

    def test_control_c_does_not_print_it(self):
        with self.assertRaises(KeyboardInterrupt):
            with native_log.quieted():
                write_natively("no such device\n")
                raise KeyboardInterrupt
        self.assertEqual(self.capfd.readouterr().err, "")

    def test_of_a_user_s_program_other_lines_are_shown(self):
        greeting = (
            "WARNING: All log messages before absl::InitializeLog() is called\n"
            "I0000 00:00:1795950327.9   16436 cudart_stub.cc:31] No drivers.\n"
            "2026-11-29 11:00:00.123: I tensorflow/core/util/port.cc:113] One\n"
            "To enable the following instructions: AVX2, rebuild TensorFlow.\n"
            "[transformers] PyTorch was not found.\n"
        )
        with native_log.quieted(native_log._GREETING):
            write_natively(f"{greeting}Another thread's words.\n")
        self.assertEqual(
            self.capfd.readouterr().err, "Another thread's words.\n"
        )
