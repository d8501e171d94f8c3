"""Tests of tf_bert/report/setting_sections.py: commands that repeat trials."""

import shlex

from tf_bert.config import Config
from tf_bert.report import setting_sections, trials_reader


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
        (task,) = trials_reader.read([str(path)])
        return setting_sections.commands_of(task)

    def test_a_sweep_is_given_as_it_was(self, write_trials, tmp_path):
        given = ("recipe:zhang,my flags/b.flags", "mixout:0.1,0.9")
        path = write_trials(
            tmp_path / "x",
            sweep={"zhang": {"reinit_layers": 2}, "b": {}},
            sweep_given=given,
            scores={"zhang": [0.8]},
        )
        (command,) = self.commands(path)
        assert [x for x in shlex.split(command) if x.startswith("--sweep")] == [
            f"--sweep={x}" for x in given
        ]

    def test_of_an_earlier_version_recipes_are_repeated_one_by_one(
        self, write_trials, tmp_path
    ):
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
