"""Tests of tf_bert/data/tasks/load_splits.py."""

import dataclasses
import logging
import os
import pathlib
import shutil
import tempfile

import numpy as np
import pytest
from absl.testing import parameterized

from tf_bert.config.text_format import TextFormat
from tf_bert.data.tasks.data_sources import DataSources
from tf_bert.data.tasks.divide import DivisionRules
from tf_bert.data.tasks.known_tasks import custom_task, get_task
from tf_bert.data.tasks.load_splits import load_split, load_splits

_REAL_DATA = pathlib.Path(__file__).parents[3] / "../shared/data"


def _rows(*rows: tuple[str, ...]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)


class SourcesTestCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.task = custom_task(text_column="text", label_column="label")

    def write(self, name: str, *rows: tuple[str, ...]) -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(_rows(*rows), encoding="utf-8")
        return str(path)

    def write_labelled(self, name: str, *labels: str) -> str:
        rows = [(f"text {i}", label) for i, label in enumerate(labels, 1)]
        return self.write(name, ("text", "label"), *rows)


class LoadSplitsTest(SourcesTestCase):
    def test_texts_pairs_labels_and_row_numbers(self):
        train = self.write(
            "t.tsv",
            ("label", "b", "a"),
            ("yes", "b 1", " a 1 "),
            ("no ", "b 2", "a 2"),
        )
        task = custom_task(
            text_column="a", text_pair_column="b", label_column="label"
        )
        data = load_splits(
            task,
            DataSources(train_file=train),
            rules=DivisionRules(validation_proportion=0),
        )
        self.assertEqual(data.task.label_names, ("no", "yes"))
        self.assertEqual(data.train.texts, (" a 1 ", "a 2"))
        self.assertEqual(data.train.text_pairs, ("b 1", "b 2"))
        np.testing.assert_array_equal(data.train.labels, [1, 0])
        self.assertEqual(data.train.labels.dtype, np.int32)
        np.testing.assert_array_equal(data.train.row_numbers, [1, 2])
        self.assertEqual(data.train.source, train)
        self.assertIsNone(data.validation)
        self.assertIsNone(data.test)

    def test_files_without_a_header(self):
        train = self.write("t.txt", ("x", "1", "a"), ("y", "0", "b"))
        task = custom_task(text_column="3", label_column="2")
        data = load_splits(
            task,
            DataSources(train_file=train),
            rules=DivisionRules(validation_proportion=0),
        )
        self.assertEqual(data.train.texts, ("a", "b"))
        np.testing.assert_array_equal(data.train.labels, [1, 0])

    def test_rows_of_a_pattern_are_named_by_their_own_file(self):
        self.write_labelled("p1.tsv", "yes", "no", "yes")
        self.write_labelled("p2.tsv", "no", "maybe")
        pattern = str(self.folder / "p?.tsv")
        task = dataclasses.replace(
            self.task, label_names=("no", "yes", "maybe")
        )
        examples = load_split(task, pattern)
        np.testing.assert_array_equal(examples.labels, [1, 0, 1, 0, 2])
        np.testing.assert_array_equal(examples.row_numbers, [1, 2, 3, 4, 5])
        task = dataclasses.replace(self.task, label_names=("no", "yes"))
        with self.assertRaisesRegex(
            ValueError, r"label='maybe' in .*/p2.tsv, row 2 \("
        ):
            load_split(task, pattern)

    def test_the_text_format_is_of_the_files_given_one_by_one(self):
        text_format = TextFormat(encoding="cp1252", delimiter="semicolon")
        train = self.folder / "train.csv"
        train.write_bytes(b"sentence;label\ncaf\xe9;1\nx;0\n")
        self.write("dev.tsv", ("sentence", "label"), ("thé", "1"))
        data = load_splits(
            get_task("sst-2"),
            DataSources(
                data_dir=str(self.folder),
                train_file=str(train),
                text_format=text_format,
            ),
        )
        self.assertEqual(data.train.texts, ("café", "x"))
        self.assertEqual(data.validation.texts, ("thé",))

    def test_regression_labels_are_scores(self):
        train = self.write_labelled("t.tsv", "2.5", "-1", "0")
        task = dataclasses.replace(self.task, is_regression=True)
        data = load_splits(
            task,
            DataSources(train_file=train),
            rules=DivisionRules(validation_proportion=0),
        )
        np.testing.assert_array_equal(data.train.labels, [2.5, -1, 0])
        self.assertEqual(data.train.labels.dtype, np.float32)
        self.assertIsNone(data.task.label_names)

    def test_given_files_are_the_splits_and_nothing_is_held_out(self):
        data = load_splits(
            self.task,
            DataSources(
                train_file=self.write_labelled("t.tsv", *"ab" * 5),
                validation_file=self.write_labelled("v.tsv", "b"),
                test_file=self.write_labelled("x.tsv", "a", "b"),
            ),
            rules=DivisionRules(validation_proportion=0.5, test_proportion=0.5),
        )
        self.assertLen(data.train, 10)
        self.assertLen(data.validation, 1)
        self.assertLen(data.test, 2)
        np.testing.assert_array_equal(data.validation.labels, [1])

    def test_validation_is_held_out_by_class_in_file_order(self):
        train = self.write_labelled("t.tsv", *"aaab" * 10)
        data = load_splits(self.task, DataSources(train_file=train))
        self.assertEqual(np.bincount(data.validation.labels).tolist(), [3, 1])
        self.assertEqual(np.bincount(data.train.labels).tolist(), [27, 9])
        numbers = [*data.train.row_numbers, *data.validation.row_numbers]
        self.assertEqual(sorted(numbers), list(range(1, 41)))
        for split in (data.train, data.validation):
            self.assertTrue(np.all(np.diff(split.row_numbers) > 0))
            texts = tuple(f"text {number}" for number in split.row_numbers)
            self.assertEqual(split.texts, texts)

    def test_validation_rows_do_not_depend_on_the_test_proportion(self):
        train = self.write_labelled("t.tsv", *"ab" * 20)
        one = load_splits(self.task, DataSources(train_file=train))
        two = load_splits(
            self.task,
            DataSources(train_file=train),
            rules=DivisionRules(test_proportion=0.2),
        )
        self.assertEqual(one.validation.texts, two.validation.texts)
        self.assertLen(two.test, 8)
        self.assertLen(two.train, 28)
        self.assertEmpty(set(two.test.texts) & set(two.validation.texts))

    def test_test_is_held_out_beside_a_validation_file(self):
        data = load_splits(
            self.task,
            DataSources(
                train_file=self.write_labelled("t.tsv", *"ab" * 20),
                validation_file=self.write_labelled("v.tsv", "a"),
            ),
            rules=DivisionRules(test_proportion=0.25),
        )
        self.assertEqual(
            [len(data.train), len(data.validation), len(data.test)], [30, 1, 10]
        )

    def test_split_seed_alone_decides_the_rows(self):
        train = self.write_labelled("t.tsv", *"ab" * 50)
        one, same, other = (
            load_splits(
                self.task,
                DataSources(train_file=train),
                rules=DivisionRules(split_seed=seed),
            )
            for seed in (0, 0, 1)
        )
        self.assertEqual(one.validation.texts, same.validation.texts)
        self.assertNotEqual(one.validation.texts, other.validation.texts)

    def test_given_label_names_decide_the_ids(self):
        task = dataclasses.replace(self.task, label_names=("b", "c", "a"))
        data = load_splits(
            task,
            DataSources(train_file=self.write_labelled("t.tsv", "a", "b")),
            rules=DivisionRules(validation_proportion=0),
        )
        np.testing.assert_array_equal(data.train.labels, [2, 0])
        self.assertEqual(data.task.label_names, ("b", "c", "a"))


