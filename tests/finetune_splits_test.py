"""Tests of tf_bert/finetune.py: which splits are evaluated and written down."""

import dataclasses

import numpy as np
import pytest
from conftest import make_config, read_history, read_json

from tf_bert import run
from tf_bert.baselines import baseline_scores
from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.runs import build, run_results, training_run
from tf_bert.scoring import scored_rows

# Files of MNLI, with the columns that are read.
_HEADER = "index\tsentence1\tsentence2\tgold_label\n"
_LABELS = ("neutral", "contradiction", "entailment")
_THINGS = ("lamp", "tent", "mug", "desk", "kettle")


def mnli_rows(size, word):
    rows = [
        f"{i}\tThe {_THINGS[i % 5]} is {word}.\tIt is good.\t{_LABELS[i % 3]}\n"
        for i in range(size)
    ]
    return _HEADER + "".join(rows)


@pytest.fixture(scope="module")
def mnli_run(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mnli")
    for name, size, word in (
        ("train", 30, "good"),
        ("dev_matched", 12, "fine"),
        ("dev_mismatched", 9, "bad"),
    ):
        (folder / f"{name}.tsv").write_text(mnli_rows(size, word), "utf-8")
    return train(
        folder / "run",
        train_file=None,
        task_name="mnli",
        data_dir=folder,
        max_train_examples=20,
        num_train_steps=2,
        num_evaluations=2,
    )


@pytest.mark.large
class TestMnli:
    def test_both_dev_sets_are_evaluated_the_matched_one_chooses(
        self, mnli_run
    ):
        results = read_json(mnli_run / "all_results.json")
        assert results["train"]["num_examples"] == 18
        assert results["validation"]["num_examples"] == 12
        mismatched = results["validation_mismatched"]
        assert mismatched["num_examples"] == 9
        low, high = mismatched["accuracy_ci"]
        assert low <= mismatched["accuracy"] <= high
        history = read_history(mnli_run)
        best = max(entry["validation"]["accuracy"] for entry in history)
        assert results["validation"]["accuracy"] == best
        assert all("validation_mismatched" not in entry for entry in history)

    def test_evaluating_again_does_both(self, mnli_run):
        arguments = ["--mode=evaluate", f"--output_dir={mnli_run}"]
        assert run.main(arguments) == 0
        results = read_json(mnli_run / "all_results.json")
        evaluation = read_json(mnli_run / "evaluation.json")
        assert set(evaluation) == {"validation", "validation_mismatched"}
        for split, metrics in evaluation.items():
            assert metrics["accuracy"] == results[split]["accuracy"]


def read_rows(folder):
    text = (folder / "scored_rows.tsv").read_text(encoding="utf-8")
    return scored_rows.read(text, "scored_rows.tsv")


class TestScoredRows:
    @pytest.mark.large
    def test_every_evaluated_split_is_kept(self, mnli_run):
        results = read_json(mnli_run / "all_results.json")
        rows = read_rows(mnli_run)
        assert list(rows) == ["validation", "validation_mismatched"]
        for split, scored in rows.items():
            accuracy = (~scored.is_wrong()).mean()
            assert accuracy == results[split]["accuracy"]
            assert scored.probabilities.shape == (len(scored.labels), 3)
            assert (scored.probabilities.argmax(1) == scored.predictions).all()

    def test_scores_of_a_regression_are_kept(self, pairs_run):
        results = read_json(pairs_run / "all_results.json")
        rows = read_rows(pairs_run)
        assert list(rows) == ["validation", "test"]
        for split, scored in rows.items():
            assert scored.probabilities is None
            np.testing.assert_allclose(
                np.square(scored.predictions - scored.labels).mean(),
                results[split]["mse"],
                rtol=1e-6,
            )


def test_splits_json_says_where_every_row_is_from(finished_run, reviews):
    record = read_json(finished_run / "splits.json")
    assert record["split_seed"] == 0
    assert record["validation_proportion"] == 0.1
    assert record["max_train_examples"] == 0
    splits = record["splits"]
    test = {"source": str(reviews / "test.csv"), "num_rows": 12, "rows": "1-12"}
    assert splits["test"] == test
    assert splits["train"]["source"] == str(reviews / "train.csv")
    assert splits["validation"]["source"] == str(reviews / "train.csv")
    sizes = {name: split["num_rows"] for name, split in splits.items()}
    assert sizes == {"train": 36, "validation": 4, "test": 12}


def test_a_comparison_on_validation_says_that_it_has_chosen(flags, caplog):
    run = build.build(make_config(flags, compare_baselines=True))
    evaluations = training_run.evaluate_splits(run)
    for checkpoint, is_chosen in (("best", True), ("last", False)):
        caplog.clear()
        config = dataclasses.replace(run.config, checkpoint_to_use=checkpoint)
        results = run_results.compare_with_baselines(
            dataclasses.replace(run, config=config), evaluations
        )
        assert ("a little too good" in caplog.text) == is_chosen
        clause = (
            "validation examples, which chose its checkpoint and so flatter it"
        )
        assert (clause in results["verdict"]) == is_chosen
        text = " ".join(results["comparison"].split())
        assert (clause in text) == is_chosen


def test_baselines_without_a_model_are_those_of_the_run(finished_run):
    config = Config.from_dict(read_json(finished_run / "config.json"))
    data = run_data.load(config, run_data.get_task(config))
    assert baseline_scores.baselines_of(data) == {
        "split": "test",
        "models": read_json(finished_run / "all_results.json")["baselines"],
    }
