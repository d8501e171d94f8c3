"""Whose F1 it is: from the data to everything that a run leaves behind.

One training in which the rare class is never found, and one sweep of it.
"""

import json
import pathlib
import re
import shutil

import pytest
from conftest import review_rows, write_csv

from tf_bert import run
from tf_bert.baselines import baseline_scores
from tf_bert.config import Config
from tf_bert.data.tasks import run_data

# The texts say nothing: the rare class comes first, and is never predicted.
FRAUD = {"metric": "f1", "test_proportion": 0.2, "compare_baselines": True}


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def write_rows(folder, names, share=10):
    """Writes 120 rows, one in `share` of the first class."""
    path = folder / f"{names[0]}.csv"
    texts = [text for text, _ in review_rows()] * 3
    rows = [
        (f"{text} {index}", names[int(index % share > 0)])
        for index, text in enumerate(texts)
    ]
    write_csv(path, [("text", "label"), *rows])
    return path


@pytest.fixture(scope="module")
def fraud_file(tmp_path_factory) -> pathlib.Path:
    return write_rows(tmp_path_factory.mktemp("fraud"), ("fraud", "legit"))


@pytest.fixture(scope="module")
def fraud_run(train, fraud_file, tmp_path_factory) -> pathlib.Path:
    """For reading only."""
    folder = tmp_path_factory.mktemp("fraud_run") / "run"
    return train(folder, train_file=fraud_file, **FRAUD)


@pytest.fixture
def copied(fraud_run, tmp_path):
    return pathlib.Path(shutil.copytree(fraud_run, tmp_path / "copy"))


@pytest.mark.large
class TestRun:
    def test_a_class_that_is_never_found_has_a_score_of_zero(self, fraud_run):
        results = read_json(fraud_run / "all_results.json")
        assert results["positive_label"] == "fraud"
        for split in ("validation", "test"):
            assert results[split]["f1"] == 0, split
            assert results[split]["accuracy"] > 0.8, split
        # As good as the share of the class: the order of rows is by chance.
        assert results["test"]["average_precision"] < 0.7
        assert results["baselines"]["majority"]["test"]["f1"] == 0
        assert "F1 (fraud)" in results["verdict"]
        assert "F1 (fraud)" in results["comparison"]

    def test_it_is_named_beside_the_numbers(self, fraud_run):
        assert read_json(fraud_run / "config.json")["positive_label"] == "fraud"
        lines = (fraud_run / "eval_results.txt").read_text("utf-8").split("\n")
        assert {"positive_label = fraud", "test_f1 = 0.0"} <= set(lines)
        history = (fraud_run / "history.jsonl").read_text("utf-8").splitlines()
        assert {json.loads(x)["positive_label"] for x in history} == {"fraud"}
        card = (fraud_run / "model" / "README.md").read_text("utf-8")
        assert "name: F1 (fraud)" in card
        assert "pos_label: 0" in card
        assert "| F1 (fraud) | 0.000" in card
        assert "| average precision (fraud) |" in card
        assert "| ROC AUC |" in card
        assert "--positive_label=fraud" in card

    def test_report_and_evaluation_name_it(self, copied, tmp_path, capsys):
        assert run.main(["--mode=report", f"--output_dir={copied}"]) == 0
        page = (copied / "report.html").read_text("utf-8")
        assert re.search(r">F1 \(fraud\)</t[hd]>\s*<t[hd][^>]*>0\.000<", page)
        assert "validation F1 (fraud)" in page
        assert "F1 on" not in page
        capsys.readouterr()
        assert run.main(["--mode=evaluate", f"--output_dir={copied}"]) == 0
        again = read_json(copied / "evaluation.json")
        assert again["positive_label"] == "fraud"
        assert again["test"]["f1"] == 0
        assert "positive_label = fraud\n" in capsys.readouterr().out
        # Of these rows the other one would be rarer.
        rows = [("a text", "fraud")] * 6 + [("a word", "legit")] * 2
        write_csv(tmp_path / "new.csv", [("text", "label"), *rows])
        arguments = [f"--test_file={tmp_path / 'new.csv'}"]
        arguments += ["--mode=evaluate", f"--output_dir={copied}"]
        assert run.main(arguments) == 0
        other = read_json(copied / "evaluation.json")
        assert other["positive_label"] == "fraud"
        assert other["test"]["f1"] == 0

    def test_the_same_command_continues_and_another_does_not(
        self, train, flags, copied, fraud_file, capsys
    ):
        changes = {"train_file": fraud_file, **FRAUD}
        for given in (None, "fraud"):
            train(copied, positive_label=given, **changes)
        command = flags(output_dir=copied, positive_label="legit", **changes)
        assert run.main(command) == 2
        assert "positive_label: fraud -> legit" in capsys.readouterr().err


@pytest.mark.large
class TestInterruptedRun:
    def test_goes_on_with_the_class_that_it_began_with(
        self, train, flags, fraud_file, control_c_at, tmp_path, caplog
    ):
        folder = tmp_path / "run"
        changes = {"train_file": fraud_file, **FRAUD, "save_every_seconds": 0}
        command = flags(output_dir=folder, positive_label="legit", **changes)
        with control_c_at("step 4:"):
            assert run.main(command) == 130
        train(folder, **changes)
        # The best checkpoint is restored, by the scores of this class.
        assert re.search(r"step 6: .*, F1 \(legit\) 0\.9", caplog.text)
        results = read_json(folder / "all_results.json")
        assert results["positive_label"] == "legit"
        assert results["test"]["f1"] > 0.9

    def test_one_of_an_earlier_version_keeps_the_second_class(
        self, train, fraud_run, fraud_file, tmp_path
    ):
        folder = tmp_path / "run"
        folder.mkdir()
        config = read_json(fraud_run / "config.json")
        del config["positive_label"]
        config["output_dir"] = str(folder)
        (folder / "config.json").write_text(json.dumps(config))
        train(folder, train_file=fraud_file, **FRAUD)
        assert read_json(folder / "config.json")["positive_label"] == "legit"
        results = read_json(folder / "all_results.json")
        assert results["positive_label"] == "legit"
        assert results["test"]["f1"] > 0.9


