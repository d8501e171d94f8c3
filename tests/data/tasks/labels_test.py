"""Tests of tf_bert/data/tasks/labels.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.data.tasks.labels import (
    LabelColumn,
    check_two_classes,
    encode_classes,
    find_label_names,
    parse_scores,
)


def _column(*values: str) -> LabelColumn:
    return LabelColumn("label", values, "data/train.csv")


class LabelColumnTest(parameterized.TestCase):
    def test_empty_label_is_refused_by_file_and_row(self):
        with self.assertRaisesRegex(
            ValueError,
            "A row has no label in `label`. Received: label='' in "
            "data/train.csv, row 2. Fill in",
        ):
            _column("yes", "", "no")

    @parameterized.parameters(
        (0, "a", 1), (1, "a", 2), (2, "b", 1), (4, "b", 3)
    )
    def test_a_row_is_that_of_its_own_file(self, index, name, row):
        column = LabelColumn(
            "label", tuple("vwxyz"), "*", tuple("aabbb"), (1, 2, 1, 2, 3)
        )
        self.assertEqual(
            column.at(index), f"label='{'vwxyz'[index]}' in {name}, row {row}"
        )


class FindLabelNamesTest(parameterized.TestCase):
    @parameterized.parameters(
        (("yes", "no", "yes"), ("no", "yes")),
        (("10", "9", "-1", "10"), ("-1", "9", "10")),
        (("10", "9", "a"), ("10", "9", "a")),
        (("1.0", "0.0"), ("0.0", "1.0")),
        (("none", "inf"), ("inf", "none")),
        # Spellings of one class are one.
        (("1.0", "0", "1", "0"), ("0", "1")),
        (("1.00", "0.0", "1.0"), ("0.0", "1")),
        (("True", "False", "TRUE", "true"), ("False", "true")),
        (("True", "False"), ("False", "True")),
        (("007", "7", "7.5x"), ("007", "7", "7.5x")),
        (("Yes", "yes", "NO"), ("NO", "Yes", "yes")),
    )
    def test_names_are_sorted_and_numbers_by_value(self, values, expected):
        self.assertEqual(find_label_names(_column(*values)), expected)

    @parameterized.parameters(
        (("yes", "yes", "yes"), "'yes' in each of the 3 rows of data/train"),
        (("true", "True", "TRUE"), "label='true' in each of"),
    )
    def test_one_class_is_refused(self, values, message):
        with self.assertRaisesRegex(
            ValueError, f"the same label. Received: .*{message}.*--label_column"
        ):
            check_two_classes(_column(*values))

    @parameterized.parameters("nan", "NaN", "NAN")
    def test_nan_is_no_label(self, value):
        with self.assertRaisesRegex(
            ValueError,
            f"no.*label='{value}' in data/train.csv, row 2.*--label_names",
        ):
            find_label_names(_column("1", value, "0"))

    @parameterized.parameters("0.5", "3.2", "-1.5e-3", ".5")
    def test_fractions_point_to_regression(self, value):
        with self.assertRaisesRegex(
            ValueError, rf"label='{value}' in .*, row 2\. .*=regression"
        ):
            find_label_names(_column("1", value, "2"))

    def test_mostly_distinct_values_are_refused_from_fifty_rows_on(self):
        many = [str(i) for i in range(26)]
        with self.assertRaisesRegex(
            ValueError, "26 different values in the 50 rows.*--label_column"
        ):
            find_label_names(_column(*many, *["0"] * 24))
        self.assertLen(find_label_names(_column(*many, *["0"] * 23)), 26)
        self.assertLen(find_label_names(_column(*many[:25] * 2)), 25)

    def test_more_than_a_thousand_classes_are_refused(self):
        values = [str(i) for i in range(1000)] * 3
        self.assertLen(find_label_names(_column(*values)), 1000)
        with self.assertRaisesRegex(ValueError, "1001 different values"):
            find_label_names(_column(*values, "1000"))


class EncodeClassesTest(parameterized.TestCase):
    def test_ids_follow_the_order_of_the_names(self):
        ids = encode_classes(_column("no", "yes"), ("yes", "no"), expected="")
        np.testing.assert_array_equal(ids, [1, 0])
        self.assertEqual(ids.dtype, np.int32)

    def test_other_spellings_are_the_same_class(self):
        names = ("False", "true", "1", "nan")
        ids = encode_classes(
            _column("false", "FALSE", "True", "1.0", "1", "nan"),
            names,
            expected="",
        )
        np.testing.assert_array_equal(ids, [0, 0, 1, 2, 2, 3])

    def test_names_that_differ_in_spelling_are_told_apart_by_it(self):
        names = ("true", "True")
        ids = encode_classes(_column("True", "true"), names, expected="")
        np.testing.assert_array_equal(ids, [1, 0])
        with self.assertRaisesRegex(ValueError, "label='TRUE'"):
            encode_classes(_column("TRUE"), names, expected="")

    def test_unknown_label_names_file_and_row_and_how_to_add_it(self):
        with self.assertRaisesRegex(
            ValueError,
            r"^`label` holds a value that is not in the training labels\. "
            r"Received: label='maybe' in data/train\.csv, row 2 "
            r"\(labels: no, yes\)\. Correct the row, or pass "
            r"--label_names=no,yes,maybe\.$",
        ):
            encode_classes(
                _column("no", "maybe"),
                ("no", "yes"),
                expected="the training labels",
            )

    def test_long_lists_of_labels_are_cut(self):
        names = [f"n{i}" for i in range(500)]
        with self.assertRaisesRegex(
            ValueError, r"n9, \.\.\., n495.*n499\).*n499,other\.$"
        ):
            encode_classes(_column("other"), names, expected="")


class ParseScoresTest(parameterized.TestCase):
    def test_decimal_numbers_are_read(self):
        scores = parse_scores(_column("5", "-0.25", "1e2", "+.5", "3."))
        np.testing.assert_array_equal(scores, [5, -0.25, 100, 0.5, 3])
        self.assertEqual(scores.dtype, np.float32)

    @parameterized.parameters("nan", "inf", "1e39", "3,5", "good", "1_0", "٣")
    def test_what_is_no_finite_number_is_refused(self, value):
        with self.assertRaisesRegex(
            ValueError,
            f"no finite number .*label='{value}' in data/train.csv, row 2. "
            "Correct the row, or pass --task_type=classification",
        ):
            parse_scores(_column("1.0", value))
