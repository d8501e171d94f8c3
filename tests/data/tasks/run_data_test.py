"""Tests of tf_bert/data/tasks/run_data.py."""

from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.data.tasks import run_data


class GetTaskTest(parameterized.TestCase):
    def test_own_files(self):
        task = run_data.get_task(
            Config(
                output_dir="x",
                text_column="a",
                text_pair_column="b",
                label_column="c",
                label_names=("no", "yes"),
                metric="f1",
            )
        )
        self.assertEqual(
            (task.text_column, task.text_pair_column, task.label_column),
            ("a", "b", "c"),
        )
        self.assertEqual(task.label_names, ("no", "yes"))
        self.assertEqual(task.metric, "f1")

    @parameterized.parameters(
        ("CoLA", None, "matthews"), ("sts-b", "pearson", "pearson")
    )
    def test_metric_of_a_known_task(self, name, metric, expected):
        config = Config(output_dir="x", task_name=name, metric=metric)
        self.assertEqual(run_data.get_task(config).metric, expected)

    @parameterized.parameters(("sts-b", "f1"), ("rte", "spearman"))
    def test_known_task_refuses_a_metric_of_the_other_kind(self, name, metric):
        config = Config(output_dir="x", task_name=name, metric=metric)
        with self.assertRaisesRegex(
            ValueError, f"one of: .*Received: metric='{metric}'. Correct"
        ):
            run_data.get_task(config)

    def test_a_known_task_decides_on_its_columns(self):
        config = Config(
            output_dir="x", tfds_name="glue/rte", text_column="sentence1"
        )
        with self.assertRaisesRegex(
            ValueError, "`text_column` must be left out with a `tfds_name`"
        ):
            run_data.get_task(config)

    @parameterized.parameters("task_name", "tfds_name")
    def test_wnli_is_refused_with_the_reason(self, flag):
        name = {"task_name": "WNLI", "tfds_name": "glue/wnli"}[flag]
        with self.assertRaisesRegex(
            ValueError, f"adversarial .*majority.*Received: {flag}='{name}'"
        ):
            run_data.get_task(Config(output_dir="x", **{flag: name}))
