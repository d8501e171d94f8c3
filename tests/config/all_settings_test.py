"""Tests of the table of settings: tf_bert/config/all_settings.py."""

import dataclasses

import pytest

from tf_bert.adaptation import mixout
from tf_bert.config import Config
from tf_bert.config.all_settings import ALTERNATIVES, SETTINGS
from tf_bert.config.setting import MODES, setting, settings_of


def test_a_configuration_has_its_fields_in_the_order_of_the_groups():
    names = [field.name for field in dataclasses.fields(Config)]
    assert names == list(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_an_entry_makes_sense(name):
    entry = SETTINGS[name]
    assert entry.takes(entry.default)
    entry.check(entry.default)
    assert set(entry.modes) <= set(MODES)
    assert {entry.follows, entry.instead_of} <= {None, *SETTINGS}


def test_of_alternatives_the_first_has_a_default():
    for first, *others in ALTERNATIVES:
        assert SETTINGS[first].default is not None
        assert {SETTINGS[x].default for x in others} == {None}


def test_mixout_knows_the_same_gradients():
    assert SETTINGS["mixout_gradient"].choices == mixout.GRADIENTS


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Some:
    share: float | None = setting(None, "A share.", above=0, at_most=1)
    number: int = setting(2, "A number.", at_least=1)
    names: tuple[str, ...] | None = setting(None, "Names.")


SOME = {x.name: x for x in settings_of(_Some)}


def test_name_default_and_kind_are_those_of_the_field():
    assert _Some().number == 2
    assert {x.name: (x.default, x.kind) for x in SOME.values()} == {
        "share": (None, float),
        "number": (2, int),
        "names": (None, tuple),
    }


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("share", 0.0, "above 0, at most 1. Received: share=0.0. Correct --sh"),
        ("share", 1.5, "above 0, at most 1"),
        ("share", float("nan"), "above 0, at most 1"),
        ("number", 0, "at least 1"),
        ("names", "", "not be empty"),
    ],
)
def test_a_wrong_value_is_refused(name, value, message):
    with pytest.raises(ValueError, match=f"`{name}` must .*{message}"):
        SOME[name].check(value)


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("share", None, True),
        ("share", 1, True),
        ("share", "1", False),
        ("number", None, False),
        ("number", 1.0, False),
        ("names", ["a"], True),
        ("names", "a", False),
    ],
)
def test_takes_what_json_holds(name, value, expected):
    assert SOME[name].takes(value) == expected


def test_a_property_that_there_is_not_is_an_error():
    with pytest.raises(TypeError, match="at_leats"):
        setting(1, "A number.", at_leats=0)
