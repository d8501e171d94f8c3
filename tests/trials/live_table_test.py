"""Tests of tf_bert/trials/live_table.py."""

import io
import logging
import os
import pty
import re
import subprocess
import sys
import textwrap
from unittest import mock

import rich.console
from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.trials import planned_trials
from tf_bert.trials.live_table import LiveTable

LONG = "bias_correction=false, reinit_layers={}, layerwise_lr_decay=0.95"


def make_trials(labels, num_trials=2):
    return planned_trials.planned_trials(
        Config(
            mode="trials",
            output_dir="x",
            train_file="reviews.csv",
            num_trials=num_trials,
            sweep={x: {"reinit_layers": i} for i, x in enumerate(labels)},
        )
    )


def record_of(trial, score=0.75, **fields):
    scores = {"validation": {"accuracy": score}}
    return {
        "trial": trial.name,
        "seeds": trial.seeds,
        "status": "ok",
        "error": None,
        "metric": "accuracy",
        "task": {"is_regression": False, "label_names": ["bad", "good"]},
        "chosen": "last",
        "last": scores,
        "majority": {"validation": 0.5},
        "is_failed": False,
        "is_degenerate": False,
        "is_constant": False,
        **fields,
    }


def shown(trials, records=(), do=lambda table: None, height=24):
    """The lines on a terminal of 80 columns after what is done."""
    size = {"COLUMNS": "80", "LINES": str(height)}
    with mock.patch.dict(os.environ, size):
        table = LiveTable(trials, records)
        do(table)
        console = rich.console.Console(file=io.StringIO())
        console.print(table._table.get_renderable())
    lines = console.file.getvalue().splitlines()
    return [line.replace("━", "").rstrip() for line in lines]


class RenderTest(parameterized.TestCase):
    def test_a_recipe_has_a_row_with_its_scores(self):
        trials = make_trials(["a", "b"])
        title, header, first, second = shown(
            trials,
            [record_of(trials[0], 0.5)],
            lambda table: table.start(trials[1]),
        )
        self.assertEqual(title, "1 of 4 trials")
        self.assertEqual(
            header.split(),
            ["recipe", "trials", *"mean [95 % interval] best failed".split()],
        )
        self.assertEqual(first.split(), ["a", "1/2", "0.5000", "0.5000"])
        self.assertEqual(second.split(), ["b", "0/2"])

    def test_a_finished_trial_counts_at_once(self):
        trials = make_trials(["a"])

        def run(table):
            for trial, score in zip(trials, (0.5, 0.7), strict=True):
                table.start(trial)
                table.finish(record_of(trial, score))

        title, _, row = shown(trials, do=run)
        self.assertIn("2/2", row)
        self.assertRegex(row, r"0\.6000 \[-0\.6706, 1\.8706\] +0\.7000")
        self.assertEqual(title, "2 of 2 trials, 0:00:00 left")

    def test_how_far_a_trial_is_stands_in_the_title(self):
        trials = make_trials(["a"])

        def run(table):
            table.start(trials[0])
            table.make_bar(9, 3).update(2, 16, 0.25)

        title, *_ = shown(trials, do=run)
        self.assertEqual(title, "0 of 2 trials, step 5 of 9, loss 0.250")

    @parameterized.parameters(
        ("error", {"validation": 0.5}, ["a", "1/2", "1"]),
        ("diverged", {"test": 0.25}, ["a", "1/2", "0.2500", "0.2500", "1"]),
    )
    def test_trials_that_went_wrong_are_counted(self, status, majority, cells):
        """One that diverged counts on the only split there is."""
        trials = make_trials(["a"])
        wrong = record_of(
            trials[0],
            status=status,
            last=None,
            majority=majority,
            is_failed=True,
        )
        *_, row = shown(trials, [wrong])
        self.assertEqual(row.split(), cells)

    def test_long_labels_are_wrapped_and_numbers_are_not(self):
        trials = make_trials([LONG.format(i) for i in range(2)])
        records = [record_of(t, 0.5 + 0.1 * i) for i, t in enumerate(trials)]
        lines = shown(trials, records)
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertRegex("\n".join(lines), r"0\.5500 \[-?0\.\d{4}, \d\.\d{4}\]")
        words = "".join(line.split(" ")[0] for line in lines)
        self.assertIn("reinit_layers=1", words)

    @parameterized.parameters(
        (0, "recipe 0", "recipe 6"),
        (50, "recipe 50", "recipe 56"),
        (99, "recipe 93", "recipe 99"),
    )
    def test_where_there_is_no_room_rows_from_the_running_one_are_shown(
        self, running, first, last
    ):
        trials = make_trials([f"recipe {i}" for i in range(100)], 1)
        title, _, *rows = shown(
            trials, do=lambda table: table.start(trials[running]), height=10
        )
        self.assertEqual(title, "0 of 100 trials")
        self.assertIn(first, rows[0])
        self.assertIn(last, rows[-1])


class LogTest(parameterized.TestCase):
    def test_without_a_terminal_each_trial_is_a_line(self):
        trials = make_trials(["a"])
        with LiveTable(trials, []) as table:
            with self.assertLogs("absl", logging.INFO) as logs:
                table.start(trials[0])
                table.finish(record_of(trials[0]))
                table.finish(
                    record_of(trials[1], status="diverged", error="Loss.")
                )
        first, second = (r.getMessage() for r in logs.records)
        self.assertRegex(
            first, r"^1 of 2: a, seeds 0/0/0: accuracy 0\.7500; .* left$"
        )
        self.assertIn("2 of 2: a, seeds 1/1/1: diverged: Loss.", second)


class TerminalTest(parameterized.TestCase):
    def test_a_warning_stands_above_the_table_on_a_line_of_its_own(self):
        program = textwrap.dedent(
            """
            import logging
            from absl import logging as absl_logging
            logging.basicConfig(format="%(message)s")
            from live_table_test import make_trials, record_of
            from tf_bert.trials.live_table import LiveTable
            trials = make_trials(["a"])
            with LiveTable(trials, []) as table:
                table.start(trials[0])
                absl_logging.warning("Something to know.")
                table.finish(record_of(trials[0]))
            absl_logging.warning("The end.")
            """
        )
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            cwd=os.path.dirname(__file__),  # With this module.
            env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        )
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        self.assertEqual(process.wait(), 0, shown)
        os.close(ours)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
        lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
        self.assertIn("Something to know.", lines)
        self.assertIn("The end.", lines)
        self.assertIn("1 of 2 trials", " ".join(lines))


def _read(descriptor):
    """Reads from a terminal; nothing once the program has ended."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
