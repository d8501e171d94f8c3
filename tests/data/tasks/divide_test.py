"""Tests of tf_bert/data/tasks/divide.py."""

import dataclasses
import json
import pathlib
import re
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from absl.testing import parameterized

from tf_bert.config.text_format import TextFormat
from tf_bert.data.tasks.copies import copy_keys
from tf_bert.data.tasks.data_sources import DataSources
from tf_bert.data.tasks.divide import DivisionRules, divide
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.known_tasks import custom_task, get_task
from tf_bert.data.tasks.load_splits import load_splits

_REAL_DATA = pathlib.Path(__file__).parents[3] / "../shared/data"


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


class GroupsTest(parameterized.TestCase):
    """`group_column` and copies, from files to splits."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )
        self.task = dataclasses.replace(
            custom_task(text_column="text", label_column="label"),
            group_column="user",
        )

    def write(self, name, **changes):
        """Writes 60 rows of 12 users; returns the path."""
        columns = {
            "text": [f"{name} text {i}" for i in range(60)],
            "label": ["yes", "no", "no"] * 20,
            "user": [i % 12 for i in range(60)],
            **changes,
        }
        path = self.folder / name
        rows = [
            dict(zip(columns, row, strict=True))
            for row in zip(*columns.values(), strict=True)
        ]
        if name.endswith(".parquet"):
            pq.write_table(pa.table(columns), path)
        elif name.endswith(".jsonl"):
            path.write_text("\n".join(json.dumps(row) for row in rows))
        else:
            separator = "," if name.endswith(".csv") else "\t"
            lines = [columns, *(row.values() for row in rows)]
            path.write_text(
                "".join(separator.join(map(str, x)) + "\n" for x in lines)
            )
        return str(path)

    def users(self, rows):
        return {(number - 1) % 12 for number in rows.row_numbers.tolist()}

    @parameterized.parameters("csv", "tsv", "jsonl", "parquet")
    def test_a_group_is_in_one_split(self, extension):
        path = self.write(f"a.{extension}")
        data = load_splits(
            self.task,
            DataSources(train_file=path),
            rules=DivisionRules(test_proportion=0.2),
        )
        users = [self.users(rows) for rows in data.splits().values()]
        self.assertLen(users, 3)
        self.assertLen(set().union(*users), sum(map(len, users)))

    def test_a_dev_set_is_cut_between_groups(self):
        """The training file, which is not divided, needs no such column."""
        data = load_splits(
            self.task,
            DataSources(
                train_file=self.write("a.csv", user=[""] * 60),
                validation_file=self.write("dev.csv"),
            ),
            rules=DivisionRules(split_dev_in_half=True),
        )
        self.assertLen(data.train, 60)
        self.assertEmpty(self.users(data.validation) & self.users(data.test))
        self.assertLen(data.validation, 30)

    def test_copies_join_groups(self):
        texts = [f"text {i}" for i in range(60)]
        texts[1] = texts[0].upper()  # Users 0 and 1.
        path = self.write("a.csv", text=texts)
        for seed in range(10):
            data = load_splits(
                self.task,
                DataSources(train_file=path),
                rules=DivisionRules(split_seed=seed),
            )
            users = self.users(data.validation)
            self.assertEqual(0 in users, 1 in users)

    def test_no_rows_to_divide_are_refused(self):
        with self.assertRaisesRegex(
            ValueError, "only where rows are held out.*--test_proportion=0.2"
        ):
            load_splits(
                self.task,
                DataSources(
                    train_file=self.write("a.csv"),
                    validation_file=self.write("dev.csv"),
                ),
            )

    @parameterized.parameters(
        ("csv", "", "user='' in .*a.csv, row 1 "),
        ("jsonl", None, "user=null in .*a.jsonl, row 1 "),
        ("jsonl", float("nan"), "user='NaN', a number, in .*, row 1 "),
        ("jsonl", [1], "user=.*a list or an object, in .*, row 1 "),
    )
    def test_a_row_without_a_group_is_refused(self, extension, value, said):
        path = self.write(f"a.{extension}", user=[value] + ["u"] * 59)
        with self.assertRaisesRegex(
            ValueError, f"no group: `user` holds .*{said}.*--group_column"
        ):
            load_splits(self.task, DataSources(train_file=path))

    def test_a_task_without_such_a_column_is_refused(self):
        task = dataclasses.replace(
            get_task("product_reviews"), group_column="user"
        )
        with self.assertRaisesRegex(
            ValueError, "column='user' for .*'text', 'label'.*--group_column"
        ):
            load_splits(task)

    def test_files_that_are_given_are_left_as_they_are(self):
        """And what they have in common is counted."""
        task = dataclasses.replace(self.task, group_column=None)
        text = [f"a.csv text {i}".upper() for i in range(57, 117)]
        with self.assertLogs("absl", "WARNING") as logs:
            data = load_splits(
                task,
                DataSources(
                    train_file=self.write("a.csv"),
                    validation_file=self.write("dev.csv"),
                    test_file=self.write("test.csv", text=text),
                ),
            )
        self.assertEqual(data.num_in_train, {"test": 3})
        self.assertLen(data.test, 60)
        self.assertIn("3 of the 60 test rows are copies", logs.output[0])


@pytest.mark.large
class RealCopiesTest(parameterized.TestCase):
    """Files with copies, of which earlier versions parted many."""

    @parameterized.parameters(
        ("SMSSpam/SMSSpamCollection", "2", "1", 415),
        ("SST-2/train.tsv", "sentence", "label", 371),
        ("TREC/TREC.train", "2", "1", 72),
    )
    def test_no_text_is_in_two_splits(self, name, text, label, surplus):
        lines = (_REAL_DATA / name).read_bytes().decode("latin-1").split("\n")
        if name.startswith("TREC"):  # ABBR:exp What does ...
            lines = [re.sub(r":\w+ ", "\t", line, count=1) for line in lines]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "all.tsv")
            path.write_text("\n".join(lines), "latin-1")
            task = custom_task(text_column=text, label_column=label)
            with self.assertLogs("absl", "INFO") as logs:
                data = load_splits(
                    task,
                    DataSources(
                        train_file=str(path), text_format=TextFormat("latin-1")
                    ),
                    rules=DivisionRules(test_proportion=0.2),
                )
        self.assertIn(
            f"(but for case and spaces): {surplus}. They", "".join(logs.output)
        )
        keys = [set(copy_keys(rows)) for rows in data.splits().values()]
        self.assertLen(set().union(*keys), sum(map(len, keys)))
        self.assertEmpty(data.num_in_train)
        # As many rows of each class as without copies.
        labels = np.concatenate([x.labels for x in data.splits().values()])
        np.testing.assert_array_equal(
            np.bincount(data.validation.labels),
            (np.bincount(labels) * 0.1 + 0.5).astype(int),
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
            get_task(name),
            DataSources(data_dir=str(_REAL_DATA)),
            rules=DivisionRules(split_dev_in_half=True),
        )
        self.assertLen(data.validation, validation)
        self.assertLen(data.test, test)

    @parameterized.parameters(("rte", 73, 73), ("sst-2", 214, 214))
    def test_halves_hold_as_many_of_each_class(self, name, validation, test):
        data = load_splits(
            get_task(name),
            DataSources(data_dir=str(_REAL_DATA)),
            rules=DivisionRules(split_dev_in_half=True),
        )
        first_class = [
            np.sum(x.labels == 0) for x in (data.validation, data.test)
        ]
        self.assertEqual(first_class, [validation, test])

    @parameterized.parameters("rte", "mrpc", "cola", "sst-2")
    def test_a_thousand_rows_are_half_of_each_class(self, name):
        data = load_splits(
            get_task(name),
            DataSources(data_dir=str(_REAL_DATA)),
            rules=DivisionRules(max_train_examples=1000),
        )
        self.assertEqual(np.bincount(data.train.labels).tolist(), [500, 500])
