"""Every source of data, from the command line to the pages that people read.

That of gs:// is in `gcs_runs_test.py`, whose storage is a process of its own.
"""

import copy
import pathlib
import re

import conftest
import huggingface_hub
import pytest
import tensorflow_datasets as tfds
from conftest import read_json
from tensorflow_datasets.text import glue

import tf_bert
from tf_bert import run

pytestmark = pytest.mark.large

_SHORT = {"num_train_steps": 1, "num_evaluations": 1}


class ShopReviews(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A dataset that is no known task, prepared by code that is not there."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict(
            {
                "review": tfds.features.Text(),
                "mood": tfds.features.ClassLabel(names=["bad", "good"]),
            }
        )
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        rows = conftest.review_rows()
        return {"train": self._rows(rows), "test": self._rows(rows[10:22])}

    def _rows(self, rows):
        for index, (text, label) in enumerate(rows):
            yield index, {"review": text, "mood": label}

    def _generate_examples(self):
        """Never called: `_split_generators` yields the rows."""


class Cola(glue.Glue, skip_registration=True):
    """A known task, as its own builder stores it."""

    BUILDER_CONFIGS = [copy.copy(glue.Glue.builder_configs["cola"])]
    name = "glue"

    def _split_generators(self, dl_manager):
        rows = conftest.review_rows()
        return {"train": self._rows(rows), "validation": self._rows(rows[:10])}

    def _rows(self, rows):
        for index, (text, label) in enumerate(rows):
            yield (
                index,
                {
                    "sentence": text,
                    "label": int(label == "good"),
                    "idx": index,
                },
            )

    def _generate_examples(self):
        """Never called."""


@pytest.fixture(scope="module")
def datasets(tmp_path_factory) -> pathlib.Path:
    """Where tensorflow-datasets keeps `shop_reviews` and `glue/cola`."""
    folder = tmp_path_factory.mktemp("tfds")
    ShopReviews(data_dir=folder).download_and_prepare()
    Cola(config="cola", data_dir=folder).download_and_prepare()
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> pathlib.Path:
    """A folder with the reviews, and with a task's files."""
    folder = tmp_path_factory.mktemp("files") / "shop"
    folder.mkdir()
    rows = conftest.review_rows()
    for number, part in enumerate((rows[:20], rows[20:])):
        lines = [f"{text}\t{label}\n" for text, label in part]
        content = "text\tlabel\n" + "".join(lines)
        (folder / f"part-{number}.tsv").write_text(content, "utf-8")
    (folder / "CoLA").mkdir()
    for name, number in (("train", 40), ("dev", 10)):
        sentences = [
            f"gj04\t{int(label == 'good')}\t\t{text}\n"
            for text, label in rows[:number]
        ]
        (folder / f"CoLA/{name}.tsv").write_text("".join(sentences), "utf-8")
    return folder


# Flags of the source, in which {files} and {datasets} are folders; the name
# of the data, and what the card says of the training split.
_SOURCES = {
    "folder": (
        {"task_name": "cola", "data_dir": "{files}"},
        "cola",
        "train.tsv",
    ),
    "tfds, a known task": (
        {"tfds_name": "glue/cola:2.0.0", "tfds_data_dir": "{datasets}"},
        "glue/cola:2.0.0",
        "glue/cola/2.0.0/train",
    ),
    # The name says nothing without that of the folder.
    "several files": (
        {"train_file": "{files}/part-*.tsv"},
        "shop/part-*.tsv",
        "part-*.tsv",
    ),
}


# A dataset that is no known task.
_DATASET = {"tfds_name": "shop_reviews", "tfds_data_dir": "{datasets}"}


@pytest.fixture(scope="module")
def flags_of(flags, files, datasets):
    """Returns a function from flags of a source to a short command line."""

    def command_line(source: dict[str, str], **changes) -> list[str]:
        chosen = {"train_file": None, **_SHORT, **source}
        return flags(
            **{
                name: value.format(files=files, datasets=datasets)
                if isinstance(value, str)
                else value
                for name, value in chosen.items()
            },
            **changes,
        )

    return command_line


def heading(page: pathlib.Path) -> str:
    """Returns the title that a report shows."""
    [title] = re.findall("<h1[^>]*>(.*?)</h1>", page.read_text(), re.S)
    return title.strip()


@pytest.mark.parametrize("key", _SOURCES)
def test_a_source_is_trained_on_and_named(key, flags_of, tmp_path):
    source, name, origin = _SOURCES[key]
    folder = tmp_path / "run"
    assert run.main(flags_of(source, output_dir=folder)) == 0
    results = read_json(folder / "all_results.json")
    assert 0 <= results["validation"]["accuracy"] <= 1
    card = huggingface_hub.ModelCard.load(folder / "model/README.md")
    assert {x.dataset_name for x in card.data.eval_results} == {name}
    assert f"\nRows of `{name}`, by split:\n" in card.text
    assert f"\n- train: `{origin}`\n" in card.text


