"""Tests of tf_bert/data/division.py."""

import pathlib

import numpy as np
import pytest
from absl.testing import parameterized

from tf_bert.data.division import DivisionRules, divide
from tf_bert.data.examples import Examples
from tf_bert.data.sources import load_splits
from tf_bert.data.tasks import get_task

_REAL_DATA = pathlib.Path(__file__).parents[2] / "../shared/data"


def _examples(size: int, source: str) -> Examples:
    return Examples(
        texts=tuple(f"{source} {i}" for i in range(size)),
        text_pairs=None,
        labels=(np.arange(size) % 2).astype(np.int32),
        row_numbers=np.arange(1, size + 1),
        source=source,
    )


def _sizes(splits) -> dict[str, int]:
    return {split: len(rows) for split, rows in splits.items()}


class DivideTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.train, self.dev = _examples(40, "train"), _examples(20, "dev")

    @parameterized.parameters(
        ({}, {"train": 36, "validation": 4}),
        ({"validation_proportion": 0}, {"train": 40}),
        (
            {"test_proportion": 0.2},
            {"train": 28, "validation": 4, "test": 8},
        ),
        ({"max_train_examples": 11}, {"train": 10, "validation": 4}),
    )
    def test_parts_of_the_training_rows(self, rules, expected):
        splits = divide({"train": self.train}, 2, DivisionRules(**rules))
        self.assertEqual(_sizes(splits), expected)

    def test_half_of_the_dev_set_is_test(self):
        splits = divide(
            {"train": self.train, "validation": self.dev},
            2,
            DivisionRules(split_dev_in_half=True),
        )
        self.assertEqual(
            _sizes(splits), {"train": 40, "validation": 10, "test": 10}
        )
        rows = [*splits["validation"].texts, *splits["test"].texts]
        self.assertCountEqual(rows, self.dev.texts)

    def test_only_the_training_rows_are_sampled(self):
        splits = {
            "train": self.train,
            "validation": self.dev,
            "validation_mismatched": self.dev,
            "test": self.dev,
        }
        divided = divide(splits, 2, DivisionRules(max_train_examples=4))
        self.assertLen(divided["train"], 4)
        for split in ("validation", "validation_mismatched", "test"):
            self.assertIs(divided[split], self.dev)

    def test_what_is_held_out_does_not_depend_on_the_sample(self):
        whole, small = (
            divide(
                {"train": self.train},
                2,
                DivisionRules(test_proportion=0.2, max_train_examples=size),
            )
            for size in (0, 6)
        )
        for split in ("validation", "test"):
            self.assertEqual(whole[split].texts, small[split].texts)

    @parameterized.parameters(
        ({}, "must have a validation split to cut. Received: .*for train al"),
        ({"validation": 1, "test": 1}, "no other. Received: .*validation, te"),
    )
    def test_splits_that_do_not_allow_a_cut(self, more, message):
        splits = {"train": self.train, **dict.fromkeys(more, self.dev)}
        with self.assertRaisesRegex(ValueError, f"{message}.*--split_dev_in_h"):
            divide(splits, 2, DivisionRules(split_dev_in_half=True))

    def test_a_second_test_split_is_refused(self):
        with self.assertRaisesRegex(ValueError, "test_proportion=0.1. Leave"):
            divide(
                {"train": self.train, "validation": self.dev},
                2,
                DivisionRules(split_dev_in_half=True, test_proportion=0.1),
            )


@pytest.mark.large
class PaperTest(parameterized.TestCase):
    """The sizes of Zhang et al. (2021), Table 3, without its typos."""

    @parameterized.parameters(
        ("rte", 138, 139),
        ("mrpc", 203, 205),
        ("cola", 521, 522),
        ("sts-b", 750, 750),
    )
    def test_halves_of_the_dev_set(self, name, validation, test):
        data = load_splits(
            get_task(name), data_dir=str(_REAL_DATA), split_dev_in_half=True
        )
        self.assertLen(data.validation, validation)
        self.assertLen(data.test, test)

    @parameterized.parameters(("rte", 73, 73), ("sst-2", 214, 214))
    def test_halves_hold_as_many_of_each_class(self, name, validation, test):
        data = load_splits(
            get_task(name), data_dir=str(_REAL_DATA), split_dev_in_half=True
        )
        first_class = [
            np.sum(x.labels == 0) for x in (data.validation, data.test)
        ]
        self.assertEqual(first_class, [validation, test])

    @parameterized.parameters("rte", "mrpc", "cola", "sst-2")
    def test_a_thousand_rows_are_half_of_each_class(self, name):
        data = load_splits(
            get_task(name), data_dir=str(_REAL_DATA), max_train_examples=1000
        )
        self.assertEqual(np.bincount(data.train.labels).tolist(), [500, 500])
