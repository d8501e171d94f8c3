"""Tests of tf_bert/data/tasks/load_splits.py, by `run_data.load`."""

import dataclasses
import logging
import os
import pathlib

import numpy as np
import pytest
from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.known_tasks import custom_task, get_task
from tf_bert.data.tasks.load_splits import load_split

_REAL_DATA = pathlib.Path(__file__).parents[3] / "../shared/data"
_OWN = custom_task(text_column="text", label_column="label")


def load(task, **flags):
    if isinstance(task, str):
        task = get_task(task)
    return run_data.load(Config(output_dir="x", **flags), task)


def load_whole(task, **flags):
    return load(task, validation_proportion=0, **flags)


class LoadTest(WithFolder):
    def test_texts_pairs_labels_and_row_numbers(self):
        train = self.write_rows(
            "t.tsv",
            ("label", "b", "a"),
            ("yes", "b 1", " a 1 "),
            ("no ", "b 2", "a 2"),
        )
        task = custom_task(
            text_column="a", text_pair_column="b", label_column="label"
        )
        data = load_whole(task, train_file=train)
        self.assertEqual(data.task.label_names, ("no", "yes"))
        self.assertEqual(data.train.texts, (" a 1 ", "a 2"))
        self.assertEqual(data.train.text_pairs, ("b 1", "b 2"))
        np.testing.assert_array_equal(data.train.labels, [1, 0])
        self.assertEqual(data.train.labels.dtype, np.int32)
        np.testing.assert_array_equal(data.train.row_numbers, [1, 2])
        self.assertEqual(data.train.source, train)
        self.assertEqual(list(data.splits()), ["train"])

    def test_rows_of_a_pattern_are_named_by_their_own_file(self):
        self.write_labelled("p1.tsv", "yes", "no", "yes")
        self.write_labelled("p2.tsv", "no", "maybe")
        pattern = str(self.folder / "p?.tsv")
        task = dataclasses.replace(_OWN, label_names=("no", "yes", "maybe"))
        examples = load_split(task, pattern)
        np.testing.assert_array_equal(examples.labels, [1, 0, 1, 0, 2])
        np.testing.assert_array_equal(examples.row_numbers, [1, 2, 3, 4, 5])
        task = dataclasses.replace(_OWN, label_names=("no", "yes"))
        with self.assertRaisesRegex(
            ValueError, r"label='maybe' in .*/p2.tsv, row 2 \("
        ):
            load_split(task, pattern)

    def test_the_text_format_is_of_the_files_given_one_by_one(self):
        train = self.folder / "train.csv"
        train.write_bytes(b"sentence;label\ncaf\xe9;1\nx;0\n")
        self.write_rows("dev.tsv", ("sentence", "label"), ("thé", "1"))
        data = load(
            "sst-2",
            data_dir=str(self.folder),
            train_file=str(train),
            encoding="cp1252",
            delimiter="semicolon",
        )
        self.assertEqual(data.train.texts, ("café", "x"))
        self.assertEqual(data.validation.texts, ("thé",))

    def test_regression_labels_are_scores(self):
        train = self.write_labelled("t.tsv", "2.5", "-1", "0")
        task = dataclasses.replace(_OWN, is_regression=True)
        data = load_whole(task, train_file=train)
        np.testing.assert_array_equal(data.train.labels, [2.5, -1, 0])
        self.assertEqual(data.train.labels.dtype, np.float32)
        self.assertIsNone(data.task.label_names)

    def test_given_files_are_the_splits_and_nothing_is_held_out(self):
        data = load(
            _OWN,
            train_file=self.write_labelled("t.tsv", *"ab" * 5),
            validation_file=self.write_labelled("v.tsv", "b"),
            test_file=self.write_labelled("x.tsv", "a", "b"),
            validation_proportion=0.5,
            test_proportion=0.5,
        )
        sizes = {split: len(rows) for split, rows in data.splits().items()}
        self.assertEqual(sizes, {"train": 10, "validation": 1, "test": 2})
        np.testing.assert_array_equal(data.validation.labels, [1])

    def test_validation_is_held_out_by_class_in_file_order(self):
        train = self.write_labelled("t.tsv", *"aaab" * 10)
        data = load(_OWN, train_file=train)
        self.assertEqual(np.bincount(data.validation.labels).tolist(), [3, 1])
        self.assertEqual(np.bincount(data.train.labels).tolist(), [27, 9])
        numbers = [*data.train.row_numbers, *data.validation.row_numbers]
        self.assertEqual(sorted(numbers), list(range(1, 41)))
        for split in (data.train, data.validation):
            self.assertTrue(np.all(np.diff(split.row_numbers) > 0))
            texts = tuple(f"text {number}" for number in split.row_numbers)
            self.assertEqual(split.texts, texts)


