"""Tests of tf_bert/runs/model_card.py."""

import dataclasses
import json
import re
import shlex

import huggingface_hub
import numpy as np
import pytest

from tf_bert.config import Config, parse
from tf_bert.data.tasks import known_tasks
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.runs import model_card

CONFIG = Config(
    output_dir="runs/my cards",
    train_file="data/cards.csv",
    init_checkpoint="minilm-l6",
    max_seq_length=48,
    seed=3,
    overwrite_output_dir=True,
    predict_file="new.csv",
)
RESULTS = {
    "train": {"num_examples": 3, "num_steps": 40, "chosen_step": 30},
    "validation": {
        "num_examples": 2,
        "accuracy": 0.5,
        "accuracy_ci": [0.0126, 0.9874],
        "loss": 0.7,
        "roc_auc": None,
    },
    "test": {
        "num_examples": 4,
        "accuracy": 0.75,
        "accuracy_ci": [0.1941, 0.9937],
        "loss": 0.25,
        "roc_auc": 0.875,
    },
    "baselines": {
        "majority": {"test": {"accuracy": 0.5, "accuracy_ci": [0.07, 0.93]}},
        "tfidf_svm": {"test": {"accuracy": 0.25, "accuracy_ci": [0.0, 0.81]}},
    },
    "verdict": "BERT made no clear difference.",
}


def examples(labels, source="data/cards.csv"):
    texts = tuple(f"text {i}" for i in range(len(labels)))
    return Examples(
        texts=texts,
        text_pairs=None,
        labels=np.array(labels),
        row_numbers=np.arange(len(labels)),
        source=source,
    )


def class_data(label_names=("no", "yes")):
    task = known_tasks.custom_task(
        text_column="text", label_column="label", label_names=label_names
    )
    return TaskData(
        task,
        train=examples([0, 1, 1]),
        validation=examples([0, 1]),
        test=examples([1, 1, 0, 1], "elsewhere/test.csv"),
    )


def render(config=CONFIG, data=None, results=RESULTS):
    return model_card.render_model_card(config, data or class_data(), results)


def table_rows(card, first_cell):
    return [x for x in card.splitlines() if x.startswith(f"| {first_cell} |")]


class TestMetadata:
    def test_says_what_the_hub_asks(self):
        data = huggingface_hub.ModelCard(render()).data
        assert data.library_name == "transformers"
        assert data.pipeline_tag == "text-classification"
        assert data.base_model == "sentence-transformers/all-MiniLM-L6-v2"
        assert data.metrics == ["accuracy", "roc_auc"]
        assert data.model_name == "my cards"
        found = [
            (x.dataset_name, x.dataset_split, x.metric_type, x.metric_value)
            for x in data.eval_results
        ]
        assert found == [
            ("cards.csv", "validation", "accuracy", 0.5),
            ("cards.csv", "test", "accuracy", 0.75),
            ("cards.csv", "test", "roc_auc", 0.875),
        ]
        types = {x.task_type for x in data.eval_results}
        assert types == {"text-classification"}

    def test_a_dataset_of_tfds_is_named(self):
        config = dataclasses.replace(
            CONFIG, train_file=None, tfds_name="imdb_reviews/plain_text"
        )
        rows = examples([0, 1, 1], "tfds:imdb_reviews/plain_text/1.0.0/train")
        card = huggingface_hub.ModelCard(
            render(config, dataclasses.replace(class_data(), train=rows))
        )
        names = {x.dataset_name for x in card.data.eval_results}
        assert names == {"imdb_reviews/plain_text"}
        assert "\nRows of `imdb_reviews/plain_text`, by split:\n" in card.text
        assert "- train: `imdb_reviews/plain_text/1.0.0/train`\n" in card.text

    def test_a_folder_is_no_base_model(self, tmp_path):
        config = dataclasses.replace(CONFIG, init_checkpoint=str(tmp_path))
        card = huggingface_hub.ModelCard(render(config))
        assert card.data.base_model is None
        assert f"It is `{tmp_path.name}`, fine-tuned" in card.text

    def test_macro_f1_says_so(self):
        results = {**RESULTS, "test": {**RESULTS["test"], "macro_f1": 0.625}}
        data = huggingface_hub.ModelCard(render(results=results)).data
        [entry] = [x for x in data.eval_results if x.metric_type == "f1"]
        assert entry.metric_value == 0.625
        assert entry.metric_args == {"average": "macro"}


