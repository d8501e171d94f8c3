"""Tests of tf_bert/config/command_line.py: `parse.parse` reads it again."""

import pathlib
import shlex

import pytest

from tf_bert.config import Config, parse
from tf_bert.config.command_line import command_line

FLAGS_DIR = pathlib.Path(__file__).parents[2] / "flags"

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
    "seed": 5,
    "data_seed": 0,
    "split_seed": 2**63 - 1,
}
CONFIGS = [
    *(Config(**{"output_dir": "x", name: CHANGES[name]}) for name in CHANGES),
    *(
        Config(**parse.parse(["--output_dir=x", f"--flagfile={path}"]))
        for path in sorted(FLAGS_DIR.rglob("*.flags"))
    ),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda x: str(command_line(x)))
def test_is_read_back_as_the_same_configuration(config):
    """After a shell's own splitting, too."""
    arguments = shlex.split(shlex.join(command_line(config)))
    assert Config(**parse.parse(arguments)) == config


@pytest.mark.parametrize(
    "fields, flags",
    [
        ({"num_train_epochs": 3.0}, []),
        # A length in steps needs no epochs.
        (
            {"num_train_epochs": None, "num_train_steps": 7},
            ["--num_train_steps=7"],
        ),
        # Of the seeds that follow `seed` only one that is another.
        (
            {"seed": 3, "head_seed": 3, "data_seed": 0},
            ["--seed=3", "--data_seed=0"],
        ),
        ({"bias_correction": False}, ["--nobias_correction"]),
    ],
)
def test_holds_what_differs_from_the_defaults_alone(fields, flags):
    config = Config(output_dir="x", **fields)
    assert command_line(config) == ["--output_dir=x", *flags]
    assert Config(**parse.parse(command_line(config))) == config
