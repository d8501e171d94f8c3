"""Tests of tf_bert/data/readers/standard_input.py."""

import io

from absl.testing import parameterized

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.standard_input import iterate_lines


def read(content, *, has_pairs=False, **said):
    return list(
        iterate_lines(
            io.BytesIO(content),
            has_pairs=has_pairs,
            text_format=TextFormat(**said),
        )
    )


class IterateLinesTest(parameterized.TestCase):
    def test_a_line_is_a_text(self):
        (chunk,) = read('a\tb, "c" \0é\r\n\u2028 d\n'.encode())
        self.assertEqual(chunk.columns, ("text",))
        self.assertEqual(chunk.texts, ('a\tb, "c" \0é', "\u2028 d"))
        self.assertEqual(chunk.rows, [(text,) for text in chunk.texts])
        self.assertIsNone(chunk.text_pairs)

    def test_a_line_of_a_pair_holds_two(self):
        (chunk,) = read(b"a\tb\nc\td\n", has_pairs=True)
        self.assertEqual(chunk.columns, ("text", "text_pair"))
        self.assertEqual(chunk.rows, [("a", "b"), ("c", "d")])
        self.assertEqual(chunk.texts, ("a", "c"))
        self.assertEqual(chunk.text_pairs, ("b", "d"))

    def test_encoding_and_delimiter_may_be_said(self):
        (chunk,) = read(
            b"caf\xe9|x\n", has_pairs=True, encoding="cp1252", delimiter="pipe"
        )
        self.assertEqual(chunk.rows, [("café", "x")])

    def test_chunks_are_what_is_there(self):
        chunks = read(b"some text\n" * 10_000)
        self.assertGreater(len(chunks), 1)
        self.assertEqual(sum(len(chunk.rows) for chunk in chunks), 10_000)

    def test_blank_lines_at_the_end_are_ignored(self):
        (chunk,) = read(b"a\n\n\r\n\n")
        self.assertEqual(chunk.texts, ("a",))

    @parameterized.parameters(
        (b"", False, "no texts .*predict_file=-.*nothing"),
        (b"\n\n", False, "no texts to predict"),
        (b"a\n\nb\n", False, "very end only. .* in standard input, line 2"),
        (b"a\n \n", False, "standard input, line 2"),
        (b"a\tb\na\n", True, r"divided at '\\t'. Received: 1 in .*, line 2"),
        (b"a\tb\tc\n", True, "Received: 3 in standard input, line 1"),
        (b"a\t \n", True, "Received: none in standard input, line 1"),
        (b"a\n\xe9\n", False, "UTF-8 .* in standard input, line 2"),
    )
    def test_wrong_lines_are_refused(self, content, has_pairs, message):
        with self.assertRaisesRegex(ValueError, message):
            read(content, has_pairs=has_pairs)
