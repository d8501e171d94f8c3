"""Tests of tf_bert/data/tasks/known_tasks.py."""

import subprocess
import sys

from absl.testing import parameterized

from tf_bert.data.tasks.known_tasks import (
    TASKS,
    custom_task,
    get_task,
    get_tfds_task,
)


class GetTaskTest(parameterized.TestCase):
    @parameterized.parameters(
        ("RTE", "rte"),
        ("stsb", "sts-b"),
        ("sst2", "sst-2"),
        ("CoLA", "cola"),
        ("product_reviews", "product_reviews"),
    )
    def test_spellings_of_a_name(self, name, expected):
        self.assertEqual(get_task(name).name, expected)

    def test_unknown_name_lists_the_choices(self):
        with self.assertRaisesRegex(
            ValueError,
            "one of: rte, mrpc, cola, sts-b, sst-2, qqp, qnli, mnli, product_r"
            "eviews. Received: task_name='rt'. Correct --task_name",
        ):
            get_task("rt")


class TasksTest(parameterized.TestCase):
    def test_import_does_not_load_tensorflow(self):
        code = (
            "import sys; from tf_bert.data.tasks import load_splits;"
            "print('tensorflow' in sys.modules)"
        )
        result = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(result.stdout.strip(), "False")


class TfdsTest(parameterized.TestCase):
    @parameterized.parameters(*(set(TASKS) - {"product_reviews"}))
    def test_every_glue_task_is_where_tensorflow_datasets_has_it(self, name):
        from tensorflow_datasets.text import glue

        spec = TASKS[name]
        config = glue.Glue.builder_configs[spec.tfds.name.removeprefix("glue/")]
        texts = [spec.tfds.text_feature, spec.tfds.text_pair_feature]
        self.assertCountEqual(filter(None, texts), config.text_features)
        if spec.is_regression:
            self.assertIsNone(config.label_classes)
        else:
            names = spec.tfds.label_names or spec.label_names
            self.assertCountEqual(names, config.label_classes)

    @parameterized.parameters("glue/sst2", "glue/sst2:2.0.0")
    def test_a_dataset_is_found_by_its_name(self, name):
        task = get_tfds_task(name)
        self.assertEqual((task.name, task.tfds.name), ("sst-2", name))

    @parameterized.parameters("imdb_reviews", "glue/ax", "glue")
    def test_other_datasets_are_no_known_task(self, name):
        self.assertIsNone(get_tfds_task(name))


class CustomTaskTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"label_names": ("a",)}, "two or more .*label_names=a. Correct"),
        ({"label_names": ("a", "b", "a")}, "two or more .*label_names=a,b,a"),
        ({"label_names": ("a", "")}, "two or more .*label_names=a,. Correct"),
        (
            {"label_names": ("0", "1"), "is_regression": True},
            "--task_type=classification",
        ),
        ({"label_column": "text"}, "are the same.*'text'.*--label_column"),
        ({"text_pair_column": "label"}, "are the same.*--label_column"),
        ({"text_pair_column": "text"}, "are the same.*--label_column"),
        (
            {"metric": "spearman"},
            "one of: accuracy, f1, macro_f1, matthews .*'spearman'.*--metric",
        ),
        ({"metric": "acc"}, "one of: accuracy, .*metric='acc'.*--metric"),
        (
            {"metric": "accuracy", "is_regression": True},
            "one of: spearman, pearson .*metric='accuracy'.*--metric",
        ),
    )
    def test_what_contradicts_is_refused(self, flags, message):
        columns = {"text_column": "text", "label_column": "label"}
        with self.assertRaisesRegex(ValueError, message):
            custom_task(**(columns | flags))
