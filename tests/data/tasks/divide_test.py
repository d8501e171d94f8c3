"""Tests of tf_bert/data/tasks/divide.py."""

import pathlib
import re
import tempfile

import numpy as np
import pytest
from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.copies import copy_keys
from tf_bert.data.tasks.divide import DivisionRules, divide
from tf_bert.data.tasks.examples import Examples

_REAL_DATA = pathlib.Path(__file__).parents[3] / "../shared/data"


def _examples(size: int, source: str) -> Examples:
    return Examples(
        texts=tuple(f"{source} {i}" for i in range(size)),
        text_pairs=None,
        labels=(np.arange(size) % 2).astype(np.int32),
        row_numbers=np.arange(1, size + 1),
        source=source,
    )


_TRAIN, _DEV = _examples(40, "train"), _examples(20, "dev")


def _load(**flags):
    config = Config(output_dir="x", **flags)
    return run_data.load(config, run_data.get_task(config))


def _divide(given=("train",), **rules):
    splits = {split: _DEV for split in given} | {"train": _TRAIN}
    return divide(splits, 2, DivisionRules(**rules))


class DivideTest(parameterized.TestCase):
    @parameterized.parameters(
        ((), {}, {"train": 36, "validation": 4}),
        ((), {"validation_proportion": 0}, {"train": 40}),
        (
            (),
            {"test_proportion": 0.2},
            {"train": 28, "validation": 4, "test": 8},
        ),
        (
            ["validation"],
            {"test_proportion": 0.25},
            {"train": 30, "validation": 20, "test": 10},
        ),
        ((), {"max_train_examples": 11}, {"train": 10, "validation": 4}),
        (
            ["validation"],
            {"split_dev_in_half": True},
            {"train": 40, "validation": 10, "test": 10},
        ),
    )
    def test_sizes(self, given, rules, expected):
        splits = _divide(given, **rules)
        sizes = {split: len(rows) for split, rows in splits.items()}
        self.assertEqual(sizes, expected)
        texts = [text for rows in splits.values() for text in rows.texts]
        self.assertLen(set(texts), len(texts))

    def test_only_the_training_examples_are_sampled(self):
        given = ("validation", "validation_mismatched", "test")
        divided = _divide(given, max_train_examples=4)
        self.assertLen(divided["train"], 4)
        for split in given:
            self.assertIs(divided[split], _DEV)

    def test_what_is_held_out_does_not_depend_on_what_follows(self):
        whole = _divide(test_proportion=0.2)
        sampled = _divide(test_proportion=0.2, max_train_examples=6)
        for split in ("validation", "test"):
            self.assertEqual(whole[split].texts, sampled[split].texts)
        validation = _divide()["validation"]
        self.assertEqual(whole["validation"].texts, validation.texts)

    @parameterized.parameters(
        (
            [],
            {"split_dev_in_half": True},
            "no validation split.*for train al.*--split_",
        ),
        (
            ["validation", "test"],
            {"split_dev_in_half": True},
            "another test split. Received: .*validation, te.*--split_dev_in_h",
        ),
        (
            ["validation"],
            {"split_dev_in_half": True, "test_proportion": 0.1},
            "test_proportion=0.1. Leave",
        ),
        (
            [],
            {"validation_proportion": 0.5, "test_proportion": 0.5},
            "validation_proportion=0.5, test_proportion=0.5. Lower",
        ),
    )
    def test_rules_that_contradict_are_refused(self, given, rules, message):
        with self.assertRaisesRegex(ValueError, message):
            _divide(["train", *given], **rules)


class GroupsTest(WithFolder):
    """`group_column` and copies, from files to splits."""

    def write(self, name, **changes):
        """Writes 60 rows of 12 users; returns the path."""
        columns = {
            "text": [f"{name} text {i}" for i in range(60)],
            "label": ["yes", "no", "no"] * 20,
            "user": [i % 12 for i in range(60)],
            **changes,
        }
        return self.write_columns(name, columns)

    def users(self, rows):
        return {(number - 1) % 12 for number in rows.row_numbers.tolist()}

    @parameterized.parameters("csv", "tsv", "jsonl", "parquet")
    def test_a_group_is_in_one_split(self, extension):
        path = self.write(f"a.{extension}")
        data = _load(train_file=path, group_column="user", test_proportion=0.2)
        users = [self.users(rows) for rows in data.splits().values()]
        self.assertLen(users, 3)
        self.assertLen(set().union(*users), sum(map(len, users)))

    def test_a_dev_set_is_cut_between_groups(self):
        """The training file, which is not divided, needs no such column."""
        data = _load(
            split_dev_in_half=True,
            group_column="user",
            train_file=self.write("a.csv", user=[""] * 60),
            validation_file=self.write("dev.csv"),
        )
        self.assertLen(data.train, 60)
        self.assertEmpty(self.users(data.validation) & self.users(data.test))
        self.assertLen(data.validation, 30)

    def test_copies_join_groups(self):
        texts = [f"text {i}" for i in range(60)]
        texts[1] = texts[0].upper()  # Users 0 and 1.
        path = self.write("a.csv", text=texts)
        for seed in range(10):
            data = _load(train_file=path, group_column="user", split_seed=seed)
            users = self.users(data.validation)
            self.assertEqual(0 in users, 1 in users)

    def test_no_rows_to_divide_are_refused(self):
        with self.assertRaisesRegex(
            ValueError,
            "no effect where no examples are held out.*--test_proportion=0.2",
        ):
            _load(
                train_file=self.write("a.csv"),
                validation_file=self.write("dev.csv"),
                group_column="user",
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
            _load(train_file=path, group_column="user")

    def test_a_task_without_such_a_column_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "column='user' for .*'text', 'label'.*--group_column"
        ):
            _load(task_name="product_reviews", group_column="user")

    def test_files_that_are_given_are_left_as_they_are(self):
        """And what they have in common is counted."""
        text = [f"a.csv text {i}".upper() for i in range(57, 117)]
        with self.assertLogs("absl", "WARNING") as logs:
            data = _load(
                train_file=self.write("a.csv"),
                validation_file=self.write("dev.csv"),
                test_file=self.write("test.csv", text=text),
            )
        self.assertEqual(data.num_in_train, {"test": 3})
        self.assertLen(data.test, 60)
        self.assertIn("3 of the 60 test examples are copies", logs.output[0])


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
            with self.assertLogs("absl", "INFO") as logs:
                data = _load(
                    text_column=text,
                    label_column=label,
                    train_file=str(path),
                    encoding="latin-1",
                    test_proportion=0.2,
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

    def load(self, name, **rules):
        return _load(task_name=name, data_dir=str(_REAL_DATA), **rules)

    @parameterized.parameters(
        ("rte", 138, 139, [73, 73]),
        ("mrpc", 203, 205, None),
        ("cola", 521, 522, None),
        ("sst-2", 436, 436, [214, 214]),
        ("sts-b", 750, 750, None),
    )
    def test_halves_of_the_dev_set(self, name, validation, test, first_class):
        data = self.load(name, split_dev_in_half=True)
        self.assertLen(data.validation, validation)
        self.assertLen(data.test, test)
        if first_class:
            halves = (data.validation, data.test)
            counts = [np.sum(x.labels == 0) for x in halves]
            self.assertEqual(counts, first_class)

    @parameterized.parameters("rte", "mrpc", "cola", "sst-2")
    def test_a_thousand_rows_are_half_of_each_class(self, name):
        data = self.load(name, max_train_examples=1000)
        self.assertEqual(np.bincount(data.train.labels).tolist(), [500, 500])
