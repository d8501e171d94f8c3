"""Tests of tf_bert/data/readers/records.py."""

from absl.testing import parameterized

from tf_bert.data.readers.records import (
    check_has_names,
    drop_last_blanks,
    place,
)


def drop(*contents, num_headers):
    lines = enumerate(contents, start=1)
    return list(drop_last_blanks(lines, "a.csv", num_headers=num_headers))


class RecordsTest(parameterized.TestCase):
    def test_a_file_without_lines_has_rows_alone(self):
        self.assertEqual(place("a.parquet", 3, None), "a.parquet, row 3")

    def test_blank_lines_at_the_end_are_dropped(self):
        self.assertEqual(
            drop(["a"], ["b"], [], [], num_headers=1), [(1, ["a"]), (2, ["b"])]
        )
        self.assertEqual(drop([], [], num_headers=1), [])

    @parameterized.parameters((0, 2), (1, 1))
    def test_blank_lines_before_a_row_are_refused(self, num_headers, row):
        with self.assertRaisesRegex(
            ValueError, rf"a.csv, line 2 \(before row {row}\)"
        ):
            drop(["a"], [], [], ["b"], num_headers=num_headers)

    def test_names_are_needed(self):
        check_has_names("a.jsonl", has_header=True)
        with self.assertRaisesRegex(ValueError, "by name.*a.jsonl"):
            check_has_names("a.jsonl", has_header=False)
