"""Tests of tf_bert/data/tasks/row_digests.py."""

import json

import numpy as np
from absl.testing import parameterized

from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.row_digests import (
    RowDigests,
    difference,
    digest_rows,
    format_rows,
    list_rows,
    parse_rows,
)

NAMES = ("bad", "good")
PAIRS = ("abc", [0, 1, 0], "xyz")


def digests(texts, labels=None, pairs=None, *, numbers=None, names=NAMES):
    dtype = np.int32 if names else np.float32
    return digest_rows(
        Examples(
            texts=tuple(texts),
            text_pairs=pairs and tuple(pairs),
            labels=np.array(labels or [0] * len(texts), dtype),
            row_numbers=np.array(numbers or range(1, len(texts) + 1)),
            source="mine.csv",
        ),
        names,
    )


class DifferenceTest(parameterized.TestCase):
    @parameterized.parameters(
        ("abcde", "abcde", ""),
        ("abcde", "abxde", "1 row changed (3)"),
        ("abcde", "abxdE", "2 rows changed (3,5)"),
        ("abcde", "acde", "1 row missing (2)"),
        ("abcde", "abcdexyz", "3 rows new (6-8)"),
        ("abcde", "acdex", "1 row missing (2), 1 row new (5)"),
        ("abcde", "axcd", "1 row changed (2), 1 row missing (5)"),
        ("aab", "ab", "1 row missing (2)"),
        ("abab", "bab", "1 row missing (1)"),
        ("ababab", "axabab", "1 row changed (2)"),
        ("aab", "aba", "the same rows in other places"),
    )
    def test_names_the_rows(self, old, new, expected):
        found = difference(digests(old), digests(new))
        self.assertEqual(found, f"mine.csv: {expected}" if expected else "")

    @parameterized.named_parameters(
        ("label", PAIRS, ("abc", [0, 0, 0], "xyz"), NAMES),
        ("second_text", PAIRS, ("abc", [0, 1, 0], "xYz"), NAMES),
        # To the last digit.
        ("score", ("ab", [0.5, 1]), ("ab", [0.5, 1 + 2.0**-23]), None),
    )
    def test_what_counts_beside_the_text(self, old, new, names):
        found = difference(
            digests(*old, names=names), digests(*new, names=names)
        )
        self.assertEqual(found, "mine.csv: 1 row changed (2)")

    def test_a_class_goes_by_its_name_not_its_id(self):
        old = digests("ab", [0, 1])
        new = digests("ab", [1, 2], names=("awful", *NAMES))
        self.assertEqual(difference(old, new), "")

    def test_rows_with_other_numbers_are_in_other_places(self):
        found = difference(digests("ab"), digests("ab", numbers=[1, 3]))
        self.assertEqual(found, "mine.csv: the same rows in other places")


class RowNumbersTest(parameterized.TestCase):
    @parameterized.parameters(
        ([], ""),
        ([5], "5"),
        ([1, 3, 5], "1,3,5"),
        ([1, 2, 9, 10, 11, 20], "1-2,9-11,20"),
        ([3, 2, 1, 7, 8], "3,2,1,7-8"),  # The order is kept.
    )
    def test_text_and_back(self, numbers, text):
        self.assertEqual(format_rows(numbers), text)
        self.assertEqual(parse_rows(text).tolist(), numbers)

    def test_many_are_listed_in_short(self):
        self.assertEqual(list_rows(range(5, 105)), "5-14, ...")


class RowDigestsTest(parameterized.TestCase):
    def test_json_keeps_them(self):
        old = digests("abc", numbers=[2, 3, 9])
        content = json.loads(json.dumps(old.as_json()))
        self.assertEqual(content["rows"], "2-3,9")
        new = RowDigests.from_json(content)
        self.assertEqual((new.keys, new.contents), (old.keys, old.contents))
        self.assertEqual(difference(old, new), "")

    @parameterized.parameters(
        {"rows": "1-2"},
        {"contents": "AAAA"},
        {"contents": "?"},
        {"copy_keys": None},
    )
    def test_what_is_damaged_is_no_digest(self, **changes):
        content = digests("abc").as_json() | changes
        with self.assertRaises((ValueError, TypeError)):
            RowDigests.from_json(content)

    def test_copies_share_their_key_alone(self):
        found = digests(["A  b", "a B ", "ab"])
        self.assertEqual(found.keys[0], found.keys[1])
        self.assertNotEqual(found.keys[0], found.keys[2])
        self.assertLen(set(found.contents), 3)

    def test_texts_are_not_written_and_rows_are_short(self):
        content = digests(["a long secret " * 9] * 1000).as_json()
        written = json.dumps(content)
        self.assertNotIn("secret", written)
        self.assertLess(len(written), 15_000)

    def test_half_a_character_has_a_digest(self):
        self.assertLen(digests(["\ud83d"]).keys, 1)
