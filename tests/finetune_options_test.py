"""Tests of tf_bert/finetune.py: other flags and other kinds of data."""

import pathlib
import shutil

import numpy as np
import pytest
import safetensors.numpy
from conftest import read_history, read_json

from tf_bert.scoring import scored_rows

RECORDED = pathlib.Path(__file__).parent / "recorded"
MINE = ("model/notes.txt", "notes.txt")


def read_lines(path):
    return path.read_text("utf-8").splitlines()


class TestRegressionOfPairs:
    def test_is_scored_by_correlation_and_error(self, pairs_run):
        results = read_json(pairs_run / "all_results.json")
        sizes = {s: results[s]["num_examples"] for s in ("validation", "test")}
        assert sizes == {"validation": 4, "test": 6}
        for name in ("spearman", "pearson", "mse", "mae"):
            low, high = results["test"][f"{name}_ci"]
            assert low <= results["test"][name] <= high
        assert results["test"]["loss"] == results["test"]["mse"]
        assert set(results["baselines"]) == {"mean", "tfidf_ridge"}
        assert results["difference"]["metric"] == "spearman"
        # The best checkpoint has the highest correlation.
        history = read_history(pairs_run)
        values = [entry["validation"]["spearman"] for entry in history]
        best = history[int(np.argmax(values))]["step"]
        assert results["train"]["chosen_step"] == best
        assert results["validation"]["spearman"] == max(values)

    def test_model_has_one_output_and_predicts_scores(self, pairs_run):
        config = read_json(pairs_run / "model" / "config.json")
        assert config["problem_type"] == "regression"
        weights = safetensors.numpy.load_file(
            pairs_run / "model" / "model.safetensors"
        )
        assert weights["classifier.weight"].shape == (1, 8)
        header, row = read_lines(pairs_run / "predictions.tsv")
        assert header == "second\tfirst\tpredicted_score"
        *fields, score = row.split("\t")
        assert fields == ["A good mug.", "The mug is good."]
        assert np.isfinite(float(score))


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


@pytest.mark.large
def test_deterministic_operations_end_in_the_same_bits(
    full_flags, warm_program, flags, tmp_path
):
    """On a processor; in processes of their own: there is no way back."""
    contents = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        changes = {**full_flags, "deterministic": True}
        process = warm_program.start(flags(output_dir=folder, **changes))
        assert process.wait() == 0, process.error()
        assert "other last digits" not in process.error()
        contents.append(
            [
                (folder / name).read_bytes()
                for name in ("model/model.safetensors", "predictions.tsv")
            ]
        )
    assert contents[0] == contents[1]


def test_without_validation_all_rows_train_and_the_last_weights_are_used(
    numbered_run,
):
    """Also: no header, a mean of micro-batches, and training in epochs."""
    results = read_json(numbered_run / "all_results.json")
    assert set(results) == {"positive_label", "train", "runtime"}
    assert results["train"]["num_examples"] == 40
    # 3 steps per epoch, and a half epoch is a step and a half.
    history = read_history(numbered_run)
    assert [entry["step"] for entry in history] == [1, 3, 5]
    assert all("validation" not in entry for entry in history)
    assert results["train"]["chosen_step"] == 5
    # Labels have the order that was given.
    config = read_json(numbered_run / "model" / "config.json")
    assert config["id2label"] == {"0": "good", "1": "bad"}


@pytest.fixture(scope="module")
def stopped_run(train, tmp_path_factory):
    """In the folder of a run of an earlier version, which left no record."""
    folder = tmp_path_factory.mktemp("runs") / "older"
    shutil.copytree(RECORDED / "run", folder)
    (folder / "predictions.tsv").write_text("old", encoding="utf-8")
    for name in MINE:
        (folder / name).write_text("mine", encoding="utf-8")
    return train(
        folder,
        overwrite_output_dir=True,
        learning_rate=0,  # So that nothing is ever gained.
        num_train_steps=6,
        num_evaluations=6,
        early_stopping_patience=3,
        precision="mixed_bfloat16",
    )


class TestEarlyStopping:
    """Also: half precision, and a stopped_run that is overwritten."""

    def test_stops_after_so_many_evaluations_without_a_gain(self, stopped_run):
        steps = [entry["step"] for entry in read_history(stopped_run)]
        assert steps == [1, 2, 3, 4]
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
        files = {
            path.relative_to(stopped_run).as_posix()
            for path in stopped_run.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        assert files == {
            *MINE,
            "all_results.json",
            "config.json",
            "eval_results.txt",
            "history.jsonl",
            "init_checkpoint.json",
            "scored_rows.tsv",
            "splits.json",
            "model/README.md",
            "model/config.json",
            "model/model.safetensors",
            "model/tokenizer.json",
            "model/tokenizer_config.json",
            "model/vocab.txt",
        }


# Flags of a run whose durations are all given in their other unit.
OTHER_UNITS = {
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
    "label_smoothing_factor": 0.9,
}


@pytest.fixture(scope="module")
def other_units_run(train, tmp_path_factory):
    return train(tmp_path_factory.mktemp("units") / "run", **OTHER_UNITS)


@pytest.mark.large
class TestOtherUnits:
    """36 rows in batches of 12, for 8 steps; the last of them is used.

    Also: smoothed labels.
    """

    def test_durations_are_those_of_the_flags(self, other_units_run):
        config = read_json(other_units_run / "config.json")
        assert config["train_batch_size"] == 12
        assert config["per_device_train_batch_size"] is None
        history = read_history(other_units_run)
        assert [entry["step"] for entry in history] == [3, 6, 8]
        rates = [entry["learning_rate"] for entry in history]
        # Steps 2, 5 and 7 counted from 0; from step 2 to 8 it falls to 0.
        expected = 0.005 * (1 + np.cos(np.pi * np.array([0, 3, 5]) / 6))
        np.testing.assert_allclose(rates, expected, rtol=1e-5)
        results = read_json(other_units_run / "all_results.json")
        assert results["train"]["chosen_step"] == 8
        last = history[-1]["validation"]
        assert results["validation"]["loss"] == last["loss"]

    def test_labels_are_smoothed_in_the_training_loss_alone(
        self, other_units_run
    ):
        text = (other_units_run / "scored_rows.tsv").read_text("utf-8")
        rows = scored_rows.read(text, "scored_rows.tsv")["validation"]
        shares = rows.probabilities[np.arange(len(rows.labels)), rows.labels]
        results = read_json(other_units_run / "all_results.json")
        assert results["validation"]["loss"] == pytest.approx(
            -np.log(shares).mean(), rel=1e-5
        )
        card = (other_units_run / "model" / "README.md").read_text("utf-8")
        assert "--label_smoothing_factor=0.9" in card

    def test_the_same_command_is_the_same_run(
        self, train, other_units_run, caplog
    ):
        train(other_units_run, **OTHER_UNITS)
        assert "holds this run, finished" in caplog.text


@pytest.mark.large
def test_only_what_is_not_frozen_moves(train, tmp_path, tiny_checkpoint):
    run = train(
        tmp_path / "run",
        freeze="encoder",
        weight_decay=0.1,
        cache_frozen_features=True,
        num_train_steps=2,
        num_evaluations=1,
    )
    before, after = (
        safetensors.numpy.load_file(folder / "model.safetensors")
        for folder in (pathlib.Path(tiny_checkpoint), run / "model")
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