@pytest.fixture(scope="module")
def on_dataset(flags_of, tmp_path_factory) -> pathlib.Path:
    """A run that has ended, on a dataset that is no known task."""
    path = tmp_path_factory.mktemp("runs") / "on_dataset"
    arguments = flags_of(_DATASET, output_dir=path)
    assert run.main(arguments) == 0
    return path


@pytest.fixture
def without_dataset(datasets):
    """That dataset is not there, as on another machine."""
    (datasets / "shop_reviews").rename(datasets / "away")
    yield
    (datasets / "away").rename(datasets / "shop_reviews")


class TestEveryModeOnADataset:
    @pytest.fixture
    def main(self, on_dataset):
        """Returns a function that gives the run to a mode: the status."""

        def call(mode, *arguments):
            place = f"--output_dir={on_dataset}"
            return run.main([f"--mode={mode}", place, *arguments])

        return call

    def test_evaluate_repeats_the_scores(self, main, on_dataset):
        assert main("evaluate") == 0
        expected = read_json(on_dataset / "all_results.json")
        evaluation = read_json(on_dataset / "evaluation.json")
        assert evaluation.pop("positive_label") == "good"
        sizes = {name: x["num_examples"] for name, x in evaluation.items()}
        assert sizes == {"validation": 4, "test": 12}
        for split, scores in evaluation.items():
            assert scores["loss"] == pytest.approx(
                expected[split]["loss"], rel=1e-5
            )

    def test_a_file_has_the_columns_of_the_dataset(
        self, main, tmp_path, on_dataset
    ):
        path = tmp_path / "new.csv"
        path.write_text("review,mood\nThe mug is good.,good\n", "utf-8")
        assert main("evaluate", f"--test_file={path}") == 0
        scores = read_json(on_dataset / "evaluation.json")["test"]
        assert scores["num_examples"] == 1
        assert main("predict", f"--predict_file={path}") == 0
        table = (on_dataset / "predictions.tsv").read_text()
        assert table.startswith("review\tmood\tpredicted_label\t")

    @pytest.mark.usefixtures("without_dataset")
    def test_or_those_that_flags_name(self, main, on_dataset, tmp_path):
        """Even if these are the defaults, which a training takes for "any"."""
        path = tmp_path / "new.csv"
        path.write_text("text,label\nThe mug is good.,good\n", "utf-8")
        columns = ["--text_column=text", "--label_column=label"]
        assert main("evaluate", f"--test_file={path}", *columns) == 0
        scores = read_json(on_dataset / "evaluation.json")["test"]
        assert scores["num_examples"] == 1
        assert main("predict", f"--predict_file={path}", columns[0]) == 0

    @pytest.mark.usefixtures("without_dataset")
    def test_flags_must_name_them_where_the_dataset_is_not(
        self, main, capsys, reviews
    ):
        path = reviews / "predict.csv"
        assert main("predict", f"--predict_file={path}") == 2
        error = capsys.readouterr().err
        assert "'shop_reviews', tfds_data_dir=" in error
        assert "Pass --text_column." in error

    def test_inspect_names_the_rows(self, flags_of, tmp_path, capsys):
        arguments = flags_of(_DATASET, output_dir=tmp_path)
        assert run.main(["--mode=inspect", *arguments]) == 0
        printed = capsys.readouterr().out
        assert "\ntrain: tfds:shop_reviews/1.0.0/train\n" in printed

    def test_trials_and_their_report(self, flags_of, tmp_path, capsys):
        arguments = flags_of(
            _DATASET,
            output_dir=tmp_path,
            num_trials=2,
            seed=1,
            trials_save_model="best",
        )
        assert run.main(["--mode=trials", *arguments]) == 0
        records = [read_json(x) for x in (tmp_path / "trials").glob("*.json")]
        assert [x["status"] for x in records] == ["ok", "ok"]
        assert run.main(["--mode=report", f"--output_dir={tmp_path}"]) == 0
        printed = capsys.readouterr().out
        assert "2 trials of 1 recipe on shop_reviews," in printed
        card = (tmp_path / "model/README.md").read_text()
        assert "\nRows of `shop_reviews`, by split:\n" in card

    @pytest.mark.usefixtures("without_dataset")
    def test_what_needs_no_data_asks_for_none(self, main, on_dataset):
        assert main("export") == 0
        assert main("report") == 0
        page = heading(on_dataset / "report.html")
        assert page == "Report on a training: shop_reviews"
        card = (on_dataset / "model/README.md").read_text("utf-8")
        assert "\n- train: `shop_reviews/1.0.0/train`\n" in card

    @pytest.mark.usefixtures("without_dataset")
    def test_a_model_predicts_texts_without_it(self, on_dataset):
        labels = tf_bert.predict(on_dataset, ["The lamp is good."]).labels
        assert labels[0] in ("bad", "good")
