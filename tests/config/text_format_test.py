"""Tests of tf_bert/config/text_format.py."""

import pytest

from tf_bert.config.text_format import TextFormat


@pytest.mark.parametrize(
    "delimiter, expected",
    [
        (None, None),
        ("comma", ","),
        ("semicolon", ";"),
        ("tab", "\t"),
        ("\\t", "\t"),
        ("pipe", "|"),
        (",", ","),
        ("\t", "\t"),
        ("^", "^"),
        ("§", "§"),
    ],
)
def test_delimiters_are_words_or_characters(delimiter, expected):
    assert TextFormat(delimiter=delimiter).separator == expected


@pytest.mark.parametrize(
    "delimiter",
    ["", ";;", "a", "1", " ", '"', "'", "\n", "\r", "\0", "\u2028", "colon"],
)
def test_other_delimiters_are_refused(delimiter):
    with pytest.raises(
        ValueError, match="must be comma, semicolon,.* Correct --delimiter"
    ):
        TextFormat(delimiter=delimiter)


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "UTF8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "shift_jis"],
)
def test_encodings_of_python_are_taken(encoding):
    TextFormat(encoding=encoding)


@pytest.mark.parametrize(
    "encoding",
    ["", "utf-99", "hex", "rot13", "zip", "undefined", "utf-7", "a\0b"],
)
def test_other_encodings_are_refused(encoding):
    with pytest.raises(
        ValueError, match="name of a text encoding .* Correct --encoding"
    ):
        TextFormat(encoding=encoding)