class DataDirTest(WithFolder):
    def setUp(self):
        super().setUp()
        header = ("sentence", "label")
        self.write_rows("SST-2/train.tsv", header, ("good", "1"), ("bad", "0"))
        self.write_rows("SST-2/dev.tsv", header, ("fine", "1"))

    @parameterized.parameters("", "SST-2", "SST-2/")
    def test_the_folder_or_its_parent(self, name):
        data = load("sst-2", data_dir=os.path.join(self.folder, name))
        self.assertEqual(data.train.texts, ("good", "bad"))
        self.assertEqual(data.validation.texts, ("fine",))
        self.assertIsNone(data.test)

    def test_a_given_file_goes_before_the_folder(self):
        other = self.write_rows("o.tsv", ("sentence", "label"), ("other", "0"))
        data = load("sst-2", data_dir=str(self.folder), validation_file=other)
        self.assertEqual(data.validation.texts, ("other",))
        self.assertEqual(data.train.texts, ("good", "bad"))

    def test_a_missing_file_of_the_folder_is_not_replaced(self):
        (self.folder / "SST-2/dev.tsv").unlink()
        with self.assertRaisesRegex(FileNotFoundError, r"SST-2/dev\.tsv"):
            load("sst-2", data_dir=str(self.folder))

    @parameterized.parameters(
        ("rte", ["data_dir"], "neither train.tsv and dev.tsv nor .* RTE .*--t"),
        ("rte", ["validation_file"], "Pass --data_dir or --train"),
        (_OWN, [], r"Pass --train_file\."),
        (_OWN, ["data_dir"], "`data_dir` cannot be combined .*--train_file"),
    )
    def test_a_task_without_its_data_is_refused(self, task, given, message):
        sources = dict.fromkeys(given, str(self.folder))
        error = FileNotFoundError if "neither" in message else ValueError
        with self.assertRaisesRegex(error, message):
            load(task, **sources)


class RefusedRowsTest(WithFolder):
    @parameterized.parameters(
        (["yes", "maybe"], ("no", "yes"), "not in `label_names`. .*row 2"),
        (["yes", "yes"], None, "the same label"),
        (["yes", "yes"], ("no", "yes"), "the same label"),
        (["yes", " ", "no"], None, "label='' in .*t.tsv, row 2"),
        (["yes", "no"], None, "'other' in .*f.tsv, row 1 .*no,yes,other"),
    )
    def test_labels(self, labels, names, message):
        """The validation file has a label of its own."""
        task = dataclasses.replace(_OWN, label_names=names)
        with self.assertRaisesRegex(ValueError, message):
            load(
                task,
                train_file=self.write_labelled("t.tsv", *labels),
                validation_file=self.write_labelled("f.tsv", "other"),
            )

    @parameterized.product(text=("", "\u3000"), name=("text", "pair"))
    def test_empty_text_or_pair(self, text, name):
        task = dataclasses.replace(_OWN, text_pair_column="pair")
        row = {"text": "a", "pair": "b", "label": "1", name: text}
        train = self.write_rows(
            "t.tsv", tuple(row), ("a", "b", "0"), tuple(row.values())
        )
        with self.assertRaisesRegex(
            ValueError, rf"no text in `{name}`.*t.tsv, row 2 \(line 3\). Fill"
        ):
            load(task, train_file=train)
        data = load_whole(task, train_file=train, mode="inspect")
        self.assertIn(text, (data.train.texts[1], data.train.text_pairs[1]))

    @parameterized.parameters(
        ("1", "2", [("a", "1"), ("b", "")], "`column_2` .*column_2='' in"),
        (
            "text",
            "label",
            [("text", "stars"), ("a", "1")],
            r"column='label' .*\(columns: 'text', 'stars'\)",
        ),
        (
            "text",
            "label",
            [("text", "label"), ("a", "x"), ("a", "y"), ("a", "z")],
            "3 classes .*--metric=macro_f1",
        ),
    )
    def test_what_does_not_fit_the_task(self, text, label, rows, message):
        task = custom_task(text_column=text, label_column=label, metric="f1")
        with self.assertRaisesRegex(ValueError, message):
            load(task, train_file=self.write_rows("t.tsv", *rows))


