"""Tests of tf_bert/config/aliases/table.py."""

import collections

import pytest

from tf_bert.config import Config, parse
from tf_bert.config.aliases import groups
from tf_bert.config.aliases.table import PROGRAMS, ROWS
from tf_bert.config.all_settings import SETTINGS

ALL_ROWS = [row for rows in PROGRAMS.values() for row in rows]


def test_every_name_has_one_row():
    counts = collections.Counter(row.name for row in ALL_ROWS)
    assert set(counts.values()) == {1}


@pytest.mark.parametrize("row", ALL_ROWS, ids=lambda row: row.name)
def test_what_a_name_is_here_exists(row):
    named = {row.ours, *(n for sets in row.values.values() for n in sets)}
    assert named - {""} <= set(SETTINGS)
    assert row.group in ("", *groups.SETTINGS)
    if row.name in SETTINGS:  # It keeps its meaning.
        assert row.ours == row.name


@pytest.mark.parametrize(
    "name, value", [(row.name, v) for row in ROWS.values() for v in row.values]
)
def test_every_value_that_is_taken_makes_a_configuration(name, value):
    given = parse.parse(["--output_dir=x", f"--{name}={value}"])
    Config(**given)
    sets = ROWS[name].values[value]
    assert {ours for ours in sets if sets[ours] is not None} <= set(given)
