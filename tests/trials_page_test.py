"""docs/trials.md, statistics.md and verdict.md: what they say is right."""

import os
import pathlib
import re
import shlex

import interval_simulation
import pytest
import statistics_simulation
from absl.testing import parameterized

from tf_bert.config import Config, all_settings, parse, sweep_flags
from tf_bert.trials.statistics.recipe_tests import TEST_NAMES

ROOT = pathlib.Path(__file__).parents[1]


def read(page):
    return (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


class TrialsPageTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.text = read("trials")
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(ROOT)

    def test_its_commands_have_valid_flags(self):
        commands = re.findall(
            r"^python -m tf_bert\.run (.*--mode=trials.*)$", self.text, re.M
        )
        self.assertNotEmpty(commands)
        for command in commands:
            Config(**parse.parse(shlex.split(command)))

    def test_its_sweeps_are_sweeps(self):
        sweeps = re.findall(r"`(--sweep=[^`]*)`", self.text)
        self.assertLen(sweeps, 4)
        for sweep in sweeps:
            found, _ = sweep_flags.split(shlex.split(sweep))
            self.assertGreater(len(sweep_flags.combinations(found)), 1)

    def test_every_flag_of_trials_is_named_and_every_flag_exists(self):
        known = set(all_settings.SETTINGS)
        text = self.text + read("statistics")
        named = set(re.findall(r"--(\w+)", text)) - {"flagfile"}
        self.assertContainsSubset(named, known)
        trials = {flag.name for flag in all_settings.GROUPS["Trials"]}
        self.assertContainsSubset(trials, named)

    def test_every_test_is_named(self):
        for name in TEST_NAMES.values():
            self.assertIn(f"\n| {name} | ", read("statistics"))

    def test_its_intervals_hold_what_was_measured(self):
        table = interval_simulation.table(interval_simulation.read())
        self.assertIn(table, read("verdict"))

    @pytest.mark.large
    def test_its_simulation_is_what_the_command_prints(self):
        number = statistics_simulation.NUM_DRAWS
        printed = statistics_simulation.coverage_table(number)
        printed += statistics_simulation.rejection_table(number)
        self.assertEqual(
            re.findall(r"\| ([\d.]+) %(?= \|)", read("statistics")),
            re.findall(r"\| ([\d.]+)%(?= \|)", printed),
        )
