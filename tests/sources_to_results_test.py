"""Every source of data, from the command line to the pages that people read.

That of gs:// is in `gcs_runs_test.py`, whose storage is a process of its own.
"""

import copy
import json
import pathlib
import re
import shutil

import conftest
import huggingface_hub
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.text import glue

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
def files(tmp_path_factory, reviews) -> pathlib.Path:
    """A folder with the reviews in every format, and with a task's files."""
    folder = tmp_path_factory.mktemp("files") / "shop"
    folder.mkdir()
    source = reviews / "train.csv"
    table = pyarrow.csv.read_csv(source)
    shutil.copy(source, folder / "mails.csv")
    objects = "".join(f"{json.dumps(row)}\n" for row in table.to_pylist())
    (folder / "mails.jsonl").write_text(objects, "utf-8")
    pyarrow.parquet.write_table(table, folder / "mails.parquet")
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
    "bundled": (
        {"task_name": "product_reviews", "max_train_examples": 40},
        "product_reviews",
        "train.tsv",
    ),
    "folder": (
        {"task_name": "cola", "data_dir": "{files}"},
        "cola",
        "train.tsv",
    ),
    "task in tfds": (
        {"task_name": "cola", "tfds_data_dir": "{datasets}"},
        "cola",
        "glue/cola/2.0.0/train",
    ),
    "tfds, a known task": (
        {"tfds_name": "glue/cola:2.0.0", "tfds_data_dir": "{datasets}"},
        "glue/cola:2.0.0",
        "glue/cola/2.0.0/train",
    ),
    "tfds, no known task": (
        {"tfds_name": "shop_reviews", "tfds_data_dir": "{datasets}"},
        "shop_reviews",
        "shop_reviews/1.0.0/train",
    ),
    **{
        name: ({"train_file": f"{{files}}/{name}"}, expected, name)
        for name, expected in (
            ("mails.csv", "mails.csv"),
            ("mails.jsonl", "mails.jsonl"),
            ("mails.parquet", "mails.parquet"),
            # The name says nothing without that of the folder.
            ("part-*.tsv", "shop/part-*.tsv"),
        )
    },
}


@pytest.fixture(scope="module")
def flags_of(flags, files, datasets):
    """Returns a function from a row of `_SOURCES` to a short command line."""

    def command_line(source: str, **changes) -> list[str]:
        chosen = {"train_file": None, **_SHORT, **_SOURCES[source][0]}
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


@pytest.mark.parametrize("source", _SOURCES)
def test_a_source_is_trained_on_and_named(source, flags_of, tmp_path, capsys):
    _, name, origin = _SOURCES[source]
    folder = tmp_path / "run"
    assert run.main(flags_of(source, output_dir=folder)) == 0
    results = json.loads((folder / "all_results.json").read_text())
    assert 0 <= results["validation"]["accuracy"] <= 1
    card = huggingface_hub.ModelCard.load(folder / "model/README.md")
    assert {x.dataset_name for x in card.data.eval_results} == {name}
    assert f"\nRows of `{name}`, by split:\n" in card.text
    assert f"\n- train: `{origin}`\n" in card.text
    assert run.main(["--mode=report", f"--output_dir={folder}"]) == 0
    assert heading(folder / "report.html") == f"Report on a training: {name}"
