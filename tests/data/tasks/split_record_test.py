"""Tests of tf_bert/data/tasks/split_record.py."""

from absl.testing import parameterized

from tf_bert.data.tasks.split_record import format_rows, parse_rows


class RowsTest(parameterized.TestCase):
    @parameterized.parameters(
        ([], ""),
        ([5], "5"),
        ([1, 2, 3], "1-3"),
        ([1, 3, 5], "1,3,5"),
        ([1, 2, 9, 10, 11, 20], "1-2,9-11,20"),
        ([3, 2, 1, 7, 8], "3,2,1,7-8"),  # The order is kept.
    )
    def test_text_and_back(self, numbers, text):
        self.assertEqual(format_rows(numbers), text)
        self.assertEqual(parse_rows(text).tolist(), numbers)