class DataDirTest(SourcesTestCase):
    def setUp(self):
        super().setUp()
        header = ("sentence", "label")
        self.write("SST-2/train.tsv", header, ("good", "1"), ("bad", "0"))
        self.write("SST-2/dev.tsv", header, ("fine", "1"))

    @parameterized.parameters("", "SST-2", "SST-2/")
    def test_the_folder_or_its_parent(self, name):
        data = load_splits(
            get_task("sst-2"),
            DataSources(data_dir=os.path.join(self.folder, name)),
        )
        self.assertEqual(data.train.texts, ("good", "bad"))
        self.assertEqual(data.validation.texts, ("fine",))
        self.assertIsNone(data.test)

    def test_a_given_file_goes_before_the_folder(self):
        other = self.write("o.tsv", ("sentence", "label"), ("other", "0"))
        data = load_splits(
            get_task("sst-2"),
            DataSources(data_dir=str(self.folder), validation_file=other),
        )
        self.assertEqual(data.validation.texts, ("other",))
        self.assertEqual(data.train.texts, ("good", "bad"))

    def test_a_missing_file_of_the_folder_is_not_replaced(self):
        (self.folder / "SST-2/dev.tsv").unlink()
        with self.assertRaisesRegex(FileNotFoundError, r"SST-2/dev\.tsv"):
            load_splits(
                get_task("sst-2"), DataSources(data_dir=str(self.folder))
            )

    def test_a_folder_without_the_task_is_refused(self):
        with self.assertRaisesRegex(
            FileNotFoundError,
            "neither train.tsv and dev.tsv nor a folder RTE .*data_dir='.*--tr",
        ):
            load_splits(get_task("rte"), DataSources(data_dir=str(self.folder)))

    def test_a_task_without_data_is_refused(self):
        with self.assertRaisesRegex(ValueError, "Pass --data_dir or --train"):
            load_splits(get_task("rte"), DataSources(validation_file="dev.tsv"))
        with self.assertRaisesRegex(ValueError, r"Pass --train_file\."):
            load_splits(self.task)

    def test_data_dir_is_not_for_own_files(self):
        with self.assertRaisesRegex(
            ValueError, "`data_dir` cannot be combined .*Pass --train_file"
        ):
            load_splits(self.task, DataSources(data_dir=str(self.folder)))