class TestText:
    @pytest.mark.parametrize(
        "line",
        [
            "|  | train | validation | test |",
            "| `no` | 1 | 1 | 1 |",
            "| `yes` | 2 | 1 | 3 |",
            "| all | 3 | 2 | 4 |",
            "- validation: `cards.csv`, examples held out from training",
            "- test: `test.csv`",
            "|  | validation, 2 examples | test, 4 examples |",
            "| accuracy | 0.500 [0.013, 0.987] | 0.750 [0.194, 0.994] |",
            "| loss | 0.700 | 0.250 |",
            "| ROC AUC | not defined | 0.875 |",
            "| Majority class | 0.500 [0.070, 0.930] |",
            "| BERT | 0.750 [0.194, 0.994] |",
            "BERT made no clear difference.",
        ],
    )
    def test_has_this_line_once(self, line):
        assert render().splitlines().count(line) == 1

    def test_the_command_makes_the_same_model(self):
        """What cannot change it, such as the file to predict, is left out."""
        [block] = re.findall(
            "```\n(python -m tf_bert.run .*?)```", render(), re.S
        )
        arguments = shlex.split(block.replace("\\\n", ""))[3:]
        plain = dataclasses.replace(
            CONFIG,
            overwrite_output_dir=False,
            predict_file=None,
            output_dir="my cards",
            train_file="cards.csv",
        )
        assert Config(**parse.parse(arguments)) == plain

    def test_no_folder_of_the_machine_is_told(self, tmp_path):
        """Nor the name of its user, under which the folders are."""
        user = tmp_path / "home" / "jane"
        (user / "model").mkdir(parents=True)
        paths = {
            name: str(user / name)
            for name in CONFIG.inputs
            if name not in ("init_checkpoint", "data_dir", "tfds_data_dir")
        }
        paths["train_file"] = f"{user}/train.csv"
        own = dataclasses.replace(
            CONFIG,
            **paths,
            init_checkpoint=f"{user}/model/",
            output_dir=f"{user}/mine",
        )
        known = dataclasses.replace(
            CONFIG,
            train_file=None,
            task_name="rte",
            data_dir=f"{user}\\glue\\",
            init_checkpoint="google-bert/bert-base-uncased",
        )
        tfds = dataclasses.replace(
            known, data_dir=None, tfds_data_dir="gs://jane/tfds"
        )
        cards = [render(config) for config in (own, known, tfds)]
        for card in cards:
            assert "jane" not in card
            assert str(tmp_path) not in card
        assert "--init_checkpoint=model " in cards[0]
        assert "--train_file=train.csv " in cards[0]
        assert "--test_file=test_file " in cards[0]
        assert "--init_checkpoint=google-bert/bert-base-uncased" in cards[1]
        assert "--data_dir=glue " in cards[1]
        assert "--tfds_data_dir=tfds " in cards[2]

    def test_seeds_the_chosen_step_and_limits_follow_from_the_run(self):
        card = render()
        assert "40 steps; the weights after step 30, the best on valid" in card
        assert "Seeds: 3 for new weights, 3 for the order" in card
        assert "0 for held-out examples." in card
        assert "- It learned from 3 examples." in card
        assert "Of a long text only 48 tokens count" in card
        assert "The validation examples chose the checkpoint" in card
        last = dataclasses.replace(CONFIG, checkpoint_to_use="last")
        assert "chose the checkpoint" not in render(last)

    def test_the_clock_and_the_machine_are_not_told(self):
        runtime = {"seconds": 12.3, "host": "laptop"}
        assert render(results={**RESULTS, "runtime": runtime}) == render()

    def test_labels_cannot_break_a_table(self):
        card = render(data=class_data(("a|b", "two\nlines `x`")))
        assert table_rows(card, "`a\\|b`") == ["| `a\\|b` | 1 | 1 | 1 |"]
        assert len(table_rows(card, "`` two lines `x` ``")) == 1

    def test_a_run_without_further_splits_says_so(self):
        data = dataclasses.replace(class_data(), validation=None, test=None)
        card = render(data=data, results={"train": RESULTS["train"]})
        assert "There was no split to evaluate on." in card
        assert "intervals" not in card
        assert huggingface_hub.ModelCard(card).data.eval_results is None

    @pytest.mark.parametrize(
        "path, name",
        [("runs/x/", "x"), (".", "model"), ("gs://b/y", "y"), ("/", "model")],
    )
    def test_is_called_as_the_folder(self, path, name):
        card = render(dataclasses.replace(CONFIG, output_dir=path))
        assert f"\n# {name}\n" in card


def test_a_regression_of_pairs_is_summarised():
    task = known_tasks.custom_task(
        text_column="first",
        text_pair_column="second",
        label_column="score",
        is_regression=True,
    )
    labels = np.array([0.5, 4, 3], np.float32)
    data = TaskData(
        task, examples(labels), validation=None, test=examples(labels[:2])
    )
    scores = {
        "num_examples": 2,
        "spearman": -0.5,
        "spearman_ci": None,
        "spearman_ci_note": "too few examples",
    }
    card = render(
        data=data, results={"train": RESULTS["train"], "test": scores}
    )
    assert "Gives a pair of texts a score." in card
    assert table_rows(card, "rows") == ["| rows | 3 | 2 |"]
    assert table_rows(card, "mean score") == ["| mean score | 2.5 | 2.25 |"]
    assert table_rows(card, "Spearman correlation") == [
        "| Spearman correlation | -0.500 [too few examples] |"
    ]
    # The pipeline gets pairs, and gives scores.
    assert 'MODEL, function_to_apply="none")' in card
    assert 'classify({"text": "A text.", "text_pair": "Another."}' in card
    [entry] = huggingface_hub.ModelCard(card).data.eval_results
    assert (entry.metric_type, entry.metric_value) == ("spearmanr", -0.5)
    assert entry.task_name == "Text regression"


class TestFinishedRun:
    def test_the_card_has_the_results_of_the_run(self, finished_run):
        text = (finished_run / "all_results.json").read_text(encoding="utf-8")
        results = json.loads(text)
        card = huggingface_hub.ModelCard.load(finished_run / "model/README.md")
        for entry in card.data.eval_results:
            values = results[entry.dataset_split]
            assert entry.metric_value in values.values()
        assert {x.dataset_split for x in card.data.eval_results} == {
            "validation",
            "test",
        }
        assert results["verdict"] in card.text
        assert table_rows(card.text, "all") == ["| all | 36 | 4 | 12 |"]

    @pytest.mark.large
    @pytest.mark.reference
    def test_its_code_runs(self, finished_run):
        card = (finished_run / "model/README.md").read_text(encoding="utf-8")
        blocks = re.findall("^```python\n(.*?)^```", card, re.S | re.M)
        assert len(blocks) == 2
        for block in blocks:
            exec(block, {"MODEL": str(finished_run / "model")})
