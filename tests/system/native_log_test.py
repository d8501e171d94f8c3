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

    def test_silence_stays_silence(self):
        with self.assertRaises(KeyboardInterrupt):
            with native_log.quieted():
                raise KeyboardInterrupt
        self.assertEqual(self.capfd.readouterr().err, "")
