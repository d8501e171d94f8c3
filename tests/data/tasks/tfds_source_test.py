"""Tests of tf_bert/data/tasks/tfds_source.py."""

import dataclasses
import logging
import pathlib

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.known_tasks import get_task
from tf_bert.data.tasks.stored_rows import ChangedDataError
from tf_bert.data.tasks.tfds_source import open_builder, read_splits

_REAL_DATA = pathlib.Path(__file__).parents[3] / "../shared/data"
TASKS = ("QQP", "MNLI", "CoLA")


class KettleReviews(tfds.core.GeneratorBasedBuilder):
    """Without `idx`; some labels are missing, and all of the test split."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict(
            {
                "review": tfds.features.Text(),
                "mood": tfds.features.ClassLabel(names=["good", "bad"]),
                "stars": np.float32,
                "price": np.int64,
                "shop": tfds.features.Text(),
            }
        )
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._rows(30, 5), "test": self._rows(4, 1)}

    def _rows(self, size, unlabelled_every):
        for i in range(size):
            yield (
                i,
                {
                    "review": f"Kettle {i}",
                    "mood": -1 if i % unlabelled_every == 0 else i % 2,
                    "stars": 0.1 * i,
                    "price": i % 3,
                    "shop": " east" if i % 2 else "west",
                },
            )

    def _generate_examples(self):
        """Never called: `_split_generators` yields the rows."""


class _Unavailable(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Ask the authors."

    def _info(self):
        features = {"text": tfds.features.Text(), "label": np.int64}
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features)
        )

    def _generate_examples(self):
        """Never called: there is nothing to generate from."""


class OfflineReviews(_Unavailable):
    def _split_generators(self, dl_manager):
        raise ConnectionError("Failed to resolve example.org")


class ManualReviews(_Unavailable):
    def _split_generators(self, dl_manager):
        return {"train": dl_manager.manual_dir}


class BlankReviews(_Unavailable):
    MANUAL_DOWNLOAD_INSTRUCTIONS = None

    def _split_generators(self, dl_manager):
        return {"train": [(i, {"text": " ", "label": i}) for i in range(2)]}


@pytest.fixture(scope="module")
def glue_tfds(glue_dir, prepare_glue, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    for task in TASKS:
        prepare_glue(glue_dir, task, folder)
    return folder


@pytest.fixture(scope="module")
def kettles(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("tfds"))
    builder = KettleReviews(data_dir=folder)
    builder.download_and_prepare()
    return folder


def configured(folder, name="kettle_reviews", **flags):
    flags = {"text_column": "review", **flags}
    return Config(output_dir="x", tfds_name=name, tfds_data_dir=folder, **flags)


def described(*arguments, **flags):
    return run_data.get_task(configured(*arguments, **flags))


def load(task, **flags):
    if isinstance(task, str):
        task = get_task(task)
    if "tfds_data_dir" in flags:
        flags["tfds_name"] = task.tfds.name
    return run_data.load(Config(output_dir="x", **flags), task)


def assert_same(expected, found):
    """Compares two `TaskData`, row by row."""
    assert list(expected.splits()) == list(found.splits())
    assert expected.task.label_names == found.task.label_names
    for split, rows in expected.splits().items():
        others = found.splits()[split]
        assert rows.texts == others.texts, split
        assert rows.text_pairs == others.text_pairs, split
        np.testing.assert_array_equal(rows.labels, others.labels, split)
        np.testing.assert_array_equal(rows.row_numbers, others.row_numbers)


class TestGlue:
    @pytest.mark.parametrize("name", ["QQP", "CoLA"])
    def test_is_the_same_as_from_the_folder(
        self, glue_tfds, glue_dir, name, caplog
    ):
        caplog.set_level(logging.INFO)
        folder = load(name, data_dir=str(glue_dir))
        assert_same(folder, load(name, tfds_data_dir=str(glue_tfds)))
        malformed = "1 malformed examples of tfds:glue/qqp/2.0.0/train"
        assert (malformed in caplog.text) == (name == "QQP")

    def test_the_same_rows_are_drawn(self, glue_tfds, glue_dir):
        """Though the labels have other ids in the dataset."""
        rules = {
            "split_dev_in_half": True,
            "max_train_examples": 9,
            "split_seed": 4,
        }
        found = load("mnli", tfds_data_dir=str(glue_tfds), **rules)
        assert_same(load("mnli", data_dir=str(glue_dir), **rules), found)
        assert found.train.source == "tfds:glue/mnli/2.0.0/train"
        further = found.further["validation_mismatched"]
        assert further.source.endswith("/validation_mismatched")
        features = open_builder("glue/mnli", str(glue_tfds)).info.features
        assert features["label"].names != list(found.task.label_names)


class TestOtherDatasets:
    def test_rows_without_a_label_are_left_out_and_counted(
        self, kettles, caplog
    ):
        caplog.set_level(logging.INFO)
        task = described(kettles)
        splits = read_splits(task, kettles)
        assert list(splits) == ["train"]
        examples, column = splits["train"]
        assert len(examples) == len(column.values) == 24
        for text, label in zip(examples.texts, column.values, strict=True):
            assert label == ("good", "bad")[int(text.split()[1]) % 2]
        assert (
            "6 of 30 examples of tfds:kettle_reviews/1.0.0/train" in caplog.text
        )
        assert "/test is not used: it has no labels" in caplog.text
        # The log says what is read, and nothing of how.
        for record in caplog.records:
            assert "tensorflow_datasets" not in record.pathname, record
        # Row numbers are places in the stored order.
        dataset = open_builder("kettle_reviews", kettles).as_dataset(
            split="train", shuffle_files=False
        )
        stored = [row["review"].decode() for row in tfds.as_numpy(dataset)]
        numbers = examples.row_numbers
        assert tuple(stored[n - 1] for n in numbers) == examples.texts
        assert np.all(np.diff(numbers) > 0)

    @pytest.mark.parametrize(
        "flags, labels",
        [
            ({"label_column": "price"}, {"0", "1", "2"}),
            ({"label_column": "shop"}, {"east", "west"}),
        ],
    )
    def test_labels_may_be_numbers_or_texts(self, kettles, flags, labels):
        task = described(kettles, **flags)
        assert set(read_splits(task, kettles)["train"][1].values) == labels

    def test_scores_keep_their_value(self, kettles):
        task = described(kettles, label_column="stars", task_type="regression")
        train = load(task, tfds_data_dir=kettles).train
        numbers = [int(text.split()[1]) for text in train.texts]
        expected = np.array([0.1 * n for n in numbers], np.float32)
        np.testing.assert_array_equal(train.labels, expected)


class TestGroups:
    def test_are_those_of_a_feature(self, kettles):
        task = described(kettles, group_column="price")
        data = load(task, tfds_data_dir=kettles, test_proportion=0.2)
        groups = [set(rows.groups) for rows in data.splits().values()]
        assert len(groups) == 3
        assert sum(map(len, groups)) == len(set().union(*groups))

    @pytest.mark.parametrize(
        "name, message",
        [
            ("shop", "24 examples in 2 groups of"),  # They are the classes.
            ("town", "group_column='town' .*shop"),
        ],
    )
    def test_that_are_none_are_refused(self, kettles, name, message):
        task = described(kettles, group_column=name)
        with pytest.raises(ValueError, match=message):
            load(task, tfds_data_dir=kettles)


class TestChangedRows:
    def test_are_told_by_their_number(self, kettles):
        """As `splits.json` holds them."""
        config = configured(kettles)
        task = run_data.get_task(config)
        data = run_data.load(config, task)
        record = run_data.record(config, data)
        again = run_data.load(config, task, record=record)
        assert_same(data, again)
        other = dataclasses.replace(config, text_column="shop")
        with pytest.raises(ChangedDataError, match="kettle_reviews.*changed"):
            run_data.load(other, run_data.get_task(other), record=record)


class TestDatasetWithoutItsCode:
    def test_its_files_are_enough(self, tmp_path):
        class LostReviews(KettleReviews, skip_registration=True):
            """Written by a program that is not here now."""

        LostReviews(data_dir=tmp_path).download_and_prepare()
        folder = str(tmp_path)
        task = described(folder, "lost_reviews")
        assert task.label_names == ("good", "bad")
        splits = read_splits(task, folder)
        assert len(splits["train"][0]) == 24


def test_other_code_hears_the_library(kettles, caplog):
    caplog.set_level(logging.INFO)
    builder = open_builder("kettle_reviews", kettles)
    builder.as_dataset(split="train")
    assert "kettle_reviews" in caplog.text


class TestWrongDatasets:
    @pytest.mark.parametrize(
        "name, message",
        [
            ("glue/rt", "One of these: glue/cola, .*glue/rte.*'glue/rt'"),
            ("glue", "One of these: glue/cola, .*no configuration"),
            ("imdb_review", "One of these: .*imdb_reviews.*'imdb_review'"),
            ("glue/rte:9.9.9", "tfds_name='glue/rte:9.9.9'.*version 9.9.9"),
        ],
    )
    def test_an_unknown_one_is_refused_with_the_choices(
        self, tmp_path, name, message
    ):
        with pytest.raises(ValueError, match=f"(?s){message}.*--tfds_name"):
            open_builder(name, str(tmp_path))

    @pytest.mark.parametrize(
        "name, reason",
        [
            ("offline_reviews", "ConnectionError: Failed to resolve"),
            ("manual_reviews", "AssertionError: .*Ask the authors"),
        ],
    )
    def test_one_that_cannot_be_prepared(self, tmp_path, name, reason):
        task = described(str(tmp_path), name, text_column="text")
        with pytest.raises(
            FileNotFoundError,
            match=f"(?s)Received: {name}/1.0.0 in .*{reason}.*--tfds_data_dir",
        ):
            read_splits(task, str(tmp_path))

    def test_an_empty_text_is_refused(self, tmp_path):
        task = described(str(tmp_path), "blank_reviews", text_column="text")
        with pytest.raises(ValueError, match="blank_reviews/1.0.0/train, r"):
            read_splits(task, str(tmp_path))

    def test_one_without_labels_to_train_on(self, kettles):
        task = described(kettles)
        task.tfds.splits.update(train="test", test="train")
        with pytest.raises(ValueError, match=r"`train` with labels.*\(splits"):
            read_splits(task, kettles)


@pytest.mark.large
class TestRealGlue:
    @pytest.mark.parametrize("task", ["RTE", "CoLA", "STS-B"])
    def test_is_the_same_as_from_the_folder(self, prepare_glue, tmp_path, task):
        prepare_glue(_REAL_DATA, task, tmp_path)
        assert_same(
            load(task, data_dir=str(_REAL_DATA)),
            load(task, tfds_data_dir=str(tmp_path)),
        )

    def test_mrpc_has_the_same_rows(self, prepare_mrpc, tmp_path):
        """Its `idx` counts the rows of the one file that both splits are of."""
        prepare_mrpc(_REAL_DATA, tmp_path)
        folder = load("mrpc", data_dir=str(_REAL_DATA))
        found = load("mrpc", tfds_data_dir=str(tmp_path))
        for split, rows in folder.splits().items():
            others = found.splits()[split]
            assert rows.texts == others.texts, split
            assert rows.text_pairs == others.text_pairs, split
            np.testing.assert_array_equal(rows.labels, others.labels, split)
