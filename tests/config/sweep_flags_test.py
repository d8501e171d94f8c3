"""Tests of tf_bert/config/sweep_flags.py."""

import pathlib

import pytest

from tf_bert.config import parse, sweep_flags
from tf_bert.config.sweep_flags import Combination

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sweep=a:1", "--seed=3"],
        ["-sweep=a:1", "--seed=3"],
        ["--sweep", "a:1", "--seed=3"],
        ["--seed=3", "--sweep", "a:1"],
    ],
)
def test_sweeps_are_taken_out(arguments):
    assert sweep_flags.split(arguments) == (["a:1"], ["--seed=3"])


def test_a_flag_whose_name_begins_alike_stays():
    assert sweep_flags.split(["--sweeper=a:1"]) == ([], ["--sweeper=a:1"])


@pytest.mark.parametrize(
    "sweep, expected",
    [
        (
            "train_file:gs://b/x.csv",
            Combination(
                "train_file=gs://b/x.csv", behind=("--train_file=gs://b/x.csv",)
            ),
        ),
        (
            'label_names:["a,b"]',
            Combination("label_names=a,b", behind=("--label_names=a,b",)),
        ),
        (
            "bias_correction:[true]",
            Combination(
                "bias_correction=true", behind=("--bias_correction=true",)
            ),
        ),
        *(
            (text, Combination("without freeze", without=("freeze",)))
            for text in ("freeze:,encoder", 'freeze:[null, "encoder"]')
        ),
        (
            "recipe:some/path/mine.flags",
            Combination("mine", before=("--flagfile=some/path/mine.flags",)),
        ),
    ],
)
def test_the_first_recipe_of_a_sweep(sweep, expected):
    assert sweep_flags.combinations([sweep])[0] == expected


def test_the_last_sweep_changes_fastest():
    found = sweep_flags.combinations(["mixout:0,0.5", "freeze:,encoder"])
    assert [x.label for x in found] == [
        "mixout=0, without freeze",
        "mixout=0, freeze=encoder",
        "mixout=0.5, without freeze",
        "mixout=0.5, freeze=encoder",
    ]
    assert found[2].behind == ("--mixout=0.5",)
    assert found[3].behind == ("--mixout=0.5", "--freeze=encoder")


@pytest.mark.parametrize(
    "sweeps, message",
    [
        (["mixout:"], "must be a flag, a colon and its values"),
        ([":1"], "must be a flag, a colon and its values"),
        (["output_dir:a,b"], "only be over a flag that trainings differ in"),
        (["mixout:0,0"], "has the same value twice"),
        (['mixout:["0"'], "must be a JSON list"),
        (["mixout:[]"], "must be a JSON list of one or more"),
        (["a:0", "ab:3", "a:1"], "Received: a:0 and a:1. Give"),
    ],
)
def test_what_is_no_sweep_is_refused(sweeps, message):
    with pytest.raises(ValueError, match=message):
        sweep_flags.combinations(sweeps)


def test_a_recipe_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(FileNotFoundError, match="zhang.*--sweep"):
        sweep_flags.combinations(["recipe:no_such"])


def parse_trials(*arguments):
    command = "--mode=trials --num_trials=2 --output_dir=x --train_file=x.csv"
    return parse.parse([*command.split(), *arguments])


class TestCommandLine:
    def test_a_recipe_has_the_fields_in_which_it_differs(self):
        given = parse_trials("--mixout=0.1", "--sweep=mixout:0.1,0.2")
        expected = {"mixout=0.1": {}, "mixout=0.2": {"mixout": 0.2}}
        assert given["sweep"] == expected
        assert given["sweep_given"] == ("mixout:0.1,0.2",)

    def test_what_stands_beside_a_recipe_counts(self):
        path = ROOT / "flags" / "recipes" / "mixout.flags"
        given = parse_trials("--mixout=0.3", f"--sweep=recipe:{path}")
        assert "mixout" not in given["sweep"]["mixout"]

    @pytest.mark.parametrize(
        "sweep, message",
        [
            ("mixout:0.1,1e-1", "are one training"),
            # Trials are named by what changes their result: both had one name.
            ("remat:true,false", "that trainings differ in"),
            ("steps_per_loop:1,2", "that trainings differ in"),
            ("save_every_seconds:0,9", "that trainings differ in"),
            # By another program's name.
            ("iterations_per_loop:1,2", "are one training"),
            # Only a flag of ours can be left out.
            ("lr:,0.1", "a flag by its own name"),
            ("no_such:[null]", "a flag by its own name"),
        ],
    )
    def test_recipes_that_cannot_be_compared_are_refused(self, sweep, message):
        with pytest.raises(ValueError, match=message):
            parse_trials("--learning_rate=0.2", f"--sweep={sweep}")

    def test_a_recipe_with_a_seed_of_its_own_is_refused(self, tmp_path):
        path = tmp_path / "mine.flags"
        path.write_text("--seed=3\n--mixout=0.1\n", encoding="utf-8")
        with pytest.raises(ValueError, match="seed=3 in 'mine'"):
            parse_trials(f"--sweep=recipe:{path}")
        given = parse_trials("--seed=4", f"--sweep=recipe:{path}")
        assert given["sweep"] == {"mine": {"mixout": 0.1}}

    def test_what_holds_for_every_recipe_is_said_once(self, caplog):
        parse_trials(
            "--num_train_steps=8",
            "--num_train_epochs=2",
            "--max_steps=9",
            "--sweep=mixout:0.1,0.2,0.3",
        )
        lines = [record.getMessage() for record in caplog.records]
        assert len(lines) == len(set(lines))
        assert "the last one counts" in " ".join(lines)
