"""Tests of tf_bert/finetune.py: other flags and other kinds of data."""

import json
import pathlib

import numpy as np
import pytest
import safetensors.numpy

from tf_bert import run


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_history(folder):
    lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


class TestRegressionOfPairs:
    def test_is_scored_by_correlation_and_error(self, pairs_run):
        results = read_json(pairs_run / "all_results.json")
        assert results["train"]["num_examples"] == 10
        assert results["validation"]["num_examples"] == 4
        assert results["test"]["num_examples"] == 6
        for name in ("spearman", "pearson", "mse", "mae"):
            low, high = results["test"][f"{name}_ci"]
            assert low <= results["test"][name] <= high
        assert results["test"]["loss"] == results["test"]["mse"]

    def test_is_compared_with_the_mean_and_ridge_regression(self, pairs_run):
        results = read_json(pairs_run / "all_results.json")
        assert set(results["baselines"]) == {"mean", "tfidf_ridge"}
        assert results["difference"]["metric"] == "spearman"

    def test_the_best_checkpoint_has_the_highest_correlation(self, pairs_run):
        results = read_json(pairs_run / "all_results.json")
        history = read_history(pairs_run)
        values = [entry["validation"]["spearman"] for entry in history]
        best = history[int(np.argmax(values))]["step"]
        assert results["train"]["chosen_step"] == best
        assert results["validation"]["spearman"] == max(values)

    def test_model_has_one_output(self, pairs_run):
        config = read_json(pairs_run / "model" / "config.json")
        assert config["problem_type"] == "regression"
        weights = safetensors.numpy.load_file(
            pairs_run / "model" / "model.safetensors"
        )
        assert weights["classifier.weight"].shape == (1, 8)

    def test_predicts_scores(self, pairs_run):
        lines = (pairs_run / "predictions.tsv").read_text("utf-8").splitlines()
        assert lines[0] == "second\tfirst\tpredicted_score"
        *fields, score = lines[1].split("\t")
        assert fields == ["A good mug.", "The mug is good."]
        assert np.isfinite(float(score))
        assert len(lines) == 2


class TestLabelSmoothing:
    def test_is_of_the_training_loss_alone(self, train, tmp_path):
        """At a rate of 0, where nothing else is learned."""
        plain, smoothed = (
            train(
                tmp_path / str(factor),
                learning_rate=0,
                num_train_steps=3,
                num_evaluations=1,
                dropout=0,
                label_smoothing_factor=factor,
            )
            for factor in (0, 0.9)
        )
        [before], [after] = read_history(plain), read_history(smoothed)
        assert before["validation"] == after["validation"]
        assert after["train_loss"] != before["train_loss"]
        card = (smoothed / "model" / "README.md").read_text("utf-8")
        assert "--label_smoothing_factor=0.9" in card

    def test_a_regression_of_a_known_task_has_none(
        self, flags, tmp_path, capsys
    ):
        rows = "".join(f"x\t{score}\ta b\tc d\n" for score in range(6))
        text = "genre\tscore\tsentence1\tsentence2\n" + rows
        for split in ("train", "dev"):
            (tmp_path / f"{split}.tsv").write_text(text, "utf-8")
        status = run.main(
            flags(
                output_dir=tmp_path / "run",
                train_file=None,
                task_name="sts-b",
                data_dir=tmp_path,
                label_smoothing_factor=0.1,
            )
        )
        assert status == 2
        assert "left out for a regression" in capsys.readouterr().err


