"""Tests of tf_bert/inspection/findings.py."""

import dataclasses
import pathlib
import re

from absl.testing import parameterized

from tf_bert.config import Config, all_settings
from tf_bert.data.tasks import known_tasks
from tf_bert.inspection import findings
from tf_bert.inspection.contents import Inspection, SplitContents
from tf_bert.inspection.duplicates import Contradiction, Overlap
from tf_bert.inspection.text_statistics import TextStatistics
from tf_bert.inspection.timing import Measurement
from tf_bert.runs.cost import MemoryEstimate, TrainingCost

PACKAGE = pathlib.Path(__file__).parents[2] / "tf_bert" / "inspection"

TEXTS = TextStatistics(
    num_rows=1000,
    empty_rows=[],
    length_quantiles={"p99": 60, "max": 90},
    num_truncated=0,
    truncated_share=0.0,
    num_tokens=10_000,
    unknown_share=0.0,
    num_rows_with_unknown=0,
    unknown_words=[],
)
SPLIT = SplitContents("x.csv", {"no": 500, "yes": 500}, TEXTS)
SPLITS = {"train": SPLIT, "validation": SPLIT, "test": SPLIT}
TASK = dataclasses.replace(
    known_tasks.custom_task(text_column="text", label_column="label"),
    label_names=("no", "yes"),
)
# A training of which there is nothing to say.
CLEAN = Inspection(
    config=Config(mode="inspect"),
    task=TASK,
    splits=SPLITS,
    overlaps=[],
    contradictions=[],
    max_positions=512,
    num_parameters=1000,
    num_trainable=1000,
    num_updated=1000,
    hidden_size=768,
    training=TrainingCost(
        num_steps=300,
        steps_per_epoch=32,
        num_epochs=9.4,
        num_evaluations=10,
        num_micro_batches=1,
        largest_rows=4,
        largest_width=64,
        computed_tokens=70_000,
        packing_fill=0.9,
        fill_padded_to_batch=0.5,
        fill_padded_to_limit=0.2,
    ),
    memory=MemoryEstimate(10**9, 10**9, 2 * 10**9, 8 * 10**9),
    physical_memory=64 * 10**9,
    measurement=Measurement("CPU:0", 2, 5, 1000.0, 70.0, 10.0, 10**9),
)


def changed(part, **changes):
    """CLEAN with some fields of one of its parts replaced."""
    return dataclasses.replace(
        CLEAN, **{part: dataclasses.replace(getattr(CLEAN, part), **changes)}
    )


def with_config(**flags):
    return changed("config", **flags)


def with_texts(split="train", **changes):
    texts = dataclasses.replace(TEXTS, **changes)
    contents = dataclasses.replace(SPLITS[split], texts=texts)
    return dataclasses.replace(CLEAN, splits={**SPLITS, split: contents})


def with_labels(counts):
    contents = dataclasses.replace(SPLIT, labels=counts)
    return dataclasses.replace(
        CLEAN,
        task=dataclasses.replace(TASK, label_names=tuple(counts)),
        splits={**SPLITS, "train": contents},
    )


def without(*splits):
    kept = {name: s for name, s in SPLITS.items() if name not in splits}
    return dataclasses.replace(CLEAN, splits=kept)


def with_overlap(*overlap):
    return dataclasses.replace(CLEAN, overlaps=[Overlap(*overlap)])


REGRESSION = dataclasses.replace(
    CLEAN,
    task=known_tasks.get_task("sts-b"),
    splits={"train": SPLIT, "test": SPLIT},
)
CONTRADICTION = Contradiction("a", [("train", 3, "no"), ("test", 7, "yes")])

