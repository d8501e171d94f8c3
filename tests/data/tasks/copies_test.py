"""Tests of tf_bert/data/tasks/copies.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.data.tasks.copies import copy_keys, count_in_train, rows_together
from tf_bert.data.tasks.examples import Examples


def examples(*texts, pairs=None, groups=None):
    return Examples(
        texts=texts,
        text_pairs=pairs,
        labels=np.zeros(len(texts), np.int32),
        row_numbers=np.arange(1, len(texts) + 1),
        source="x.csv",
        groups=groups,
    )


class CopyKeysTest(parameterized.TestCase):
    @parameterized.parameters(
        ("So good", "so  GOOD\n", True),
        ("\u00a0tab\there", "Tab here", True),  # White space of any kind.
        ("STRASSE", "straße", True),
        ("so good", "sogood", False),
        ("so good", "so good!", False),
    )
    def test_case_and_spaces_do_not_count(self, one, other, expected):
        first, second = copy_keys(examples(one, other))
        self.assertEqual(first == second, expected)

    def test_both_texts_of_a_pair_count(self):
        keys = copy_keys(examples("a", "A", "a", pairs=("x", "X", "y")))
        self.assertEqual(keys[0], keys[1])
        self.assertNotEqual(keys[0], keys[2])
        turned = copy_keys(examples("a", "x", pairs=("x", "a")))
        self.assertNotEqual(*turned)

    def test_an_empty_text_is_a_copy_of_nothing(self):
        self.assertEqual(copy_keys(examples("", " \t")), [None, None])
        pairs = copy_keys(examples("a", "a", pairs=(" ", " ")))
        self.assertEqual(pairs, [None, None])
        self.assertEqual(rows_together(examples("", " ")).tolist(), [0, 1])


class RowsTogetherTest(parameterized.TestCase):
    @parameterized.parameters(
        ("abcd", None, [0, 1, 2, 3]),
        ("abaAb", None, [0, 1, 0, 0, 1]),
        ("abcd", "1212", [0, 1, 0, 1]),
        # Groups that share a copy are one: 1 and 2 by a, 2 and 3 by c.
        ("abacdc", "112233", [0, 0, 0, 0, 0, 0]),
        ("abcade", "112345", [0, 0, 2, 0, 4, 5]),
        # Joined last, and still the first row's.
        ("abcdba", "123412", [0, 0, 2, 3, 0, 0]),
        ("abcdbda", "1234443", [0, 1, 0, 1, 1, 1, 0]),
    )
    def test_copies_and_groups(self, texts, groups, expected):
        rows = examples(*texts, groups=groups and tuple(groups))
        self.assertEqual(rows_together(rows).tolist(), expected)


class CountInTrainTest(parameterized.TestCase):
    def test_counts_and_warns(self):
        splits = {
            "train": examples("a", "b", "b", ""),
            "validation": examples("c", "B ", "b", "d"),
            "test": examples("c", ""),
        }
        with self.assertLogs("absl", "WARNING") as logs:
            self.assertEqual(count_in_train(splits), {"validation": 2})
        (line,) = logs.output
        self.assertIn("2 of the 4 validation examples are copies of tr", line)
