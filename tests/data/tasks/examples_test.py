"""Tests of tf_bert/data/tasks/examples.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.data.tasks.examples import Examples


def _examples(**changes) -> Examples:
    parts = dict(
        texts=("a", "b", "c"),
        text_pairs=("x", "y", "z"),
        labels=np.array([2, 0, 1], np.int32),
        row_numbers=np.array([1, 2, 3], np.int64),
        source="train.tsv",
    )
    return Examples(**(parts | changes))


class ExamplesTest(parameterized.TestCase):
    def test_select_keeps_rows_together_in_the_given_order(self):
        selected = _examples().select([2, 0])
        self.assertEqual(selected.texts, ("c", "a"))
        self.assertEqual(selected.text_pairs, ("z", "x"))
        np.testing.assert_array_equal(selected.labels, [1, 2])
        np.testing.assert_array_equal(selected.row_numbers, [3, 1])
        self.assertEqual(selected.labels.dtype, np.int32)
        self.assertEqual(selected.source, "train.tsv")

    @parameterized.parameters(
        ("text_pairs", ("x",)),
        ("labels", np.zeros(2, np.int32)),
        ("row_numbers", np.arange(4)),
    )
    def test_unequal_lengths_are_refused(self, name, value):
        with self.assertRaisesRegex(
            ValueError, rf"`{name}` must have one entry .*len\(texts\)=3"
        ):
            _examples(**{name: value})