class BundledTaskTest(SourcesTestCase):
    def test_product_reviews_are_found_from_any_folder(self):
        folder = os.getcwd()
        self.addCleanup(os.chdir, folder)
        os.chdir(self.folder)
        data = load_splits(get_task("product_reviews"))
        for split in (data.train, data.validation, data.test):
            self.assertEqual(set(split.labels), {0, 1})
        self.assertGreater(len(data.train), len(data.validation))


class RefusedRowsTest(SourcesTestCase):
    def test_unknown_label_in_validation(self):
        with self.assertRaisesRegex(
            ValueError,
            "not in the training labels. Received: label='maybe' in .*v.tsv, "
            r"row 2 \(labels: no, yes\).*--label_names=no,yes,maybe",
        ):
            load_splits(
                self.task,
                DataSources(
                    train_file=self.write_labelled("t.tsv", "yes", "no"),
                    validation_file=self.write_labelled("v.tsv", "no", "maybe"),
                ),
            )

    def test_unknown_label_in_training_with_given_names(self):
        task = dataclasses.replace(self.task, label_names=("no", "yes"))
        train = self.write_labelled("t.tsv", "yes", "maybe")
        with self.assertRaisesRegex(
            ValueError, "not in `label_names`. .*row 2"
        ):
            load_splits(task, DataSources(train_file=train))

    @parameterized.named_parameters(("found", None), ("given", ("no", "yes")))
    def test_one_class_in_training_with_names(self, label_names):
        task = dataclasses.replace(self.task, label_names=label_names)
        train = self.write_labelled("t.tsv", "yes", "yes")
        with self.assertRaisesRegex(ValueError, "two classes or more"):
            load_splits(task, DataSources(train_file=train))

    def test_empty_label(self):
        train = self.write_labelled("t.tsv", "yes", " ", "no")
        with self.assertRaisesRegex(ValueError, "label='' in .*t.tsv, row 2"):
            load_splits(self.task, DataSources(train_file=train))

    def test_label_column_without_a_header_is_named_by_number(self):
        train = self.write("t.tsv", ("a", "1"), ("b", ""))
        task = custom_task(text_column="1", label_column="2")
        with self.assertRaisesRegex(ValueError, "`column_2` .*column_2='' in"):
            load_splits(task, DataSources(train_file=train))

    def test_empty_texts_are_read_on_request(self):
        train = self.write(
            "t.tsv", ("text", "label"), ("a", "0"), ("", "1"), (" ", "1")
        )
        data = load_splits(
            self.task,
            DataSources(
                train_file=train, validation_file=train, allow_empty_texts=True
            ),
        )
        self.assertEqual(data.train.texts, ("a", "", " "))
        self.assertEqual(data.validation.texts, ("a", "", " "))

    @parameterized.parameters("", "  ", "\u3000", "\xa0")
    def test_empty_text_or_pair(self, text):
        for row in ((text, "a", "1"), ("a", text, "1")):
            train = self.write(
                "t.tsv", ("text", "pair", "label"), ("a", "b", "0"), row
            )
            name = "text" if row[0] == text else "pair"
            task = dataclasses.replace(self.task, text_pair_column="pair")
            with self.assertRaisesRegex(
                ValueError,
                rf"no text in `{name}`.*t.tsv, row 2 \(line 3\). Fill",
            ):
                load_splits(task, DataSources(train_file=train))

    def test_missing_label_column(self):
        train = self.write("t.tsv", ("text", "stars"), ("a", "1"))
        with self.assertRaisesRegex(
            ValueError, r"column='label' .*\(columns: 'text', 'stars'\)"
        ):
            load_splits(self.task, DataSources(train_file=train))

    def test_f1_of_three_classes(self):
        task = dataclasses.replace(self.task, metric="f1")
        train = self.write_labelled("t.tsv", "a", "b", "c")
        with self.assertRaisesRegex(
            ValueError, "3 classes .*--metric=macro_f1"
        ):
            load_splits(task, DataSources(train_file=train))

    def test_held_out_parts_that_leave_nothing(self):
        train = self.write_labelled("t.tsv", *"ab" * 10)
        with self.assertRaisesRegex(
            ValueError, "validation_proportion=0.5, test_proportion=0.5. Lower"
        ):
            load_splits(
                self.task,
                DataSources(train_file=train),
                rules=DivisionRules(
                    validation_proportion=0.5, test_proportion=0.5
                ),
            )