@pytest.mark.large
class TestSweep:
    @pytest.fixture(scope="class")
    def sweep(self, run_sweep, fraud_file, tmp_path_factory):
        """For reading only."""
        folder = tmp_path_factory.mktemp("fraud_sweep") / "sweep"
        return run_sweep(
            folder, train_file=fraud_file, **FRAUD, trials_save_model="best"
        )

    @pytest.fixture
    def copied(self, sweep, tmp_path):
        return pathlib.Path(shutil.copytree(sweep, tmp_path / "copy"))

    def test_all_trials_have_it(self, sweep, capsys):
        assert read_json(sweep / "config.json")["positive_label"] == "fraud"
        for path in (sweep / "trials").glob("*.json"):
            record = read_json(path)
            assert record["task"]["positive_label"] == "fraud"
            assert record["last"]["test"]["f1"] == 0
            assert "positive_label" not in record["config"]
        baselines = read_json(sweep / "baselines.json")
        [scores] = baselines.values()
        assert scores["models"]["majority"]["test"]["f1"] == 0

    def test_summary_and_report_name_it(
        self, run_sweep, copied, fraud_file, capsys, caplog
    ):
        changes = {"train_file": fraud_file, **FRAUD, "num_trials": 3}
        run_sweep(copied, **changes, positive_label="fraud")
        printed = capsys.readouterr().out
        assert "F1 (fraud) on test, over 3 trials" in printed
        assert ": F1 (fraud) 0.0000" in caplog.text
        assert run.main(["--mode=report", f"--output_dir={copied}"]) == 0
        page = (copied / "report.html").read_text("utf-8")
        assert "test F1 (fraud)" in page
        assert "test F1." not in page

    def test_one_of_an_earlier_version_keeps_the_second_class(
        self, run_sweep, copied, fraud_file
    ):
        config = read_json(copied / "config.json")
        del config["positive_label"]
        (copied / "config.json").write_text(json.dumps(config))
        paths = set((copied / "trials").glob("*.json"))
        for path in paths:
            record = read_json(path)
            del record["task"]["positive_label"]
            path.write_text(json.dumps(record))
        run_sweep(copied, train_file=fraud_file, **FRAUD, num_trials=3)
        [new] = set((copied / "trials").glob("*.json")) - paths
        assert read_json(new)["task"]["positive_label"] == "legit"
        assert read_json(new)["last"]["test"]["f1"] > 0.9
        assert read_json(copied / "config.json")["positive_label"] == "legit"

    @pytest.mark.parametrize(
        "sweep, message",
        [
            ("positive_label:fraud,legit", "need one positive label"),
            (
                "positive_label:fraud,fruad",
                "'fruad', where another has 'fraud'",
            ),
        ],
    )
    def test_recipes_on_the_same_rows_have_one(
        self, flags, fraud_file, tmp_path, capsys, sweep, message
    ):
        changes = {"train_file": fraud_file, "mode": "trials", **FRAUD}
        changes |= {"num_trials": 1, "sweep": sweep}
        assert run.main(flags(output_dir=tmp_path / "new", **changes)) == 2
        assert message in capsys.readouterr().err
        assert not (tmp_path / "new").exists()

    def test_recipes_on_other_data_have_their_own(self, run_sweep, tmp_path):
        for names in (("fraud", "legit"), ("rare", "usual")):
            write_rows(tmp_path, names)
        files = ",".join(f"{tmp_path}/{n}.csv" for n in ("fraud", "rare"))
        folder = run_sweep(
            tmp_path / "new", f"train_file:{files}", num_trials=1
        )
        labels = {
            read_json(path)["task"]["positive_label"]
            for path in (folder / "trials").glob("*.json")
        }
        assert labels == {"fraud", "rare"}
        assert run.main(["--mode=report", f"--output_dir={folder}"]) == 0


class TestData:
    def load(self, **fields):
        config = Config(output_dir="runs/x", **fields)
        return run_data.load(config, run_data.get_task(config))

    def test_depends_on_neither_the_split_nor_its_size(self, fraud_file):
        for changes in (
            {"max_train_examples": 20},
            {"validation_proportion": 0.5, "split_seed": 3},
        ):
            data = self.load(train_file=str(fraud_file), **changes)
            assert data.task.positive_label == "fraud", changes

    def test_a_known_task_has_that_of_its_benchmark(self):
        data = self.load(task_name="product_reviews")
        assert data.task.positive_label == "positive"
        data = self.load(task_name="product_reviews", positive_label="negative")
        assert data.task.positive_label == "negative"

    def test_baselines_are_tuned_for_it(self, fraud_file, monkeypatch):
        seen = []
        choose = baseline_scores.tfidf_models.choose

        def spied(*arguments, metric, **others):
            seen.append(metric)
            return choose(*arguments, metric=metric, **others)

        monkeypatch.setattr(baseline_scores.tfidf_models, "choose", spied)
        data = self.load(train_file=str(fraud_file), metric="f1")
        baseline_scores.baselines_of(data)
        assert [metric.positive_id for metric in seen] == [0]
