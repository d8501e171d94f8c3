"""Tests of the tables of tf_bert/config/aliases."""

import collections

from absl.testing import parameterized

from tf_bert.config import Config, all_settings, parse
from tf_bert.config.aliases import groups
from tf_bert.config.aliases.table import PROGRAMS, ROWS

OURS = set(all_settings.SETTINGS)
ALL_ROWS = [row for rows in PROGRAMS.values() for row in rows]
TAKEN = [(row.name, v) for row in ROWS.values() for v in row.values]


class TableTest(parameterized.TestCase):
    def test_every_name_has_one_row(self):
        counts = collections.Counter(row.name for row in ALL_ROWS)
        self.assertEqual(set(counts.values()), {1})

    def test_names_that_are_ours_too_keep_their_meaning(self):
        for row in ALL_ROWS:
            if row.name in OURS:
                self.assertEqual(row.ours, row.name)

    def test_what_a_name_is_here_exists(self):
        for row in ALL_ROWS:
            named = {row.ours} - {""}
            named |= {n for sets in row.values.values() for n in sets}
            self.assertContainsSubset(named, OURS, row.name)
            if row.group:
                self.assertIn(row.group, groups.SETTINGS)

    @parameterized.parameters(TAKEN)
    def test_every_value_that_is_taken_makes_a_configuration(self, name, value):
        given = parse.parse(["--output_dir=x", f"--{name}={value}"])
        self.assertIsInstance(Config(**given), Config)
        sets = ROWS[name].values[value]
        expected = {ours for ours in sets if sets[ours] is not None}
        self.assertContainsSubset(expected, given)
