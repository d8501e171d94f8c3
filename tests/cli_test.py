"""Tests of tf_bert/cli.py."""

import dataclasses
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

from absl.testing import parameterized

from tf_bert import cli
from tf_bert.config import Config

ALL_FLAGS = {flag.name: flag for group in cli.GROUPS.values() for flag in group}


def parse(*arguments):
    return cli.parse(["--output_dir=x", *arguments])


def config_of(*arguments):
    return Config(**parse(*arguments))


class FlagsTest(parameterized.TestCase):
    def test_every_flag_is_a_field_and_every_field_a_flag(self):
        fields = [field.name for field in dataclasses.fields(Config)]
        self.assertCountEqual(ALL_FLAGS, fields)

    def test_no_flag_is_listed_twice(self):
        names = [flag.name for group in cli.GROUPS.values() for flag in group]
        self.assertLen(set(names), len(names))

    def test_what_is_not_given_has_the_default_of_the_field(self):
        self.assertEqual(config_of(), Config(output_dir="x"))
        self.assertEqual(parse(), {"output_dir": "x"})

    @parameterized.parameters(
        ("--train_batch_size=8", "train_batch_size", 8),
        ("--learning_rate=2e-5", "learning_rate", 2e-5),
        ("--text_column=3", "text_column", "3"),
        ("--lr_schedule=constant", "lr_schedule", "constant"),
        ("--nobias_correction", "bias_correction", False),
        ("--bias_correction", "bias_correction", True),
        ("--bias_correction=false", "bias_correction", False),
        ("--label_names=no,yes", "label_names", ("no", "yes")),
        ("--nodo_lower_case", "do_lower_case", False),
    )
    def test_values_have_the_kind_of_the_field(self, argument, name, expected):
        value = getattr(config_of(argument), name)
        self.assertEqual(value, expected)
        self.assertIs(type(value), type(expected))

    def test_the_later_of_two_values_wins(self):
        self.assertEqual(config_of("--seed=1", "--seed=2").seed, 2)

    def test_parsing_leaves_nothing_behind(self):
        parse("--seed=5")
        self.assertEqual(config_of().seed, 0)


class LengthTest(parameterized.TestCase):
    @parameterized.parameters(
        ("--num_train_epochs=2 --num_train_steps=50", None, 50),
        ("--num_train_steps=50 --num_train_epochs=2", 2.0, None),
        ("--num_train_steps 50 --num_train_epochs 2", 2.0, None),
        ("--num_train_steps=50", None, 50),
        ("--num_train_epochs=2", 2.0, None),
        ("", 3.0, None),
    )
    def test_the_later_one_counts(self, line, epochs, steps):
        config = config_of(*line.split())
        self.assertEqual(config.num_train_epochs, epochs)
        self.assertEqual(config.num_train_steps, steps)

    def test_a_flag_file_may_be_overridden(self):
        with tempfile.NamedTemporaryFile("w", suffix=".flags") as file:
            file.write("--num_train_epochs=6\n")
            file.flush()
            config = config_of(f"--flagfile={file.name}", "--num_train_steps=5")
        self.assertIsNone(config.num_train_epochs)
        self.assertEqual(config.num_train_steps, 5)


class ErrorsTest(parameterized.TestCase):
    @parameterized.parameters(
        (["--lerning_rate=1"], "'lerning_rate'. Did you mean: learning_rate"),
        (["--bias_correction", "false"], "Received: 'false'. A switch is tur"),
        (["reviews.csv"], "must be a flag, --name=value. Received: 'reviews"),
        (["--train_batch_size=many"], "--train_batch_size=many: .*'many'"),
        (["--train_batch_size=1.5"], "--train_batch_size=1.5"),
        (["--learning_rate=fast"], "--learning_rate=fast"),
        (["--bias_correction=maybe"], "--bias_correction=maybe"),
        (["--mode=tune"], "--mode=tune: .*<train|evaluate|predict>"),
        (["--text_column"], "Missing value for flag --text_column"),
    )
    def test_says_what_is_wrong(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            parse(*arguments)

    @parameterized.parameters([[]], [["--output_dir="]])
    def test_a_run_needs_a_folder(self, arguments):
        with self.assertRaisesRegex(ValueError, "Pass --output_dir=runs/"):
            cli.parse(arguments)

    def test_an_inspection_needs_no_folder(self):
        self.assertEqual(cli.parse(["--mode=inspect"]), {"mode": "inspect"})


class HelpTest(parameterized.TestCase):
    def test_an_example_comes_first_and_parses(self):
        text = cli.help_text()
        _, _, rest = text.partition("python -m tf_bert.run ")
        command, _, _ = rest.partition("\n\n")
        given = cli.parse(command.replace("\\\n", " ").split())
        Config(**given)
        self.assertLess(text.index("tf_bert.run"), text.index("What to do:"))

    def test_every_flag_has_its_line_and_its_default(self):
        lines = cli.help_text().splitlines()
        for name in ALL_FLAGS:
            pattern = rf"^  --(\[no\])?{name}\b"
            self.assertLen([x for x in lines if re.match(pattern, x)], 1, name)
        self.assertIn("  --learning_rate=X  (default: 5e-05)", lines)
        self.assertIn("  --[no]bias_correction  (default: on)", lines)

    def test_lines_fit_a_terminal(self):
        for line in cli.help_text().splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_answers_within_two_seconds_without_tensorflow(self):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "tf_bert.run", "--help"],
            capture_output=True,
            text=True,
            cwd=pathlib.Path(__file__).parents[1],
            env={**os.environ, "PYTHONPATH": ""},
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertStartsWith(done.stdout, "Fine-tunes BERT")
        self.assertIn("tf_bert.cli", done.stderr)
        self.assertNotIn("tensorflow", done.stderr)
        # Processor time: other programs on a busy machine do not count.
        seconds = after.ru_utime + after.ru_stime
        seconds -= before.ru_utime + before.ru_stime
        self.assertLess(seconds, 2)
