"""Tests of tf_bert/config/parse.py."""

import pytest

from tf_bert.config import Config, parse
from tf_bert.config.all_settings import ALTERNATIVES


def config_of(*arguments):
    return Config(**parse.parse(["--output_dir=x", *arguments]))


def test_what_is_not_given_has_the_default_of_the_field():
    config_of("--seed=5")  # Which leaves nothing behind.
    assert config_of() == Config(output_dir="x")
    assert parse.parse(["--output_dir=x"]) == {"output_dir": "x"}


@pytest.mark.parametrize(
    "argument, name, expected",
    [
        ("--train_batch_size=8", "train_batch_size", 8),
        ("--learning_rate=2e-5", "learning_rate", 2e-5),
        ("--text_column=3", "text_column", "3"),
        ("--nobias_correction", "bias_correction", False),
        ("--bias_correction=false", "bias_correction", False),
        ("--label_names=no,yes", "label_names", ("no", "yes")),
        ("--nodo_lower_case", "do_lower_case", False),
    ],
)
def test_values_have_the_kind_of_the_field(argument, name, expected):
    value = getattr(config_of(argument), name)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    "line, epochs, steps",
    [
        ("--num_train_epochs=2 --num_train_steps=50", None, 50),
        ("--num_train_steps 50 --num_train_epochs 2", 2.0, None),
        ("--num_train_steps=50", None, 50),
        ("--num_train_epochs=2", 2.0, None),
        ("--num_train_steps=50 --num_train_epochs=0", None, 50),
        ("", 3.0, None),
    ],
)
def test_the_later_length_counts(line, epochs, steps):
    config = config_of(*line.split())
    assert (config.num_train_epochs, config.num_train_steps) == (epochs, steps)


@pytest.mark.parametrize(
    "names", [*ALTERNATIVES, *(names[::-1] for names in ALTERNATIVES)]
)
def test_of_alternatives_the_last_counts_and_that_is_logged(names, caplog):
    config = config_of(*(f"--{name}=1" for name in names))
    values = [getattr(config, name) for name in names]
    assert values == [None] * (len(names) - 1) + [1]
    assert f"--{names[-1]}=1 are alternatives" in caplog.text


class TestOutputDir:
    @pytest.fixture(autouse=True)
    def flag_files(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for name, flag in (
            ("inner", "--seed=1"),
            ("outer", "--flagfile=inner.flags"),
            ("placed", "--output_dir=there"),
        ):
            (tmp_path / f"{name}.flags").write_text(flag, encoding="utf-8")

    @pytest.mark.parametrize(
        "line, expected",
        [
            # Files that a file names do not count.
            ("--flagfile=outer.flags", "runs/outer"),
            *(
                (
                    "--flagfile=inner.flags --flagfile=outer.flags "
                    f"--mode={mode}",
                    "runs/inner_outer",
                )
                for mode in ("train", "inspect", "evaluate", "predict")
            ),
        ],
    )
    def test_is_that_of_the_flag_files(self, line, expected, caplog):
        assert parse.parse(line.split())["output_dir"] == expected
        (record,) = caplog.records
        assert record.getMessage().endswith(f" --output_dir={expected}.")

    def test_one_that_is_given_counts(self, caplog):
        files = ["--flagfile=inner.flags", "--flagfile=placed.flags"]
        assert parse.parse(files)["output_dir"] == "there"
        given = parse.parse([*files, "--output_dir=here"])
        assert given["output_dir"] == "here"
        assert not caplog.records
