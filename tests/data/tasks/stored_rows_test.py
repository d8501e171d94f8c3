"""Tests of tf_bert/data/tasks/stored_rows.py."""

import dataclasses
import json
import pathlib

from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.row_digests import parse_rows
from tf_bert.data.tasks.stored_rows import ChangedDataError, StoredRows

TEXTS = [f"The {word} is number {i}." for i in range(15) for word in "ab"]
LABELS = ["yes", "no"] * 15
DIVISIONS = (
    {"validation_proportion": 0.2, "test_proportion": 0.2},
    {"validation_file": "dev", "split_dev_in_half": True, "split_seed": 3},
    {"validation_file": "dev", "max_train_examples": 10},
)


class StoredRowsTest(WithFolder):
    def write(self, name, texts=TEXTS, labels=LABELS):
        return self.write_columns(name, {"text": texts, "label": labels})

    def config(self, train, **flags):
        if "validation_file" in flags:
            texts = [f"dev {text}" for text in TEXTS]
            flags["validation_file"] = self.write("dev.jsonl", texts)
        return Config(output_dir="x", train_file=train, **flags)

    def load(self, config, record=None):
        task = run_data.get_task(config)
        return run_data.load(config, task, record=record)

    def record(self, config):
        record = run_data.record(config, self.load(config))
        return json.loads(json.dumps(record, sort_keys=True))

    @parameterized.parameters(*DIVISIONS)
    def test_the_rows_are_those_of_the_record(self, **flags):
        config = self.config(self.write("train.jsonl"), **flags)
        record = self.record(config)
        for name in ("split_seed", "max_train_examples", "split_dev_in_half"):
            self.assertEqual(record[name], getattr(config, name))
        drawn = self.load(config).splits()
        self.assertCountEqual(record["splits"], drawn)
        for split, written in record["splits"].items():
            lines = pathlib.Path(written["source"]).read_text().splitlines()
            rows = [lines[i - 1] for i in parse_rows(written["rows"])]
            texts = tuple(json.loads(row)["text"] for row in rows)
            self.assertEqual(texts, drawn[split].texts)
            self.assertLen(texts, written["num_rows"])
        # As if another version drew others.
        other = dataclasses.replace(config, split_seed=5)
        for split, rows in self.load(other, record).splits().items():
            self.assertEqual(rows.texts, drawn[split].texts)
            self.assertEqual(rows.labels.tolist(), drawn[split].labels.tolist())

    @parameterized.product(flags=DIVISIONS, with_digests=(True, False))
    def test_a_row_that_is_gone_is_refused(self, flags, with_digests):
        name = "train.parquet" if with_digests else "train.jsonl"
        config = self.config(self.write(name), **flags)
        record = self.record(config)
        if not with_digests:
            del record["data"]
        self.load(config, record)
        if not with_digests and "max_train_examples" in flags:
            return  # Whether the rows that were left out are fewer, it lacks.
        self.write(name, TEXTS[:3] + TEXTS[4:], LABELS[:3] + LABELS[4:])
        expected = f"{name}: 1 row missing" if with_digests else f"{name}: 29"
        with self.assertRaisesRegex(ChangedDataError, expected):
            self.load(config, record)

    @parameterized.parameters(*DIVISIONS)
    def test_any_label_counts(self, **flags):
        config = self.config(self.write("train.jsonl"), **flags)
        record = self.record(config)
        for file in ("train.jsonl", "dev.jsonl"):
            path = self.folder / file
            if not path.exists():
                continue
            content = path.read_text("utf-8")
            lines = content.splitlines()
            lines[6] = lines[6].replace("yes", "no")
            path.write_text("\n".join(lines), "utf-8")
            with self.assertRaisesRegex(
                ChangedDataError, rf"{file}: 1 row changed \(7\)\."
            ):
                self.load(config, record)
            path.write_text(content, "utf-8")

    def test_the_content_decides_and_not_the_path(self):
        config = self.config(self.write("train.jsonl"), test_proportion=0.2)
        record = self.record(config)
        moved = dataclasses.replace(config, train_file=self.write("b.parquet"))
        self.assertEqual(
            self.load(moved, record).test.texts, self.load(config).test.texts
        )

    @parameterized.parameters(
        ("splits", None),
        ("splits", {"train": {"rows": "one"}}),
        ("data", {"train": {}}),
    )
    def test_a_damaged_record_is_refused(self, name, value):
        record = self.record(self.config(self.write("train.jsonl")))
        with self.assertRaisesRegex(
            ValueError, "Could not read the run's splits.json"
        ):
            StoredRows.parse({**record, name: value})

    def test_knows_copies_of_what_was_trained_on(self):
        config = self.config(self.write("train.jsonl"), test_proportion=0.2)
        data = self.load(config)
        stored = StoredRows.parse(run_data.record(config, data))
        rows = data.digests["train"]
        for split in ("train", "validation"):
            found = stored.copies_in(split, rows)
            numbers = data.splits()[split].row_numbers
            self.assertEqual(found.tolist(), numbers.tolist())
