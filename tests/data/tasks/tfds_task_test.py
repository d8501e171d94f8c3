"""Tests of tf_bert/data/tasks/tfds_task.py."""

import numpy as np
import tensorflow_datasets as tfds
from absl.testing import parameterized

from tf_bert.data.tasks.tfds_task import describe_task


class _Described(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")
    FEATURES = None

    def _info(self):
        features = self.FEATURES and tfds.features.FeaturesDict(self.FEATURES)
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        """Never called: a task is known before anything is prepared."""

    def _generate_examples(self):
        """The same."""


class OneOfEach(_Described):
    FEATURES = {
        "sentence": tfds.features.Text(),
        "mood": tfds.features.ClassLabel(names=["sad", "glad"]),
        "stars": np.float32,
        "picture": tfds.features.Image(),
    }


class TwoTexts(_Described):
    FEATURES = {
        "premise": tfds.features.Text(),
        "hypothesis": tfds.features.Text(),
        "label": np.int64,
    }


class NamedTexts(_Described):
    FEATURES = {
        "text": tfds.features.Text(),
        "title": tfds.features.Text(),
        "label": tfds.features.Text(),
    }


class PicturesAlone(_Described):
    FEATURES = {
        "image": tfds.features.Image(),
        "label": tfds.features.ClassLabel(num_classes=3),
    }


class WithoutLabel(_Described):
    FEATURES = {"text": tfds.features.Text()}


class WithoutFeatures(_Described):
    FEATURES = {}


class DescribeTaskTest(parameterized.TestCase):
    def test_the_only_text_and_the_only_class_label_are_found(self):
        task = describe_task("one_of_each", None)
        self.assertEqual(task.tfds.name, "one_of_each")
        self.assertEqual(task.tfds.text_feature, "sentence")
        self.assertEqual(task.tfds.label_feature, "mood")
        # A file to predict calls its columns likewise.
        self.assertEqual(
            (task.text_column, task.label_column), ("sentence", "mood")
        )
        self.assertEqual(task.label_names, ("sad", "glad"))
        self.assertEqual(task.metric, "accuracy")

    def test_given_names_decide(self):
        task = describe_task(
            "two_texts",
            None,
            text_column="hypothesis",
            text_pair_column="premise",
            metric="macro_f1",
        )
        self.assertEqual(task.tfds.text_feature, "hypothesis")
        self.assertEqual(task.tfds.text_pair_feature, "premise")
        self.assertEqual(task.metric, "macro_f1")
        self.assertIsNone(task.label_names)

    def test_given_label_names_go_before_those_of_the_dataset(self):
        task = describe_task("one_of_each", None, label_names=("glad", "sad"))
        self.assertEqual(task.label_names, ("glad", "sad"))

    def test_the_default_is_a_name_like_any_other_where_it_is_there(self):
        task = describe_task("named_texts", None)
        self.assertEqual(task.tfds.text_feature, "text")
        self.assertEqual(task.tfds.label_feature, "label")

    def test_scores_may_be_the_labels(self):
        task = describe_task(
            "one_of_each", None, label_column="stars", is_regression=True
        )
        self.assertEqual(task.metric, "spearman")
        self.assertIsNone(task.label_names)

    @parameterized.parameters(
        ("two_texts", {}, r"`text_column` .*premise \(Text\), hypothesis"),
        ("two_texts", {"text_column": "label"}, "text_column='label'"),
        (
            "two_texts",
            {"text_column": "premise", "text_pair_column": "text"},
            "text_pair_column='text'",
        ),
        ("pictures_alone", {}, r"`text_column` .*image \(Image\)"),
        ("without_label", {}, r"`label_column` .*text \(Text\)"),
        ("one_of_each", {"label_column": "picture"}, "label_column='picture'"),
        ("one_of_each", {"text_column": "title"}, "text_column='title'"),
        ("without_features", {}, "features: none"),
    )
    def test_what_the_features_do_not_tell_is_refused(
        self, name, flags, message
    ):
        with self.assertRaisesRegex(ValueError, f"{message}.*Correct --"):
            describe_task(name, None, **flags)