# Inspection, subject, severity, patterns of message and action.
CASES = (
    (
        with_texts(empty_rows=[3, 9]),
        "empty_texts",
        "error",
        r"2 rows of train.*rows 3, 9 of x.csv",
        "a training refuses",
    ),
    (
        dataclasses.replace(CLEAN, contradictions=[CONTRADICTION]),
        "contradicting_labels",
        "warning",
        r"1 text with .* train row 3 \(no\) and test row 7 \(yes\)",
        "Correct or delete",
    ),
    (
        with_overlap("test", "train", [(5, 1), (8, 2)], []),
        "leak",
        "warning",
        r"2 rows \(0.2 %\) of test are the same as rows of train \(rows 5, 8\)",
        "--test_file",
    ),
    (
        with_overlap("train", "train", [(5, 1)], []),
        "duplicates",
        "note",
        r"1 row \(0.1 %\) of train is the same as earlier ones \(row 5\)",
        "Delete them",
    ),
    (
        with_overlap("test", "train", [], [(5, 1)]),
        "near_duplicates",
        "note",
        r"1 of test \(in train\)",
        "--output_dir",
    ),
    (
        with_labels({"no": 100, "yes": 900}),
        "imbalance",
        "warning",
        "90 % of the training examples are 'yes'",
        "--metric=macro_f1 or --metric=matthews",
    ),
    (
        with_labels({"a": 9, "b": 10, "c": 11}),
        "rare_classes",
        "warning",
        r"1 class with fewer than 10 training examples \(a: 9\)",
        "Add rows",
    ),
    (
        with_labels({"1": 250, "2": 250, "3": 250, "4": 250}),
        "labels_look_like_grades",
        "note",
        "numbers 1 to 4",
        "--task_type=regression",
    ),
    (
        with_texts(truncated_share=0.06, length_quantiles={"p99": 150}),
        "truncation",
        "warning",
        "6.0 % of the train examples",
        "--max_seq_length=152",
    ),
    (
        with_texts(truncated_share=0.06, length_quantiles={"p99": 900}),
        "truncation",
        "warning",
        "lose their end",
        "--max_seq_length=512.*several rows",
    ),
    (
        with_texts(unknown_share=0.02, unknown_words=[("zoo", 3), ("b", 1)]),
        "unknown_words",
        "warning",
        r"2.0 % of the tokens.*\(zoo, b\)",
        "--init_checkpoint",
    ),
    (
        without("validation"),
        "no_validation",
        "note",
        "last weights",
        "--validation_proportion=0.1",
    ),
    (without("test"), "no_test", "note", "no test", "--test_proportion=0.2"),
    (
        with_texts("test", num_rows=64),
        "small_test",
        "note",
        r"accuracy of 0.8 on 64 test examples is uncertain by \+-0.10",
        "--test_file",
    ),
    (
        changed("training", num_steps=96, num_epochs=3.0),
        "few_steps",
        "warning",
        r"96 steps \(3.0 epochs\)",
        "--num_train_epochs=7",
    ),
    (
        changed("training", num_steps=3, num_epochs=3.0, steps_per_epoch=1),
        "few_steps",
        "warning",
        "longer training",
        "--num_train_epochs=20",
    ),
    (
        with_config(train_batch_size=1024),
        "large_batch",
        "warning",
        "batch of 1024 is more than 1000 training",
        "--train_batch_size=128",
    ),
)
MACHINE_CASES = (
    (
        dataclasses.replace(CLEAN, physical_memory=14 * 10**9),
        "memory",
        "12.0 GB",
        "--gradient_accumulation_steps=2",
    ),
    (
        dataclasses.replace(CLEAN, physical_memory=None, measurement=None),
        "memory",
        "12.0 GB",
        "the result is the same but for rounding and dropout's masks",
    ),
    (
        dataclasses.replace(
            CLEAN,
            config=Config(mode="inspect", train_batch_size=3),
            physical_memory=10**9,
        ),
        "memory",
        "12.0 GB",
        "smaller --train_batch_size",
    ),
    (
        dataclasses.replace(
            CLEAN,
            physical_memory=10**9,
            memory=MemoryEstimate(10**9, 10**9, 2 * 10**9, 10**9),
        ),
        "memory",
        "5.0 GB",
        "--init_checkpoint=minilm-l6",
    ),
    (
        changed("measurement", training_seconds=7200.0),
        "long_time",
        "2.0 hours on CPU:0",
        "--init_checkpoint=minilm-l6",
    ),
    (
        dataclasses.replace(
            changed("measurement", training_seconds=7200.0), hidden_size=384
        ),
        "long_time",
        "2.0 hours",
        "smaller --num_train_epochs",
    ),
)


