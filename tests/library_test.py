"""Tests of tf_bert/library.py and of what `import tf_bert` offers."""

import csv
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import scipy.special
import transformers

import tf_bert
from tf_bert import library
from tf_bert.models.bert_model import TFBertModel
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)

TEXTS = ["The lamp is good.", "The mug is bad.", "The tent is poor, poor."]


@pytest.fixture
def model_folder(finished_run, tmp_path):
    """The model of a run, out of its folder: any Hugging Face folder."""
    path = tmp_path / "somewhere"
    return pathlib.Path(shutil.copytree(finished_run / "model", path))


def rewrite_config(folder, **changes):
    path = folder / "config.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(fields | changes), encoding="utf-8")


class TestPackage:
    def test_every_name_is_there(self):
        for name in tf_bert.__all__:
            assert callable(getattr(tf_bert, name)), name
        assert tf_bert.predict is library.predict

    def test_importing_it_needs_no_tensorflow(self):
        command = (
            "import sys, tf_bert\n"
            "tf_bert.Config(output_dir='runs/x')\n"
            "print('tensorflow' in sys.modules, 'keras' in sys.modules)"
        )
        result = subprocess.run(
            [sys.executable, "-c", command],
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout == "False False\n"

    def test_an_unknown_name_is_an_attribute_error(self):
        with pytest.raises(AttributeError, match="no attribute 'train'"):
            _ = tf_bert.train


class TestLoadExamples:
    def test_labels_are_ids_with_their_names(self, reviews):
        examples = library.load_examples(str(reviews / "train.csv"))
        assert len(examples) == 40
        assert examples.label_names == ("bad", "good")
        assert examples.texts[0] == "The kettle is good, good indeed."
        assert examples.labels.dtype == np.int32
        np.testing.assert_array_equal(examples.labels[:4], [1, 0, 1, 0])
        assert examples.text_pairs is None
        np.testing.assert_array_equal(examples.row_numbers, range(1, 41))

    def test_given_names_decide_on_the_ids(self, reviews):
        examples = library.load_examples(
            str(reviews / "test.csv"), label_names=["good", "bad", "ugly"]
        )
        np.testing.assert_array_equal(examples.labels[:2], [0, 1])
        assert examples.select([1, 0]).label_names == ("good", "bad", "ugly")

    def test_other_columns_and_pairs(self, reviews):
        examples = library.load_examples(
            str(reviews / "predict.csv"),
            text_column="note",
            text_pair_column="text",
            label_column="id",
            task_type="regression",
        )
        assert examples.texts[0] == "a, b"
        assert examples.text_pairs[0] == "The lamp is good."
        np.testing.assert_array_equal(examples.labels, np.float32([7, 3, 5]))
        assert examples.label_names is None

    @pytest.mark.parametrize(
        "column, pairs", [(None, None), ("note", ("a, b", 'says "no"', "x\ty"))]
    )
    def test_without_labels(self, reviews, column, pairs):
        examples = library.load_examples(
            str(reviews / "predict.csv"),
            text_pair_column=column,
            label_column=None,
        )
        assert examples.labels is None
        assert examples.texts[1] == "The mug is bad."
        assert examples.text_pairs == pairs

    def test_a_missing_column_is_named(self, reviews):
        with pytest.raises(ValueError, match="column='stars' for .*train.csv"):
            library.load_examples(
                str(reviews / "train.csv"), label_column="stars"
            )


class TestFineTune:
    def test_returns_what_the_folder_holds(self, finished_run, capsys):
        stored = json.loads((finished_run / "config.json").read_text("utf-8"))
        results = tf_bert.fine_tune(tf_bert.Config.from_dict(stored))
        written = (finished_run / "all_results.json").read_text("utf-8")
        assert json.loads(written) == results
        assert "BERT and simple baselines" in capsys.readouterr().out

    def test_a_wrong_field_is_a_value_error(self):
        with pytest.raises(ValueError, match="learning_rate=-1"):
            tf_bert.Config(output_dir="runs/x", learning_rate=-1)


class TestPredict:
    @pytest.mark.parametrize("part", ["", "model/"])
    def test_says_what_the_mode_predict_says(self, finished_run, part):
        with open(
            finished_run / "predictions.tsv", encoding="utf-8", newline=""
        ) as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        predictions = library.predict(
            f"{finished_run}/{part}", [row["text"] for row in rows]
        )
        assert predictions.scores is None
        assert list(predictions.labels) == [
            row["predicted_label"] for row in rows
        ]
        for index, name in enumerate(predictions.label_names):
            np.testing.assert_allclose(
                predictions.probabilities[:, index],
                [float(row[f"probability_{name}"]) for row in rows],
                rtol=1e-5,
            )

    def test_any_iterable_of_texts_is_cut_as_in_the_run(self, finished_run):
        predictor = library.Predictor(str(finished_run))
        assert predictor.max_seq_length == 32
        long = "The mug is bad. " * 10
        first, second = predictor.predict(
            [long, long + "Good, lovely!"]
        ).probabilities
        np.testing.assert_array_equal(first, second)
        expected = predictor.predict(TEXTS).probabilities
        for texts in (tuple(TEXTS), np.array(TEXTS), iter(TEXTS)):
            np.testing.assert_array_equal(
                predictor.predict(texts).probabilities, expected
            )

    def test_no_text_gives_no_prediction(self, finished_run):
        predictions = library.predict(finished_run, [])
        assert predictions.labels == ()
        assert predictions.probabilities.shape == (0, 2)

    @pytest.mark.parametrize(
        "texts, message",
        [
            ("The mug.", "`texts` must be a list.*'The mug.'.*into a list"),
            (["The mug.", " "], r"Received: texts\[1\]=' '"),
            ([float("nan")], r"Received: texts\[0\]=nan"),
        ],
    )
    def test_wrong_texts_are_refused_before_a_model_is_loaded(
        self, texts, message
    ):
        with pytest.raises(ValueError, match=message):
            library.predict("no/such/folder", texts)

    def test_as_many_pairs_as_texts(self, model_folder):
        with pytest.raises(ValueError, match=r"len\(text_pairs\)=1.*texts\)=3"):
            library.predict(str(model_folder), TEXTS, ["One."])

    def test_a_run_on_single_texts_takes_no_pairs(self, finished_run):
        with pytest.raises(ValueError, match="text_pair_column=None. Leave"):
            library.predict(str(finished_run), TEXTS, TEXTS)

    def test_a_run_on_pairs_wants_pairs(self, finished_run, tmp_path):
        folder = shutil.copytree(finished_run, tmp_path / "run")
        rewrite_config(folder, text_pair_column="note")
        with pytest.raises(ValueError, match="text_pair_column='note'. Give"):
            library.predict(str(folder), TEXTS)
        assert len(library.predict(str(folder), TEXTS, TEXTS).labels) == 3


class TestHuggingFaceFolder:
    """Folders of which no run says how they were trained."""

    def test_says_what_the_model_says(self, model_folder):
        predictor = library.Predictor(model_folder)
        assert predictor.max_seq_length == 64
        assert predictor.label_names == ("bad", "good")
        tokenizer = transformers.AutoTokenizer.from_pretrained(model_folder)
        model = TFBertForSequenceClassification.from_pretrained(model_folder)
        for pairs in (None, ["Lovely.", "A desk.", "Poor!"]):
            inputs = tokenizer(TEXTS, pairs, padding=True, return_tensors="np")
            logits = model(dict(inputs)).logits.numpy()
            predictions = predictor.predict(TEXTS, pairs)
            np.testing.assert_allclose(
                predictions.probabilities,
                scipy.special.softmax(logits, -1),
                rtol=0,
                atol=1e-5,
            )
            assert list(predictions.labels) == [
                ("bad", "good")[i] for i in logits.argmax(-1)
            ]

    def test_one_label_is_a_score(self, model_folder):
        model = TFBertForSequenceClassification.from_pretrained(
            model_folder, num_labels=1, problem_type="regression", seed=0
        )
        model.save_pretrained(str(model_folder))
        predictions = library.predict(str(model_folder), TEXTS)
        assert predictions.labels is predictions.probabilities is None
        assert predictions.scores.shape == (3,)
        assert library.predict(str(model_folder), []).scores.shape == (0,)

    def test_a_model_without_a_classifier_is_refused(self, model_folder):
        model = TFBertModel.from_pretrained(str(model_folder))
        model.save_pretrained(str(model_folder))
        with pytest.raises(
            ValueError, match="trained classifier.*without classifier.weight"
        ):
            library.predict(str(model_folder), TEXTS)

    def test_a_vocabulary_of_another_model_is_refused(self, model_folder):
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (model_folder / name).unlink()
        path = model_folder / "vocab.txt"
        path.write_text(path.read_text("utf-8") + "more\n", encoding="utf-8")
        with pytest.raises(ValueError, match="belongs to another model"):
            library.predict(str(model_folder), TEXTS)

    def test_a_missing_folder_is_named(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="Received: .*nothing_here"):
            library.predict(str(tmp_path / "nothing_here"), TEXTS)

    def test_a_run_that_has_not_ended_is_refused(self, tmp_path):
        (tmp_path / "checkpoints").mkdir()
        (tmp_path / "config.json").write_text("{}", encoding="utf-8")
        with pytest.raises(FileNotFoundError, match="must hold a finished run"):
            library.predict(str(tmp_path), TEXTS)
