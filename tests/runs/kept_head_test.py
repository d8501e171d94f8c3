"""Tests of tf_bert/runs/kept_head.py."""

import pytest

from tf_bert.checkpoints import load
from tf_bert.data.tasks import known_tasks
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.runs import kept_head


def make_task(*label_names):
    """A task of these labels, or a regression."""
    return known_tasks.custom_task(
        text_column="text",
        label_column="label",
        label_names=label_names or None,
        is_regression=not label_names,
    )


def check(folder, task, *, labels=None):
    """Checks the head of a folder, for which other labels may be claimed."""
    config = load.read_config(str(folder))
    if labels:
        config.id2label = dict(enumerate(labels))
    kept_head.check_kept_head(config, task, str(folder))


@pytest.mark.parametrize(
    "wanted, stored",
    [
        (("bad", "good"), ("bad", "good")),
        # Two spellings of a label are one.
        (("0", "1"), ("0.0", "1.0")),
        # Where labels are only numbered, their number counts.
        (("bad", "good"), None),
    ],
)
def test_names_in_their_order_are_let_through(tiny_checkpoint, wanted, stored):
    check(tiny_checkpoint, make_task(*wanted), labels=stored)


@pytest.mark.parametrize(
    "wanted, stored, message",
    [
        (
            ("good", "bad"),
            ("bad", "good"),
            "labels bad, good in .*, good, bad in the data. Pass "
            "--label_names=bad,good, the",
        ),
        (
            ("bad", "good"),
            ("not bad", "bad", "good"),
            "Pass --label_names='not bad,bad,good', the",
        ),
        (("no", "yes"), ("bad", "good"), "Leave out --keep_head to draw"),
        (("bad", "fair", "good"), None, "2 outputs in .*, 3 wanted"),
        # Names without the weights are not enough.
        (
            ("bad", "fair", "good"),
            ("bad", "fair", "good"),
            "2 outputs in .*, 3 wanted",
        ),
        ((), None, "2 outputs in .*, 1 wanted"),
    ],
)
def test_other_labels_are_refused_with_what_helps(
    tiny_checkpoint, wanted, stored, message
):
    with pytest.raises(ValueError, match=message):
        check(tiny_checkpoint, make_task(*wanted), labels=stored)


def test_a_task_of_the_table_has_labels_that_no_flag_changes(tiny_checkpoint):
    task = known_tasks.get_task("rte")
    with pytest.raises(ValueError, match="Leave out --keep_head to draw"):
        check(tiny_checkpoint, task, labels=task.label_names[::-1])


def test_a_regression_wants_one_output(tiny_checkpoint, tmp_path):
    TFBertForSequenceClassification.from_pretrained(
        tiny_checkpoint, num_labels=1
    ).save_pretrained(str(tmp_path))
    check(tmp_path, make_task())
    with pytest.raises(ValueError, match="1 outputs in .*, 2 wanted"):
        check(tmp_path, make_task("bad", "good"))