class TestGlueFolders:
    """The official formats of the tasks of which there is no real data here."""

    def test_malformed_rows_of_qqp_are_left_out_and_counted(
        self, glue_dir, caplog
    ):
        caplog.set_level(logging.INFO)
        data = load_splits(get_task("qqp"), DataSources(data_dir=str(glue_dir)))
        assert data.train.row_numbers.tolist() == [1, 2, 4, *range(6, 21)]
        assert data.train.texts[2:4] == ("Why 3?", "Why 5?")
        assert "2 malformed rows of" in caplog.text
        assert "QQP/train.tsv are left out" in caplog.text
        assert "rows 3, 5." in caplog.text

    def test_a_row_of_qqp_with_too_many_fields_is_an_error(
        self, glue_dir, tmp_path
    ):
        path = tmp_path / "train.tsv"
        good = (glue_dir / "QQP" / "train.tsv").read_text(encoding="utf-8")
        path.write_text(good + "1\t2\t3\ta\tb\tc\t0\n", encoding="utf-8")
        with pytest.raises(ValueError, match="Received: 7 fields in .*row 21"):
            load_splits(get_task("qqp"), DataSources(train_file=str(path)))

    def test_a_row_of_another_task_with_too_few_is_an_error(
        self, glue_dir, tmp_path
    ):
        path = tmp_path / "train.tsv"
        good = (glue_dir / "QNLI" / "train.tsv").read_text(encoding="utf-8")
        path.write_text(good + "20\ta\n", encoding="utf-8")
        with pytest.raises(ValueError, match="Received: 2 fields in .*row 21"):
            load_splits(get_task("qnli"), DataSources(train_file=str(path)))

    def test_mnli_has_a_second_validation_split(self, glue_dir):
        data = load_splits(
            get_task("mnli"), DataSources(data_dir=str(glue_dir))
        )
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

    def test_both_dev_files_of_mnli_must_be_there(self, glue_dir, tmp_path):
        for name in ("train.tsv", "dev_matched.tsv"):
            shutil.copy(glue_dir / "MNLI" / name, tmp_path)
        with pytest.raises(FileNotFoundError, match="dev_mismatched.tsv"):
            load_splits(get_task("mnli"), DataSources(data_dir=str(tmp_path)))

    def test_labels_of_qnli(self, glue_dir):
        data = load_splits(
            get_task("qnli"), DataSources(data_dir=str(glue_dir))
        )
        assert data.train.texts[0] == '"Yes 0'
        assert data.train.labels[:4].tolist() == [1, 0, 0, 1]


