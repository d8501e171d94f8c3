"""Tests of tf_bert/config/command_line.py: `parse.parse` reads it again."""

import pathlib
import shlex

from absl.testing import parameterized

from tf_bert.config import Config, parse
from tf_bert.config.command_line import command_line

FLAGS_DIR = pathlib.Path(__file__).parents[2] / "flags"
FLAG_FILES = sorted(FLAGS_DIR.rglob("*.flags"))

# Values of every kind, and texts that a shell may change.
CHANGES = {
    "mode": "export",
    "output_dir": "runs/it's here",
    "tensorboard": False,
    "train_file": "-train.csv",
    "validation_file": "dev=1.csv",
    "test_file": " ",
    "predict_file": "#new.csv",
    "label_column": "étoiles",
    "label_names": ("no, never", 'so-called "yes"', "maybe"),
    "validation_proportion": 0.30000000000000004,
    "learning_rate": 1e-5,
    "bias_correction": False,
    "seed": 5,
    "data_seed": 0,
    "split_seed": 2**63 - 1,
}


def parsed(config):
    """Goes through a shell's own splitting, too."""
    return Config(**parse.parse(shlex.split(shlex.join(command_line(config)))))


class CommandLineTest(parameterized.TestCase):
    @parameterized.parameters(*CHANGES)
    def test_is_read_back_as_the_same_configuration(self, name):
        config = Config(**{"output_dir": "x", name: CHANGES[name]})
        self.assertEqual(parsed(config), config)

    def test_holds_what_differs_from_the_defaults_alone(self):
        self.assertEqual(
            command_line(Config(output_dir="x", num_train_epochs=3.0)),
            ["--output_dir=x"],
        )

    def test_length_in_steps_needs_no_epochs(self):
        config = Config(
            output_dir="x", num_train_epochs=None, num_train_steps=7
        )
        self.assertEqual(
            command_line(config), ["--output_dir=x", "--num_train_steps=7"]
        )
        self.assertEqual(parsed(config), config)

    def test_seeds_that_follow_are_left_out(self):
        config = Config(output_dir="x", seed=3, head_seed=3, data_seed=0)
        self.assertEqual(
            command_line(config),
            ["--output_dir=x", "--seed=3", "--data_seed=0"],
        )
        self.assertEqual(parsed(config), config)

    def test_a_flag_file_is_written_out(self):
        self.assertNotEmpty(FLAG_FILES)
        for path in FLAG_FILES:
            config = Config(
                **parse.parse(["--output_dir=x", f"--flagfile={path}"])
            )
            self.assertEqual(parsed(config), config, path)
