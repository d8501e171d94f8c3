"""Tests of tf_bert/report/setting_sections.py: commands that repeat trials."""

import pytest

from tf_bert.config import Config, sweep_flags
from tf_bert.report import setting_sections, trials_content


class TestSweepOf:
    def test_products_are_found_again(self):
        labels = ["a=1, b=x", "a=1, b=y", "a=2, b=x", "a=2, b=y"]
        assert setting_sections.sweep_of(labels) == ["a:1,2", "b:x,y"]

    @pytest.mark.parametrize(
        "labels, sweep",
        [
            (["a=1,5", "a=2"], 'a:["1,5", "2"]'),
            # Other orders of one list: taken apart, they had equal values.
            (["a=x,y", "a=y,x"], 'a:["x,y", "y,x"]'),
            (["a=x,y"], 'a:["x,y"]'),
            (["a=[1", "a=2"], 'a:["[1", "2"]'),
            (["without a"], 'a:[""]'),
        ],
    )
    def test_values_that_are_no_list_without_commas_go_as_json(
        self, labels, sweep
    ):
        assert setting_sections.sweep_of(labels) == [sweep]
        found = sweep_flags.combinations([sweep])
        assert [x.label for x in found] == labels

    @pytest.mark.parametrize(
        "labels",
        [
            ["zhang", "mixout"],
            # No product: (2, y) was not run.
            ["a=1, b=x", "a=1, b=y", "a=2, b=x"],
            # What could be another flag is a part of a value.
            ["a=x, b=y", "a=z"],
        ],
    )
    def test_others_are_not_guessed(self, labels):
        assert setting_sections.sweep_of(labels) is None


class TestDataTable:
    def test_has_all_that_decides_on_the_rows(self):
        config = Config(
            output_dir="x",
            train_file="a.csv",
            encoding="cp1252",
            label_names=("no", "yes"),
            positive_label="no",
            learning_rate=0.1,
            predict_file="b.csv",
        )
        table = setting_sections.data_table(config.as_dict())
        assert [tuple(row) for row in table.rows] == [
            ("--train_file", "a.csv"),
            ("--encoding", "cp1252"),
            ("--label_names", '["no", "yes"]'),
            ("--positive_label", "no"),
            ("--max_seq_length", "128"),
            ("--split_seed", "0"),
        ]


class TestTrialsCommands:
    def commands(self, path):
        (task,) = trials_content.read([str(path)])
        return setting_sections.trials_commands(task)

    def test_flag_files_are_repeated_one_by_one(self, write_trials, tmp_path):
        path = write_trials(
            tmp_path / "x y",
            sweep={"zhang": {"reinit_layers": 2}, "mixout": {"mixout": 0.9}},
            scores={"zhang": [0.8], "mixout": [0.9]},
            baseline="mixout",
        )
        first, second = self.commands(path)
        assert f"'--output_dir={path}_1'" in first
        assert "--reinit_layers=2" in first
        assert "--mixout=0.9" in second
        assert "--baseline" not in first + second

    def test_one_recipe_has_no_sweep(self, write_trials, tmp_path):
        path = write_trials(tmp_path / "x", scores={"all trials": [0.8, 0.7]})
        (command,) = self.commands(path)
        assert "--num_trials=2" in command
        assert "--sweep" not in command