class TestGlueFolders:
    """The official formats of the tasks of which there is no real data here."""

    def test_malformed_rows_of_qqp_are_left_out_and_counted(
        self, glue_dir, caplog
    ):
        caplog.set_level(logging.INFO)
        data = load("qqp", data_dir=str(glue_dir))
        assert data.train.row_numbers.tolist() == [1, 2, 4, *range(6, 21)]
        assert data.train.texts[2:4] == ("Why 3?", "Why 5?")
        assert "2 malformed rows of" in caplog.text
        assert "QQP/train.tsv are left out" in caplog.text
        assert "rows 3, 5." in caplog.text

    @pytest.mark.parametrize(
        "task, row, found",
        [
            ("QQP", "1\t2\t3\ta\tb\tc\t0\n", "7 fields in .*row 21"),
            ("CoLA", "20\ta\n", "2 fields in .*row 13"),
        ],
    )
    def test_too_many_fields_and_too_few_in_another_task_are_errors(
        self, glue_dir, tmp_path, task, row, found
    ):
        path = tmp_path / "train.tsv"
        good = (glue_dir / task / "train.tsv").read_text(encoding="utf-8")
        path.write_text(good + row, encoding="utf-8")
        with pytest.raises(ValueError, match=found):
            load(task, train_file=str(path))

    def test_mnli_has_a_second_validation_split(self, glue_dir):
        data = load("mnli", data_dir=str(glue_dir))
        assert {k: len(rows) for k, rows in data.splits().items()} == {
            "train": 21,
            "validation": 9,
            "validation_mismatched": 12,
        }
        assert data.validation.texts[0].startswith("matched")
        further = data.further["validation_mismatched"]
        assert further.texts[0].startswith("mismatched")
        assert further.text_pairs[0] == "hypothesis 0"
        # The gold label, not that of the first annotator.
        assert further.labels[:3].tolist() == [2, 0, 1]


@pytest.mark.large
class RealDataTest(parameterized.TestCase):
    @parameterized.parameters(
        ("rte", [1249, 1241], [146, 131]),
        ("mrpc", [1194, 2474], [129, 279]),
        ("cola", [2528, 6023], [322, 721]),
        ("sst-2", [29780, 37569], [428, 444]),
        (
            "sts-b",
            [891, 882, 982, 1588, 1140, 266],
            [344, 254, 273, 365, 208, 56],
        ),
    )
    def test_glue_has_its_official_counts(self, name, train, validation):
        data = load(name, data_dir=str(_REAL_DATA))
        for split, counts in (
            (data.train, train),
            (data.validation, validation),
        ):
            # The score of STS-B without its decimals.
            found = np.bincount(split.labels.astype(int))
            self.assertEqual(found.tolist(), counts)

    def test_banking77_keeps_line_breaks_inside_quotes(self):
        folder = _REAL_DATA / "Banking77"
        data = load_whole(
            custom_task(text_column="text", label_column="category"),
            train_file=str(folder / "train.csv"),
            test_file=str(folder / "test.csv"),
        )
        self.assertLen(data.train, 10003)
        self.assertLen(data.test, 3080)
        self.assertLen(data.task.label_names, 77)
        self.assertEqual(sum("\n" in text for text in data.train.texts), 10)
        self.assertEqual(sum("\n" in text for text in data.test.texts), 3)

    @parameterized.parameters("amazon_cells", "imdb", "yelp")
    def test_uci_sentences_split_at_newlines_only(self, name):
        path = _REAL_DATA / f"UCI_sentences/{name}_labelled.txt"
        data = load_whole(
            custom_task(text_column="1", label_column="2"),
            train_file=str(path),
        )
        self.assertEqual(np.bincount(data.train.labels).tolist(), [500, 500])