class FindingsTest(parameterized.TestCase):
    def test_nothing_is_said_of_a_clean_training(self):
        self.assertEmpty(findings.findings_of(CLEAN))
        self.assertEmpty(findings.machine_findings_of(CLEAN))

    @parameterized.parameters(*CASES)
    def test_each_rule(self, inspection, subject, severity, message, action):
        (found,) = findings.findings_of(inspection)
        self.assertEqual((found.subject, found.severity), (subject, severity))
        self.assertRegex(found.message, message)
        self.assertRegex(found.action, action)

    @parameterized.parameters(*MACHINE_CASES)
    def test_each_rule_of_the_machine(
        self, inspection, subject, message, action
    ):
        (found,) = findings.machine_findings_of(inspection)
        self.assertEqual((found.subject, found.severity), (subject, "warning"))
        self.assertRegex(found.message, message)
        self.assertRegex(found.action, action)

    @parameterized.parameters(
        with_texts(truncated_share=0.05),
        with_texts(unknown_share=0.01),
        with_labels({"no": 251, "yes": 749}),
        with_labels({"a": 10, "b": 10, "c": 10}),
        with_labels({"1": 250, "2": 250, "4": 250, "5": 250}),
        with_labels({"1": 250, "2": 250, "3": 250}),
        with_texts("test", num_rows=250),
        changed("training", num_steps=200),
        changed("training", num_steps=100, num_epochs=20.0),
        with_config(train_batch_size=1000),
        with_overlap("test", "train", [], []),
    )
    def test_no_rule_speaks_too_soon(self, inspection):
        self.assertEmpty(findings.findings_of(inspection))

    def test_another_metric_is_the_answer_to_imbalance(self):
        inspection = with_labels({"no": 100, "yes": 900})
        task = dataclasses.replace(inspection.task, metric="macro_f1")
        self.assertEmpty(
            findings.findings_of(dataclasses.replace(inspection, task=task))
        )

    def test_texts_cut_in_two_splits_get_one_length(self):
        splits = {
            split: with_texts(
                split, truncated_share=share, length_quantiles={"p99": p99}
            ).splits[split]
            for split, share, p99 in (
                ("train", 0.06, 150),
                ("validation", 0.1, 170),
            )
        }
        inspection = dataclasses.replace(CLEAN, splits={**SPLITS, **splits})
        (found,) = findings.findings_of(inspection)
        self.assertRegex(found.message, "6.0 % of the train.*10.0 % of the val")
        self.assertEqual(found.action, "Pass --max_seq_length=176.")

    def test_a_model_that_reads_no_more_needs_shorter_texts(self):
        inspection = dataclasses.replace(
            with_texts(truncated_share=0.5, length_quantiles={"p99": 900}),
            max_positions=128,
        )
        (found,) = findings.findings_of(inspection)
        self.assertRegex(found.action, "reads no more.*several rows")

    def test_a_correlation_is_surer_than_an_accuracy(self):
        self.assertEqual(
            [f.subject for f in findings.findings_of(REGRESSION)],
            ["no_validation"],
        )

    def test_the_worst_comes_first(self):
        inspection = dataclasses.replace(
            with_texts(empty_rows=[3]),
            overlaps=[Overlap("train", "train", [(5, 1)], [])],
            contradictions=[CONTRADICTION],
        )
        found = findings.findings_of(inspection)
        self.assertEqual(
            [f.severity for f in found], ["error", "warning", "note"]
        )

    def test_every_flag_that_is_named_exists(self):
        flags = set(all_settings.SETTINGS)
        named = set()
        for path in PACKAGE.glob("*.py"):
            named |= set(re.findall(r"--(\w+)", path.read_text("utf-8")))
        # Names that are put together, "--{split}_file".
        for inspection, *_ in (*CASES, *MACHINE_CASES):
            for found in findings.findings_of(inspection):
                text = f"{found.message} {found.action}"
                named |= set(re.findall(r"--(\w+)", text))
        self.assertContainsSubset(named, flags)
        self.assertIn("max_seq_length", named)
