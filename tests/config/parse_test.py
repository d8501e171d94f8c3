"""Tests of tf_bert/config/parse.py."""

import pathlib
import tempfile

from absl.testing import parameterized

from tf_bert.config import Config, parse
from tf_bert.config.all_settings import ALTERNATIVES


def parse_flags(*arguments):
    return parse.parse(["--output_dir=x", *arguments])


def config_of(*arguments):
    return Config(**parse_flags(*arguments))


class FlagsTest(parameterized.TestCase):
    def test_what_is_not_given_has_the_default_of_the_field(self):
        self.assertEqual(config_of(), Config(output_dir="x"))
        self.assertEqual(parse_flags(), {"output_dir": "x"})

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

    def test_parsing_leaves_nothing_behind(self):
        parse_flags("--seed=5")
        self.assertEqual(config_of().seed, 0)


class AlternativesTest(parameterized.TestCase):
    @parameterized.parameters(
        ("--num_train_epochs=2 --num_train_steps=50", None, 50),
        ("--num_train_steps=50 --num_train_epochs=2", 2.0, None),
        ("--num_train_steps 50 --num_train_epochs 2", 2.0, None),
        ("--num_train_steps=50", None, 50),
        ("--num_train_epochs=2", 2.0, None),
        ("--num_train_steps=50 --num_train_epochs=0", None, 50),
        ("", 3.0, None),
    )
    def test_the_later_length_counts(self, line, epochs, steps):
        config = config_of(*line.split())
        self.assertEqual(config.num_train_epochs, epochs)
        self.assertEqual(config.num_train_steps, steps)

    @parameterized.parameters(
        *(names for names in ALTERNATIVES),
        *(tuple(reversed(names)) for names in ALTERNATIVES),
    )
    def test_the_last_one_counts_and_that_is_logged(self, *names):
        with self.assertLogs("absl", "INFO") as logs:
            config = config_of(*(f"--{name}=1" for name in names))
        values = [getattr(config, name) for name in names]
        self.assertEqual(values, [None] * (len(names) - 1) + [1])
        self.assertRegex(logs.output[0], f"--{names[-1]}=1 are alternatives")


class OutputDirTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.inner, self.outer, self.placed = (
            folder / f"{name}.flags" for name in ("inner", "outer", "placed")
        )
        self.inner.write_text("--seed=1\n")
        self.outer.write_text(f"--flagfile={self.inner}\n")
        self.placed.write_text("--output_dir=there\n")

    @parameterized.parameters("train", "inspect", "evaluate", "predict")
    def test_is_that_of_the_flag_files_in_every_mode(self, mode):
        with self.assertLogs("absl", "INFO") as logs:
            given = parse.parse(
                [
                    f"--flagfile={self.inner}",
                    f"--flagfile={self.outer}",
                    f"--mode={mode}",
                ]
            )
        self.assertEqual(given["output_dir"], "runs/inner_outer")
        self.assertLen(logs.output, 1)
        self.assertEndsWith(logs.output[0], "--output_dir=runs/inner_outer.")

    def test_files_that_a_file_names_do_not_count(self):
        given = parse.parse([f"--flagfile={self.outer}"])
        self.assertEqual(given["output_dir"], "runs/outer")

    def test_one_that_is_given_counts(self):
        files = [f"--flagfile={self.inner}", f"--flagfile={self.placed}"]
        with self.assertNoLogs("absl", "INFO"):
            self.assertEqual(parse.parse(files)["output_dir"], "there")
            given = parse.parse([*files, "--output_dir=here"])
        self.assertEqual(given["output_dir"], "here")
