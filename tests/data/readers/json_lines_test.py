"""Tests of tf_bert/data/readers/json_lines.py."""

from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.json_lines import read_json_lines
from tf_bert.data.readers.records import Kind


class JsonLinesTest(WithFolder):
    def read(self, text, *, has_header=True):
        path = self.folder / "a.jsonl"
        path.write_text(text, encoding="utf-8")
        return list(
            read_json_lines(
                str(path), has_header=has_header, text_format=TextFormat()
            )
        )

    def test_columns_are_the_keys_of_the_first_object(self):
        names, first, second = self.read(
            '{"b": "1", "a": "2"}\n{"a": "3", "b": "4"}'
        )
        self.assertEqual(names.fields, ("b", "a"))
        self.assertEqual(first.fields, ("1", "2"))
        self.assertEqual(second.fields, ("4", "3"))
        self.assertEqual((first.line, second.line), (1, 2))

    def test_missing_and_extra_keys_are_reported(self):
        _, _, row = self.read('{"a": "1", "b": "2"}\n{"c": 1, "b": "3"}\n\n')
        self.assertEqual(row.fields, ("", "3"))
        self.assertEqual(row.kinds, (Kind.MISSING, Kind.TEXT))
        self.assertEqual(row.extra_keys, ("c",))

    @parameterized.parameters(
        ('"a\\tb"', "a\tb", Kind.TEXT),
        ('"\\ud83d\\ude00"', "\U0001f600", Kind.TEXT),
        ("0", "0", Kind.NUMBER),
        ("-12", "-12", Kind.NUMBER),
        ("1.50", "1.50", Kind.NUMBER),
        ("1e999", "1e999", Kind.NUMBER),
        ("9" * 5000, "9" * 5000, Kind.NUMBER),
        ("NaN", "NaN", Kind.NUMBER),
        ("true", "true", Kind.BOOLEAN),
        ("false", "false", Kind.BOOLEAN),
        ("null", "", Kind.NULL),
        ('["é", 1.5, {"a": null}]', '["é", 1.5, {"a": null}]', Kind.NESTED),
        ("{}", "{}", Kind.NESTED),
        ("[12345678901234567890]", "[12345678901234567890]", Kind.NESTED),
    )
    def test_values_as_text(self, value, expected, kind):
        _, row = self.read(f'{{"a": {value}}}')
        self.assertEqual(row.fields, (expected,))
        self.assertEqual(row.kinds, (kind,))

    @parameterized.parameters(
        ('{"a": "b"', "Expecting ',' delimiter at character"),
        ('{"a": "b"} {"a": "c"}', "Extra data at character 12"),
        ('{"a": "tab\tinside"}', "Invalid control character"),
        ('["text", "label"]', r"'\[\"text\", .*, which is not an object"),
        ("null", "'null', which is not an object"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' twice"),
        ('{"a": [{"b": 1, "b": 2}]}', "the key 'b' twice"),
        ('{"a": "\\ud800"}', "half of a surrogate pair"),
        ('{"\\udfff": "a"}', "half of a surrogate pair"),
        ('{"a": ["\\ud800"]}', "half of a surrogate pair"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
    )
    def test_a_line_that_is_no_object_is_refused(self, line, reason):
        with self.assertRaisesRegex(
            ValueError,
            rf"one JSON object.*Received: .*{reason}.* in .*a.jsonl, row 2 "
            rf"\(line 2\). Correct the line; an array",
        ):
            self.read(f'{{"a": "x"}}\n{line}\n')

    def test_a_blank_line_in_between_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"blank line in .*a.jsonl, line 2 \(before row 2\)"
        ):
            self.read('{"a": "x"}\n \n{"a": "y"}\n')

    def test_columns_have_no_numbers(self):
        with self.assertRaisesRegex(
            ValueError, "must be given by name. Received: a number, for .*jsonl"
        ):
            self.read('{"1": "x"}\n', has_header=False)
