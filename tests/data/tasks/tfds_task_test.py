"""Tests of tf_bert/data/tasks/tfds_task.py."""

import numpy as np
import tensorflow_datasets as tfds
from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.data.tasks import run_data


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


def describe(name, **flags):
    config = Config(output_dir="x", tfds_name=name, **flags)
    return run_data.get_task(config)


class DescribeTaskTest(parameterized.TestCase):
    @parameterized.parameters(
        # The only text and the only class label are found.
        (
            "one_of_each",
            {},
            ("sentence", None, "mood", ("sad", "glad"), "accuracy"),
        ),
        (
            "one_of_each",
            {"label_names": ("glad", "sad")},
            ("sentence", None, "mood", ("glad", "sad"), "accuracy"),
        ),
        (
            "one_of_each",
            {"label_column": "stars", "task_type": "regression"},
            ("sentence", None, "stars", None, "spearman"),
        ),
        (
            "two_texts",
            {
                "text_column": "hypothesis",
                "text_pair_column": "premise",
                "metric": "macro_f1",
            },
            ("hypothesis", "premise", "label", None, "macro_f1"),
        ),
        # A default is a name like any other where it is there.
        ("named_texts", {}, ("text", None, "label", None, "accuracy")),
    )
    def test_what_features_and_flags_tell(self, name, flags, expected):
        task = describe(name, **flags)
        found = task.tfds
        self.assertEqual(found.name, name)
        columns = (task.text_column, task.text_pair_column, task.label_column)
        self.assertEqual((*columns, task.label_names, task.metric), expected)
        # A file to predict calls its columns as the dataset its features.
        self.assertEqual(
            (found.text_feature, found.text_pair_feature, found.label_feature),
            columns,
        )

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
        ("one_of_each", {"text_pair_column": "sentence"}, "text_column='text'"),
        ("without_features", {}, "features: none"),
    )
    def test_what_the_features_do_not_tell_is_refused(
        self, name, flags, message
    ):
        with self.assertRaisesRegex(ValueError, f"{message}.*Correct --"):
            describe(name, **flags)
