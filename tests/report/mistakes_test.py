"""Tests of tf_bert/report/mistakes.py."""

import csv
import dataclasses

import numpy as np
import pytest

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.report.mistakes import mistakes_section
from tf_bert.scoring.scored_rows import ScoredRows

NAMES = ("bad", "good")
# The last is the only one that is never wrong below.
TEXTS = ("fine", "<script>alert(1)</script>", "poor", "so\tso", "awful")
LABELS = np.array([1, 1, 0, 1, 0])


def make_rows(labels, shares):
    """Rows of two classes; `shares` `[N]` are the probabilities of class 1."""
    shares = np.array(shares)
    return ScoredRows(
        labels, (shares > 0.5).astype(int), np.stack([1 - shares, shares], 1)
    )


def write(path, labels, texts=TEXTS, second=None):
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = [("text", "second", "label")]
        rows += zip(texts, second or texts, labels, strict=True)
        csv.writer(file).writerows(rows)


@pytest.fixture
def config(tmp_path):
    """Of a run on two files of five rows."""
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    write(train, ["good", "bad", "good", "bad", "good"])
    write(test, [NAMES[label] for label in LABELS])
    return Config(
        output_dir="runs/x",
        train_file=str(train),
        test_file=str(test),
        validation_proportion=0,
    )


def find(config, *shares, **changes):
    """Returns the mistakes as columns, or a sentence."""
    return columns_of(config, [make_rows(LABELS, s) for s in shares], **changes)


def columns_of(config, trials, **changes):
    section = mistakes_section(
        config, trials, **{"split": "test", "label_names": NAMES, **changes}
    )
    if not section.tables:
        return section.text
    (table,) = section.tables
    columns = zip(*table.rows, strict=True)
    return dict(zip(table.header, columns, strict=True))


def row_numbers(columns):
    return [int(place.rpartition(", ")[2]) for place in columns["row"]]


def test_the_surest_mistake_comes_first(config):
    found = find(config, [0.4, 0.05, 0.9, 0.6, 0.2])
    assert row_numbers(found) == [2, 3, 1]
    assert {name: cells[0] for name, cells in found.items()} == {
        "text": "<script>alert(1)</script>",
        "true": "good",
        "predicted": "bad",
        "row": "test.csv, 2",
        "probability": "0.950",
    }


def test_of_trials_the_mean_decides(config):
    found = find(
        config,
        [0.4, 0.0, 0.9, 0.9, 0.1],
        [0.4, 0.3, 0.2, 0.2, 0.1],
        [0.4, 0.3, 0.7, 0.3, 0.1],
    )
    assert row_numbers(found) == [2, 1, 3, 4]
    assert found["probability"] == ("0.800", "0.600", "0.600", "0.533")
    assert found["over the trials"] == tuple(
        f"wrong in {n} of 3 trials" for n in (3, 3, 2, 2)
    )


def test_there_are_twenty_at_most(config):
    write(config.test_file, ["good"] * 30, texts=[f"t{i}" for i in range(30)])
    found = columns_of(config, [make_rows(np.ones(30, int), [0.1] * 30)])
    assert row_numbers(found) == list(range(1, 21))


def test_there_may_be_none(config):
    found = find(config, [0.9, 0.9, 0.1, 0.9, 0.1])
    assert found == "Every test example is right."


def test_pairs_have_both_texts(config):
    seconds = [f"second {i}" for i in range(5)]
    write(config.test_file, [NAMES[i] for i in LABELS], second=seconds)
    config = dataclasses.replace(config, text_pair_column="second")
    found = find(config, [0.4, 0.9, 0.1, 0.9, 0.1])
    assert (found["text"], found["second text"]) == (("fine",), ("second 0",))


def test_rows_held_out_of_the_training_file_are_found_again(config):
    config = Config(
        output_dir="runs/x",
        train_file=config.train_file,
        validation_proportion=0.4,
    )
    with open(config.train_file, encoding="utf-8") as file:
        lines = list(csv.reader(file))[1:]
    data = run_data.load(config, run_data.get_task(config))
    labels = data.validation.labels
    rows = make_rows(labels, 0.9 - 0.8 * labels)  # All wrong.
    found = columns_of(config, [rows], split="validation")
    numbers = row_numbers(found)
    assert len(numbers) == 2
    for *cells, number in zip(
        found["text"], found["true"], numbers, strict=True
    ):
        text, _, label = lines[number - 1]
        assert cells == [text, label]


def test_a_regression_has_its_largest_errors(config):
    labels = np.array([0.1, 2.5, 3.8, 4, 5], np.float32)
    for path in (config.train_file, config.test_file):
        write(path, labels)
    config = dataclasses.replace(config, task_type="regression")
    stored = labels.astype(np.float64)
    errors = np.array([[0, 1, 0.3, -3, 0], [0, -1.5, 0.1, -1, 0]])
    trials = [ScoredRows(stored, stored + error) for error in errors]
    found = columns_of(config, trials, label_names=())
    # The last row, whose error is 0 in the mean, is no mistake.
    assert row_numbers(found) == [4, 2, 3]
    assert found["error"] == ("2.000", "0.250", "0.200")
    assert (found["true"][0], found["predicted"][0]) == ("4", "2")
    assert found["over the trials"][0] == "1 to 3 in 2 trials"


GONE = "The texts are not shown, since the data cannot be read any more: "
CHANGED = (
    "The texts are not shown, since the {} split of the data is not what it "
    "was: {}"
)


@pytest.mark.parametrize(
    "content, changes, message",
    [
        (
            dict(labels=["good"] * 5),
            {},
            CHANGED.format("test", "row 3 of {path} has another label."),
        ),
        (
            dict(labels=["good"] * 4, texts=TEXTS[:4]),
            {},
            CHANGED.format("test", "it has 4 rows, not 5."),
        ),
        (
            None,
            {"label_names": ("poor", "good")},
            CHANGED.format("test", "its classes have other names."),
        ),
        (
            None,
            {"split": "validation"},
            CHANGED.format("validation", "there is none."),
        ),
        ("", {}, GONE),
        ("text,label\nfine,good\n,bad\n", {}, GONE),
    ],
)
def test_changed_or_damaged_data_is_said(config, content, changes, message):
    if isinstance(content, dict):
        write(config.test_file, **content)
    elif content is not None:
        with open(config.test_file, "w", encoding="utf-8") as file:
            file.write(content)
    found = find(config, [0.1] * 5, **changes)
    assert found.startswith(message.replace("{path}", config.test_file))


def test_a_file_that_is_gone_is_said(config, tmp_path):
    (tmp_path / "test.csv").unlink()
    assert find(config, [0.1] * 5).startswith(GONE)
