"""Tests of tf_bert/data/readers/delimited.py."""

from absl.testing import parameterized

from tf_bert.data.readers.delimited import find_delimiter


def find(text, *, is_whole_file=True):
    lines = text.splitlines(keepends=True)
    return find_delimiter(lines, "a.csv", is_whole_file=is_whole_file)


class FindDelimiterTest(parameterized.TestCase):
    @parameterized.parameters(
        ("text,label\na;b,1\nc,0\n", ","),
        ("text;label\nGood, really;1\nBad;0\n", ";"),
        ("text\tlabel\na, b\t1\n", "\t"),
        ("text|label\na|1\n", "|"),
        ('text;label\n"a; b,\n""c""";1\n', ";"),
        ('"text,one";"label"\n"a";1\n', ";"),
    )
    def test_divides_all_rows_alike(self, text, expected):
        self.assertEqual(find(text), expected)

    @parameterized.parameters(
        "text\nHello; you\nthere, you\n", "text\n", "text\na\n", "", "\n"
    )
    def test_one_column_needs_none(self, text):
        self.assertEqual(find(text), ",")

    @parameterized.parameters(
        ("text;label\na;1\nb,0\n", ";"),
        ("text,label\na,1\nb;0\n", ","),
        ("text;label\na;1;2\n", ";"),
        ('text;label\n"a" b;1\n', ";"),
    )
    def test_a_wrong_row_is_left_to_the_reader(self, text, expected):
        self.assertEqual(find(text), expected)

    def test_a_row_may_go_on_after_the_sample(self):
        text = 'text;label\n"a, b";1\n"c\n'
        self.assertEqual(find(text, is_whole_file=False), ";")

    @parameterized.parameters(
        "a;b,1\nc;d,0\n", "text;x,label\na;x,1\n", "a,b;c\nd\n"
    )
    def test_more_than_one_is_refused(self, text):
        with self.assertRaisesRegex(
            ValueError,
            "clear from its first rows. Received: a.csv, .* at comma or "
            "semicolon. Pass --delimiter=comma or another",
        ):
            find(text)
