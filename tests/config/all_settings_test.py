"""Tests of the table of settings: tf_bert/config/all_settings.py."""

import dataclasses

from absl.testing import parameterized

from tf_bert.adaptation import mixout
from tf_bert.config import Config
from tf_bert.config.all_settings import ALTERNATIVES, SETTINGS
from tf_bert.config.setting import MODES, Setting, setting, settings_of


class TableTest(parameterized.TestCase):
    def test_a_configuration_has_its_fields_in_the_order_of_the_groups(self):
        names = [field.name for field in dataclasses.fields(Config)]
        self.assertEqual(names, list(SETTINGS))

    @parameterized.parameters(*SETTINGS)
    def test_an_entry_makes_sense(self, name):
        entry = SETTINGS[name]
        self.assertTrue(entry.takes(entry.default), entry)
        entry.check(entry.default)
        self.assertContainsSubset(entry.modes, MODES)
        for other in filter(None, (entry.follows, entry.instead_of)):
            self.assertIn(other, SETTINGS)

    def test_of_alternatives_the_first_has_a_default(self):
        for first, *others in ALTERNATIVES:
            self.assertIsNotNone(SETTINGS[first].default)
            self.assertEqual({SETTINGS[x].default for x in others}, {None})

    def test_mixout_knows_the_same_gradients(self):
        choices = SETTINGS["mixout_gradient"].choices
        self.assertEqual(choices, mixout.GRADIENTS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Some:
    share: float | None = setting(None, "A share.", above=0, at_most=1)
    number: int = setting(2, "A number.", at_least=1)
    names: tuple[str, ...] | None = setting(None, "Names.")


class SettingTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.found: dict[str, Setting] = {x.name: x for x in settings_of(_Some)}

    def test_name_default_and_kind_are_those_of_the_field(self):
        self.assertEqual(_Some().number, 2)
        kinds = {x.name: (x.default, x.kind) for x in self.found.values()}
        self.assertEqual(
            kinds,
            {
                "share": (None, float),
                "number": (2, int),
                "names": (None, tuple),
            },
        )

    @parameterized.parameters(
        ("share", 0.0, "above 0, at most 1. Received: share=0.0. Correct --sh"),
        ("share", 1.5, "above 0, at most 1"),
        ("share", float("nan"), "above 0, at most 1"),
        ("number", 0, "at least 1"),
        ("names", "", "not be empty"),
    )
    def test_a_wrong_value_is_refused(self, name, value, message):
        with self.assertRaisesRegex(ValueError, f"`{name}` must .*{message}"):
            self.found[name].check(value)

    @parameterized.parameters(
        ("share", None, True),
        ("share", 1, True),
        ("share", "1", False),
        ("number", None, False),
        ("number", 1.0, False),
        ("names", ["a"], True),
        ("names", "a", False),
    )
    def test_takes_what_json_holds(self, name, value, expected):
        self.assertEqual(self.found[name].takes(value), expected)

    def test_a_property_that_there_is_not_is_an_error(self):
        with self.assertRaisesRegex(TypeError, "at_leats"):
            setting(1, "A number.", at_leats=0)
