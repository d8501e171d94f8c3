"""Tests of tf_bert/training/progress_bar.py."""

import contextlib
import io

from absl.testing import parameterized

from tf_bert.training.progress_bar import ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


class ProgressBarTest(parameterized.TestCase):
    def test_file_gets_no_bar_and_lines_are_logged(self):
        with contextlib.redirect_stderr(io.StringIO()) as shown:
            bar = ProgressBar(10)
            bar.update(5, 40, 0.5)
            with self.assertLogs("absl", "INFO") as logs:
                bar.write("validation: accuracy 50 % done")
            bar.close()
        self.assertNotIn("steps", shown.getvalue())
        self.assertLen(logs.output, 1)
        self.assertIn("validation: accuracy 50 % done", logs.output[0])

    def test_terminal_shows_step_loss_speed_and_time_left(self):
        with contextlib.redirect_stderr(Terminal()) as shown:
            bar = ProgressBar(10)
            bar.update(5, 40, 0.5)
            bar.close()
        self.assertRegex(
            shown.getvalue(),
            r"5/10 steps, \d\d:\d\d left, loss 0\.500, \d+ examples/s",
        )

    def test_terminal_shows_lines_above_the_bar(self):
        with contextlib.redirect_stderr(Terminal()) as shown:
            bar = ProgressBar(10)
            with self.assertNoLogs("absl", "INFO"):
                bar.write("validation: accuracy 50 % done")
            bar.close()
        self.assertIn("validation: accuracy 50 % done\n", shown.getvalue())

    def test_continued_run_begins_at_its_step(self):
        with contextlib.redirect_stderr(Terminal()) as shown:
            bar = ProgressBar(10, first_step=4)
            bar.update(2, 16, 0.25)
            bar.close()
        self.assertIn(" 4/10 steps", shown.getvalue())
        self.assertIn(" 6/10 steps", shown.getvalue())
