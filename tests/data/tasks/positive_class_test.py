"""Tests of tf_bert/data/tasks/positive_class.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.data.tasks import positive_class
from tf_bert.data.tasks.positive_class import PositiveClass


class ChooseTest(parameterized.TestCase):
    @parameterized.parameters(
        # By name, though it is the frequent one, and whichever comes first.
        (("0", "1"), (1, 9), "1"),
        (("1", "0"), (9, 1), "1"),
        (("0.0", "1.0"), (1, 9), "1.0"),
        (("0", "1.00"), (1, 9), "1.00"),
        (("no", "yes"), (1, 9), "yes"),
        (("YES", "No"), (9, 1), "YES"),
        (("False", "True"), (1, 9), "True"),
        (("negative", "positive"), (1, 9), "positive"),
        (("Positive", "neutral"), (9, 1), "Positive"),
        (("ham", "spam"), (1, 9), "spam"),
        (("Spam", "legit"), (9, 1), "Spam"),
        # By number.
        (("fraud", "legit"), (5, 95), "fraud"),
        (("fraud", "legit"), (95, 5), "legit"),
        (("1", "2"), (5, 95), "1"),
        (("-1", "1"), (5, 95), "-1"),
        (("10", "0"), (5, 95), "10"),
        (("spam", "yes"), (5, 95), "spam"),
        (("not spam", "unsolicited"), (5, 95), "not spam"),
        # Ties.
        (("bad", "good"), (7, 7), "good"),
        (("good", "bad"), (7, 7), "bad"),
    )
    def test_class_that_is_to_be_found(self, names, sizes, expected):
        labels = np.repeat([0, 1], sizes)
        found = positive_class.resolve(None, names, labels)
        self.assertEqual(found, expected)


class ResolveTest(parameterized.TestCase):
    labels = np.array([0, 1, 1], np.int32)

    def test_what_is_given_goes_before_names_and_numbers(self):
        for names in (("no", "yes"), ("fraud", "legit")):
            for index, name in enumerate(names):
                self.assertEqual(
                    positive_class.resolve(name, names, self.labels), name
                )
                self.assertEqual(
                    positive_class.find(name, names), PositiveClass(index, name)
                )

    @parameterized.parameters((None,), (("a", "b", "c"),))
    def test_without_two_classes_there_is_none(self, names):
        self.assertIsNone(positive_class.resolve(None, names, self.labels))

    @parameterized.parameters(
        (None, "two classes alone.*'yes', regression. Leave out"),
        (("a", "b", "yes"), r"two classes alone.*3 classes \(a, b, yes\)"),
        (("no", "Yes"), "must be one of: no, Yes.*'yes'. Correct --positive"),
    )
    def test_a_wrong_one_is_refused(self, names, message):
        with self.assertRaisesRegex(ValueError, message):
            positive_class.resolve("yes", names, self.labels)


class RecordedTest(parameterized.TestCase):
    @parameterized.parameters(
        ("fraud", ("fraud", "legit"), "fraud"),
        # Of a version without it.
        (None, ("fraud", "legit"), "legit"),
        (None, ("a", "b", "c"), None),
        (None, None, None),
    )
    def test_class_that_stored_scores_are_of(self, label, names, expected):
        self.assertEqual(positive_class.recorded(label, names), expected)
