"""Tests of tf_bert/data/tasks/run_data.py."""

import pathlib

import numpy as np
from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.split_record import parse_rows


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

    @parameterized.parameters("glue/rte", "glue/rte:2.0.0")
    def test_a_dataset_that_is_a_known_task_is_that_task(self, name):
        task = run_data.get_task(Config(output_dir="x", tfds_name=name))
        self.assertEqual((task.name, task.tfds.name), ("rte", name))

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


class RecordTest(WithFolder):
    def write(self, name: str, size: int) -> str:
        path = self.folder / name
        rows = [f"{name} {i}\t{'abc'[i % 3]}" for i in range(size)]
        path.write_text("\n".join(["text\tlabel", *rows]), encoding="utf-8")
        return str(path)

    @parameterized.parameters(
        {"validation_proportion": 0.2, "test_proportion": 0.1},
        {"validation_file": 30, "split_dev_in_half": True, "split_seed": 3},
        {"validation_file": 5, "test_file": 7, "max_train_examples": 10},
        {"validation_proportion": 0, "max_train_examples": 33},
    )
    def test_file_and_row_numbers_alone_rebuild_every_split(self, **flags):
        for name in ("validation_file", "test_file"):
            if name in flags:
                flags[name] = self.write(f"{name}.tsv", flags[name])
        config = Config(
            output_dir="x", train_file=self.write("train.tsv", 60), **flags
        )
        data = run_data.load(config, run_data.get_task(config))
        record = run_data.record(config, data)
        self.assertEqual(list(record["splits"]), list(data.splits()))
        for split, written in record["splits"].items():
            lines = pathlib.Path(written["source"]).read_text("utf-8")
            rows = np.array(lines.splitlines())[parse_rows(written["rows"])]
            texts = tuple(row.partition("\t")[0] for row in rows)
            self.assertEqual(texts, data.splits()[split].texts)
            self.assertLen(texts, written["num_rows"])
        for name in ("split_seed", "max_train_examples", "split_dev_in_half"):
            self.assertEqual(record[name], getattr(config, name))