class LoadSplitTest(SourcesTestCase):
    def test_ids_are_those_of_the_task(self):
        task = dataclasses.replace(self.task, label_names=("no", "yes"))
        examples = load_split(task, self.write_labelled("v.tsv", "yes"))
        np.testing.assert_array_equal(examples.labels, [1])

    def test_labels_must_be_known(self):
        path = self.write_labelled("v.tsv", "yes")
        with self.assertRaisesRegex(ValueError, "Pass --label_names"):
            load_split(self.task, path)


@pytest.mark.large
class RealDataTest(parameterized.TestCase):
    @parameterized.parameters(
        ("rte", [1249, 1241], [146, 131]),
        ("mrpc", [1194, 2474], [129, 279]),
        ("cola", [2528, 6023], [322, 721]),
        ("sst-2", [29780, 37569], [428, 444]),
    )
    def test_glue_classification_has_its_official_counts(
        self, name, train, validation
    ):
        data = load_splits(
            get_task(name), DataSources(data_dir=str(_REAL_DATA))
        )
        self.assertEqual(np.bincount(data.train.labels).tolist(), train)
        self.assertEqual(
            np.bincount(data.validation.labels).tolist(), validation
        )

    def test_sts_b_has_its_official_counts(self):
        data = load_splits(
            get_task("sts-b"), DataSources(data_dir=str(_REAL_DATA))
        )
        for split, counts in (
            (data.train, [891, 882, 982, 1588, 1140, 266]),
            (data.validation, [344, 254, 273, 365, 208, 56]),
        ):
            self.assertEqual(
                np.bincount(split.labels.astype(int)).tolist(), counts
            )

    def test_banking77_keeps_line_breaks_inside_quotes(self):
        folder = _REAL_DATA / "Banking77"
        data = load_splits(
            custom_task(text_column="text", label_column="category"),
            DataSources(
                train_file=str(folder / "train.csv"),
                test_file=str(folder / "test.csv"),
            ),
            rules=DivisionRules(validation_proportion=0),
        )
        self.assertLen(data.train, 10003)
        self.assertLen(data.test, 3080)
        self.assertLen(data.task.label_names, 77)
        self.assertEqual(sum("\n" in text for text in data.train.texts), 10)
        self.assertEqual(sum("\n" in text for text in data.test.texts), 3)

    @parameterized.parameters("amazon_cells", "imdb", "yelp")
    def test_uci_sentences_split_at_newlines_only(self, name):
        path = _REAL_DATA / f"UCI_sentences/{name}_labelled.txt"
        data = load_splits(
            custom_task(text_column="1", label_column="2"),
            DataSources(train_file=str(path)),
            rules=DivisionRules(validation_proportion=0),
        )
        self.assertEqual(np.bincount(data.train.labels).tolist(), [500, 500])
