"""Tests of tf_bert/finetune.py: what a finished run leaves behind.

Continuing is in `finetune_resume_test.py`, other flags and kinds of data are
in `finetune_options_test.py`.
"""

import json

import numpy as np
import pytest

from tf_bert import run
from tf_bert.config import Config
from tf_bert.runs import run_results
from tf_bert.runs.run_folder import RunFolder

METRICS = {
    "accuracy",
    "average_precision",
    "f1",
    "loss",
    "macro_f1",
    "matthews",
    "roc_auc",
}


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_history(folder):
    lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def times(folder):
    """When each file was changed."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


class TestFinishedFolder:
    def test_its_record_names_every_file(self, finished_run):
        assert (finished_run / ".written").exists()
        assert not RunFolder(str(finished_run)).written.of_others()

    def test_holds_these_files_alone(self, finished_run):
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
        for entry in history:
            assert set(entry["validation"]) == METRICS
            assert 0 < entry["train_loss"] < 2

    def test_tensorboard_shows_the_history(self, finished_run):
        import tensorflow as tf

        found = {}
        for path in (finished_run / "tensorboard").iterdir():
            for event in tf.compat.v1.train.summary_iterator(str(path)):
                for value in event.summary.value:
                    scalar = float(tf.make_ndarray(value.tensor))
                    found[value.tag, event.step] = scalar
        for entry in read_history(finished_run):
            expected = {
                f"validation/{k}": v for k, v in entry["validation"].items()
            }
            expected["train/loss"] = entry["train_loss"]
            expected["train/learning_rate"] = entry["learning_rate"]
            for tag, scalar in expected.items():
                np.testing.assert_allclose(
                    found.pop((tag, entry["step"])), scalar, rtol=1e-6
                )
        assert not found


class TestResults:
    @pytest.fixture
    def results(self, finished_run):
        return read_json(finished_run / "all_results.json")

    def test_has_these_parts(self, results):
        assert set(results) == {
            "baselines",
            "comparison",
            "difference",
            "positive_label",
            "runtime",
            "test",
            "train",
            "validation",
            "verdict",
        }
        assert results["train"]["num_examples"] == 36
        assert results["train"]["num_steps"] == 6
        assert results["train"]["num_parameters"] == 2338
        assert results["train"]["num_trainable_parameters"] == 2338

    @pytest.mark.parametrize("split, size", [("validation", 4), ("test", 12)])
    def test_metrics_have_intervals(self, results, split, size):
        scores = results[split]
        assert scores["num_examples"] == size
        assert METRICS < set(scores)
        for name in METRICS - {"loss", "roc_auc", "average_precision"}:
            interval = scores[f"{name}_ci"]
            if name in ("f1", "macro_f1", "matthews"):
                note = scores[f"{name}_ci_note"]
                assert interval is None and note.startswith("too few rows of")
            else:
                assert interval[0] <= scores[name] <= interval[1], name

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
        difference = results["difference"]
        assert difference["value"] == pytest.approx(
            results["test"]["accuracy"]
            - results["baselines"]["tfidf_svm"]["test"]["accuracy"]
        )
        assert results["verdict"].startswith("BERT was ")
        # The table breaks the sentence into lines.
        table = " ".join(results["comparison"].split())
        assert results["verdict"] in table

    def test_the_text_file_holds_the_numbers(self, results, finished_run):
        text = (finished_run / "eval_results.txt").read_text(encoding="utf-8")
        lines = text.splitlines()
        assert f"test_accuracy = {results['test']['accuracy']}" in lines
        assert "train_num_steps = 6" in lines
        assert lines == sorted(lines)

    def test_the_clock_and_the_machine_stand_apart(self, results):
        assert set(results["runtime"]) == {
            "host",
            "onednn",
            "recording_share_of_step_time",
            "saving_seconds",
            "saving_seconds_beside",
            "saving_share_of_step_time",
            "seconds",
            "versions",
        }
        assert results["runtime"]["seconds"] > 0


class TestModelFolder:
    def test_opens_in_transformers(self, finished_run):
        import transformers

        config = transformers.AutoConfig.from_pretrained(finished_run / "model")
        assert config.architectures == ["BertForSequenceClassification"]
        assert config.id2label == {0: "bad", 1: "good"}
        assert config.label2id == {"bad": 0, "good": 1}
        assert config.problem_type == "single_label_classification"

    def test_tokenizer_opens_in_transformers(self, finished_run):
        import transformers

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


@pytest.mark.large
class TestSameFlags:
    def test_the_second_run_equals_the_first(
        self, finished_run, train, full_flags, tmp_path
    ):
        second = train(tmp_path / "finished", **full_flags)
        for name in (
            "model/model.safetensors",
            "model/config.json",
            "history.jsonl",
            "eval_results.txt",
            "predictions.tsv",
            "scored_rows.tsv",
        ):
            assert (second / name).read_bytes() == (
                finished_run / name
            ).read_bytes(), name
        card = (second / "model/README.md").read_text(encoding="utf-8")
        assert card.replace(str(second), str(finished_run)) == (
            finished_run / "model/README.md"
        ).read_text(encoding="utf-8")
        first, other = (
            read_json(folder / "all_results.json")
            for folder in (finished_run, second)
        )
        del first["runtime"], other["runtime"]
        assert first == other


class TestRender:
    def test_shows_the_comparison_if_there_is_one(self):
        results = {"comparison": "BERT 0.9", "test": {"accuracy": 0.9}}
        assert run_results.render(results) == "\nBERT 0.9"

    def test_adds_a_line_for_each_further_split(self):
        scores = {"num_examples": 9, "accuracy": 0.5, "accuracy_ci": [0, 1]}
        results = {
            "comparison": "BERT 0.9",
            "difference": {"metric": "accuracy"},
            "train": {"num_examples": 20},
            "validation": scores,
            "validation_mismatched": scores,
        }
        assert run_results.render(results) == (
            "\nBERT 0.9\n\nOn the 9 validation_mismatched rows BERT's accuracy "
            "is 0.500 [0.000, 1.000]."
        )

    def test_a_further_split_without_an_interval_says_why(self):
        scores = {
            "num_examples": 9,
            "f1": 0.5,
            "f1_ci": None,
            "f1_ci_note": "too few rows of class spam",
        }
        results = {
            "comparison": "BERT 0.9",
            "difference": {"metric": "f1"},
            "validation_mismatched": scores,
        }
        assert run_results.render(results).endswith(
            "F1 is 0.500 [too few rows of class spam]."
        )

    def test_shows_the_metrics_otherwise(self):
        results = {
            "test": {"f1": 0.5, "accuracy": 0.75, "f1_ci": [0, 1]},
            "train": {"num_steps": 3},
        }
        assert (
            run_results.render(results)
            == "\ntest_accuracy = 0.75\ntest_f1 = 0.5\n"
        )

    def test_says_so_if_there_are_none(self):
        text = run_results.render({"train": {"num_steps": 3}})
        assert "no split to evaluate on" in text

    def test_a_metric_without_a_value_is_left_out(self):
        lines = run_results.flat_lines({"test": {"roc_auc": None, "f1": 0.5}})
        assert lines == "test_f1 = 0.5\n"
