"""Tests of tf_bert/config/help_page.py."""

import os
import pathlib
import re
import resource
import subprocess
import sys

from absl.testing import parameterized

from tf_bert.config import Config, all_settings, help_page, parse

ROOT = pathlib.Path(__file__).parents[2]
ALL_FLAGS = [flag.name for flag in all_settings.FLAGS]


class HelpTest(parameterized.TestCase):
    def test_an_example_comes_first_and_parses(self):
        text = help_page.help_text()
        _, _, rest = text.partition("python -m tf_bert.run ")
        command, _, _ = rest.partition("\n\n")
        given = parse.parse(command.replace("\\\n", " ").split())
        Config(**given)
        self.assertLess(text.index("tf_bert.run"), text.index("What to do:"))

    def test_every_flag_has_its_line_and_its_default(self):
        lines = help_page.help_text().splitlines()
        for name in ALL_FLAGS:
            pattern = rf"^  --(\[no\])?{name}\b"
            self.assertLen([x for x in lines if re.match(pattern, x)], 1, name)
        self.assertIn("  --learning_rate=X  (default: 5e-05)", lines)
        self.assertIn("  --[no]bias_correction  (default: on)", lines)

    def test_other_names_have_one_line(self):
        text = help_page.help_text()
        self.assertEqual(text.count("docs/flags.md"), 1)
        self.assertNotIn("model_name_or_path", text)

    def test_lines_fit_a_terminal(self):
        for line in help_page.help_text().splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_answers_within_two_seconds_without_tensorflow(self):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "tf_bert.run", "--help"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": ""},
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertStartsWith(done.stdout, "Fine-tunes BERT")
        self.assertIn("tf_bert.config.parse", done.stderr)
        self.assertNotRegex(done.stderr, r"\| +tensorflow\b")
        # Processor time: other programs on a busy machine do not count.
        seconds = after.ru_utime + after.ru_stime
        seconds -= before.ru_utime + before.ru_stime
        self.assertLess(seconds, 2)


class DocumentTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.text = (ROOT / "docs" / "flags.md").read_text(encoding="utf-8")

    def test_is_current(self):
        """If not: python -m tf_bert.config.help_page > docs/flags.md"""
        self.assertEqual(self.text, help_page.markdown() + "\n")

    def test_rows_have_as_many_cells_as_their_head(self):
        rows = [x for x in self.text.splitlines() if x.startswith("|")]
        for row in rows:
            self.assertLen(re.findall(r"(?<!\\)\|", row), 4, row)

    def test_says_what_a_name_is_here(self):
        for row in (
            "| `--model_name_or_path` | `--init_checkpoint` |  |",
            "| `--metric_for_best_model` | `--metric` |",
            "| `--logging_steps` | refused, unless `0` |",
            "| `--save_best` | true: `--checkpoint_to_use=best` |",
        ):
            self.assertIn(row, self.text)