@pytest.fixture(scope="module")
def numbered_run(train, reviews, tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbered")
    text = (reviews / "train.csv").read_text(encoding="utf-8")
    _, _, rows = text.partition("\n")
    (folder / "train.csv").write_text(rows, encoding="utf-8")
    return train(
        folder / "run",
        train_file=folder / "train.csv",
        text_column="1",
        label_column="2",
        label_names="good,bad",
        validation_proportion=0,
        num_train_steps=None,
        num_train_epochs=1.5,
        train_batch_size=16,
        gradient_accumulation_steps=4,
    )


class TestWithoutValidation:
    """Also: no header, a mean of micro-batches, and training in epochs."""

    def test_all_rows_are_trained_on(self, numbered_run):
        results = read_json(numbered_run / "all_results.json")
        assert set(results) == {"positive_label", "train", "runtime"}
        assert results["train"]["num_examples"] == 40

    def test_the_last_weights_are_used(self, numbered_run):
        # 3 steps per epoch, and a half epoch is a step and a half.
        history = read_history(numbered_run)
        assert [entry["step"] for entry in history] == [1, 3, 5]
        assert all("validation" not in entry for entry in history)
        results = read_json(numbered_run / "all_results.json")
        assert results["train"]["chosen_step"] == 5

    def test_labels_have_the_order_that_was_given(self, numbered_run):
        config = read_json(numbered_run / "model" / "config.json")
        assert config["id2label"] == {"0": "good", "1": "bad"}


@pytest.fixture(scope="module")
def stopped_run(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    # As an earlier version left it, without a record of what it has written.
    fields = ("mode", "output_dir", "init_checkpoint", "train_file")
    text = json.dumps(dict.fromkeys(fields, "x"))
    (folder / "config.json").write_text(text, encoding="utf-8")
    (folder / "predictions.tsv").write_text("old", encoding="utf-8")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    return train(
        folder,
        overwrite_output_dir=True,
        learning_rate=0,  # So that nothing is ever gained.
        num_train_steps=10,
        num_evaluations=10,
        early_stopping_patience=3,
        precision="mixed_bfloat16",
    )


class TestEarlyStopping:
    """Also: half precision, and a stopped_run that is overwritten."""

    def test_stops_after_so_many_evaluations_without_a_gain(self, stopped_run):
        assert [entry["step"] for entry in read_history(stopped_run)] == [
            1,
            2,
            3,
            4,
        ]
        train = read_json(stopped_run / "all_results.json")["train"]
        assert (train["num_steps"], train["chosen_step"]) == (4, 1)

    def test_weights_stay_in_single_precision(
        self, stopped_run, tiny_checkpoint
    ):
        path = stopped_run / "model" / "model.safetensors"
        weights = safetensors.numpy.load_file(path)
        start = safetensors.numpy.load_file(
            f"{tiny_checkpoint}/model.safetensors"
        )
        for name, value in start.items():
            assert weights[name].dtype == np.float32
            np.testing.assert_array_equal(weights[name], value, name)

    def test_other_files_in_the_folder_are_left_alone(self, stopped_run):
        assert (stopped_run / "notes.txt").read_text(encoding="utf-8") == "mine"
        assert not (stopped_run / "predictions.tsv").exists()


@pytest.fixture(scope="module")
def other_units(tmp_path_factory):
    """Flags of a run whose durations are all given in their other unit."""
    return {
        "output_dir": tmp_path_factory.mktemp("units") / "run",
        "train_batch_size": None,
        "per_device_train_batch_size": 6,
        "gradient_accumulation_steps": 2,
        "num_evaluations": None,
        "evaluate_every_epochs": 1,
        "num_train_steps": None,
        "num_train_epochs": 2.5,
        "num_warmup_steps": 2,
        "lr_schedule": "cosine",
        "checkpoint_to_use": "last",
    }


@pytest.fixture(scope="module")
def other_units_run(train, other_units):
    return train(**other_units)


@pytest.mark.large
class TestOtherUnits:
    """36 rows in batches of 12, for 8 steps; the last of them is used."""

    def test_the_batch_size_is_that_of_an_update(self, other_units_run):
        config = read_json(other_units_run / "config.json")
        assert config["train_batch_size"] == 12
        assert config["per_device_train_batch_size"] is None

    def test_evaluates_after_each_epoch_and_at_the_end(self, other_units_run):
        history = read_history(other_units_run)
        assert [entry["step"] for entry in history] == [3, 6, 8]

    def test_the_rate_falls_along_a_cosine(self, other_units_run):
        rates = [e["learning_rate"] for e in read_history(other_units_run)]
        # Steps 2, 5 and 7 counted from 0; from step 2 to 8 it falls to 0.
        expected = 0.005 * (1 + np.cos(np.pi * np.array([0, 3, 5]) / 6))
        np.testing.assert_allclose(rates, expected, rtol=1e-5)

    def test_the_weights_are_those_of_the_last_step(self, other_units_run):
        results = read_json(other_units_run / "all_results.json")
        assert results["train"]["chosen_step"] == 8
        last = read_history(other_units_run)[-1]["validation"]
        assert results["validation"]["loss"] == last["loss"]

    def test_the_same_command_is_the_same_run(
        self, train, other_units, other_units_run, caplog
    ):
        train(**other_units)
        assert "holds this run, finished" in caplog.text


class TestWrongOptions:
    @pytest.mark.parametrize(
        "changes, message",
        [
            (
                {"early_stopping_patience": 2, "validation_proportion": 0},
                "Early stopping must have a validation split",
            ),
            (
                {"train_file": None, "task_name": "rte", "metric": "pearson"},
                "`metric` must be one of accuracy, f1, macro_f1, matthews",
            ),
            (
                {"num_warmup_steps": 7},
                "Received: num_warmup_steps=7 of 6 steps",
            ),
        ],
    )
    def test_are_refused(self, train_error, tmp_path, changes, message):
        train_error(tmp_path / "run", message, **changes)
        assert not (tmp_path / "run").exists()


FROZEN = {"freeze": "encoder", "weight_decay": 0.1}


@pytest.fixture(scope="module")
def frozen_run(train, tmp_path_factory):
    return train(tmp_path_factory.mktemp("frozen") / "run", **FROZEN)


class TestFrozenRun:
    """Whole runs, with a cache and without."""

    def test_only_what_is_not_frozen_moves(self, frozen_run, tiny_checkpoint):
        before, after = (
            safetensors.numpy.load_file(folder / "model.safetensors")
            for folder in (pathlib.Path(tiny_checkpoint), frozen_run / "model")
        )
        moved = {
            name
            for name, value in before.items()
            if not np.array_equal(value, after[name])
        }
        # Bit for bit; the head is drawn and trained.
        assert moved == {
            "bert.pooler.dense.weight",
            "bert.pooler.dense.bias",
            "classifier.weight",
            "classifier.bias",
        }

    @pytest.mark.large
    def test_a_cache_changes_nothing_but_roundings(
        self, frozen_run, train, tmp_path
    ):
        cached = train(
            tmp_path / "cached", **FROZEN, cache_frozen_features=True
        )
        expected, actual = (
            safetensors.numpy.load_file(folder / "model" / "model.safetensors")
            for folder in (frozen_run, cached)
        )
        for name, value in expected.items():
            np.testing.assert_allclose(
                actual[name], value, rtol=0, atol=1e-5, err_msg=name
            )
        for old, new in zip(
            read_history(frozen_run), read_history(cached), strict=True
        ):
            assert old["train_loss"] == pytest.approx(new["train_loss"], 1e-5)
            assert old["validation"]["loss"] == pytest.approx(
                new["validation"]["loss"], 1e-5
            )
