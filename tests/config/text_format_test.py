"""Tests of tf_bert/config/text_format.py."""

from absl.testing import parameterized

from tf_bert.config.text_format import TextFormat


class TextFormatTest(parameterized.TestCase):
    def test_nothing_said_is_left_to_be_detected(self):
        self.assertIsNone(TextFormat().encoding)
        self.assertIsNone(TextFormat().separator)

    @parameterized.parameters(
        ("comma", ","),
        ("semicolon", ";"),
        ("tab", "\t"),
        ("\\t", "\t"),
        ("pipe", "|"),
        (",", ","),
        ("\t", "\t"),
        ("^", "^"),
        ("§", "§"),
    )
    def test_delimiters_are_words_or_characters(self, delimiter, expected):
        self.assertEqual(TextFormat(delimiter=delimiter).separator, expected)

    @parameterized.parameters(
        "", ";;", "a", "1", " ", '"', "'", "\n", "\r", "\0", "\u2028", "colon"
    )
    def test_other_delimiters_are_refused(self, delimiter):
        with self.assertRaisesRegex(
            ValueError, "must be comma, semicolon,.* Correct --delimiter"
        ):
            TextFormat(delimiter=delimiter)

    @parameterized.parameters(
        "utf-8", "UTF8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "shift_jis"
    )
    def test_encodings_of_python_are_taken(self, encoding):
        self.assertEqual(TextFormat(encoding=encoding).encoding, encoding)

    @parameterized.parameters(
        "", "utf-99", "hex", "rot13", "zip", "undefined", "utf-7", "a\0b"
    )
    def test_other_encodings_are_refused(self, encoding):
        with self.assertRaisesRegex(
            ValueError, "name of a text encoding .* Correct --encoding"
        ):
            TextFormat(encoding=encoding)
