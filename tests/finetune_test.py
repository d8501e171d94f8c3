"""Tests of tf_bert/finetune.py: what a finished run leaves behind.

Continuing is in `finetune_resume_test.py`, other flags and kinds of data are
in `finetune_options_test.py`.
"""

import numpy as np
import pytest
from conftest import read_history, read_json

from tf_bert import run
from tf_bert.config import Config
from tf_bert.runs import run_results
from tf_bert.runs.run_folder import RunFolder


def times(folder):
    """When each file was changed."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


class TestFinishedFolder:
    def test_holds_these_files_alone_and_its_record_names_them(
        self, finished_run
    ):
        files = {
            path.relative_to(finished_run).as_posix()
            for path in finished_run.rglob("*")
            if path.is_file() and path.parent.name != "tensorboard"
        }
        assert files == {
            ".lock",
            ".written",
            "all_results.json",
            "config.json",
            "eval_results.txt",
            "history.jsonl",
            "init_checkpoint.json",
            "model/README.md",
            "model/config.json",
            "model/model.safetensors",
            "model/tokenizer.json",
            "model/tokenizer_config.json",
            "model/vocab.txt",
            "predictions.tsv",
            "scored_rows.tsv",
            "splits.json",
            "updates.npz",
        }
        assert not RunFolder(str(finished_run)).written.of_others()

    def test_holds_its_configuration(self, finished_run, reviews):
        config = Config.from_dict(read_json(finished_run / "config.json"))
        assert config.train_file == str(reviews / "train.csv")
        assert config.num_train_steps == 6
        assert config.data_seed == 0  # With the default resolved.
        assert config.positive_label == "good"  # From the data.

    def test_history_has_one_entry_per_evaluation(self, finished_run):
        history = read_history(finished_run)
        assert [entry["step"] for entry in history] == [2, 4, 6]
        assert [entry["epoch"] for entry in history] == [2 / 3, 4 / 3, 2]
        # Falls in a line from 0.01 after no warm-up: 10 % of 6 steps is 0.
        np.testing.assert_allclose(
            [entry["learning_rate"] for entry in history],
            [0.01 * 5 / 6, 0.01 * 3 / 6, 0.01 * 1 / 6],
            rtol=1e-6,
        )
        assert all(0 < entry["train_loss"] < 2 for entry in history)

    def test_tensorboard_shows_the_history(self, finished_run):
        import tensorflow as tf

        found = {}
        for path in (finished_run / "tensorboard").iterdir():
            for event in tf.compat.v1.train.summary_iterator(str(path)):
                for value in event.summary.value:
                    scalar = float(tf.make_ndarray(value.tensor))
                    found[value.tag, event.step] = scalar
        expected = {}
        for entry in read_history(finished_run):
            step = entry["step"]
            for name in ("loss", "learning_rate"):
                key = "train_loss" if name == "loss" else name
                expected[f"train/{name}", step] = entry[key]
            for name, value in entry["validation"].items():
                expected[f"validation/{name}", step] = value
        assert found == pytest.approx(expected, rel=1e-6)


class TestResults:
    @pytest.fixture
    def results(self, finished_run):
        return read_json(finished_run / "all_results.json")

    def test_say_what_the_training_was(self, results):
        train = results["train"]
        assert train["num_examples"] == 36
        assert train["num_steps"] == 6
        assert train["num_parameters"] == 2338
        assert train["num_trainable_parameters"] == 2338
        assert results["runtime"]["seconds"] > 0

    @pytest.mark.parametrize("split, size", [("validation", 4), ("test", 12)])
    def test_metrics_have_intervals(self, results, split, size):
        scores = results[split]
        assert scores["num_examples"] == size
        low, high = scores["accuracy_ci"]
        assert low <= scores["accuracy"] <= high
        assert scores["f1_ci"] is None
        assert scores["f1_ci_note"].startswith("too few examples of")

    def test_the_weights_are_the_best_on_validation(
        self, results, finished_run
    ):
        history = read_history(finished_run)
        values = [entry["validation"]["accuracy"] for entry in history]
        best = history[int(np.argmax(values))]  # The first of equals.
        assert results["train"]["chosen_step"] == best["step"]
        for name, value in best["validation"].items():
            assert results["validation"][name] == value, name

    def test_bert_is_compared_on_test(self, results):
        assert set(results["baselines"]) == {"majority", "tfidf_svm"}
        assert results["baselines"]["majority"]["test"]["accuracy"] == 0.5
        assert results["difference"]["value"] == pytest.approx(
            results["test"]["accuracy"]
            - results["baselines"]["tfidf_svm"]["test"]["accuracy"]
        )
        assert results["verdict"].startswith("BERT was ")
        # The table breaks the sentence into lines.
        assert results["verdict"] in " ".join(results["comparison"].split())

    def test_the_text_file_holds_the_numbers(self, results, finished_run):
        text = (finished_run / "eval_results.txt").read_text(encoding="utf-8")
        lines = text.splitlines()
        assert f"test_accuracy = {results['test']['accuracy']}" in lines
        assert "train_num_steps = 6" in lines
        assert lines == sorted(lines)


def test_the_model_folder_opens_in_transformers(finished_run):
    import transformers

    config = transformers.AutoConfig.from_pretrained(finished_run / "model")
    assert config.architectures == ["BertForSequenceClassification"]
    assert config.id2label == {0: "bad", 1: "good"}
    assert config.label2id == {"bad": 0, "good": 1}
    assert config.problem_type == "single_label_classification"
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        finished_run / "model"
    )
    # The model's positions, not the run's `max_seq_length`.
    assert tokenizer.model_max_length == 64
    assert tokenizer.tokenize("The good") == ["the", "good"]
    assert len(tokenizer("good " * 50)["input_ids"]) == 52


class TestGivenAgain:
    def test_prints_the_stored_result(
        self, finished_run, flags, full_flags, capsys, caplog
    ):
        before = times(finished_run)
        results = read_json(finished_run / "all_results.json")
        for resume in ("auto", "must"):
            arguments = flags(
                output_dir=finished_run, resume=resume, **full_flags
            )
            assert run.main(arguments) == 0
            assert results["comparison"] in capsys.readouterr().out
        # For nothing is predicted now, whatever `predict_file` is.
        assert "To predict more files with it: --mode=predict" in caplog.text
        assert times(finished_run) == before

    @pytest.mark.parametrize(
        "changes, message",
        [
            ({"seed": 1}, "differs in data_seed: 0 -> 1; .*seed: 0 -> 1"),
            ({"resume": "never"}, "must be new with --resume=never"),
        ],
    )
    def test_is_refused(self, finished_run, train_error, changes, message):
        before = times(finished_run)
        train_error(finished_run, message, **changes)
        assert times(finished_run) == before


FURTHER = {"difference": {"metric": "f1"}, "comparison": "BERT 0.9"}


@pytest.mark.parametrize(
    "results, expected",
    [
        (
            {"comparison": "BERT 0.9", "test": {"accuracy": 0.9}},
            "\nBERT 0.9",
        ),
        (
            {
                **FURTHER,
                "train": {"num_examples": 20},
                "validation": {"num_examples": 8},
                "validation_mismatched": {
                    "num_examples": 9,
                    "f1": 0.5,
                    "f1_ci": [0, 1],
                },
            },
            "\nBERT 0.9\n\nOn the 9 validation_mismatched examples BERT's F1 "
            "is 0.500 [0.000, 1.000].",
        ),
        (
            {
                **FURTHER,
                "validation_mismatched": {
                    "num_examples": 9,
                    "f1": 0.5,
                    "f1_ci": None,
                    "f1_ci_note": "too few examples of class spam",
                },
            },
            "\nBERT 0.9\n\nOn the 9 validation_mismatched examples BERT's F1 "
            "is 0.500 [too few examples of class spam].",
        ),
        (
            {
                "test": {"f1": 0.5, "roc_auc": None, "accuracy": 0.75},
                "train": {"num_steps": 3},
            },
            "\ntest_accuracy = 0.75\ntest_f1 = 0.5\n",
        ),
        (
            {"train": {"num_steps": 3}},
            "\nTrained; there was no split to evaluate on.",
        ),
    ],
    ids=["comparison", "further split", "no interval", "metrics", "no split"],
)
def test_the_end_of_a_run_as_text(results, expected):
    assert run_results.render(results) == expected
