"""GLUE tasks as small files of the official formats, and as tfds has them."""

import copy
import pathlib
import zipfile

import pytest

_MNLI = (
    "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\t"
    "sentence2_binary_parse\tsentence1_parse\tsentence2_parse\tsentence1\t"
    "sentence2\tlabel1"
)
_MNLI_LABELS = ("neutral", "contradiction", "entailment")
# Quotes are characters like any other, and white space belongs to a text.
_QUOTES = ('"Yes', "it's ", 'a "b" c', " 5' 6\"", "café ½", "x")


def _mnli(size: int, *, num_labels: int, word: str) -> str:
    header = [_MNLI, *(f"label{i}" for i in range(2, num_labels + 1))]
    lines = ["\t".join([*header, "gold_label"])]
    for i in range(size):
        fields = [
            str(i),
            "31",
            "31n",
            "fiction",
            "( p )",
            "( h )",
            "(P)",
            "(H)",
        ]
        fields += [f"{word} {_QUOTES[i % 6]} {i}", f"hypothesis {i}"]
        labels = [_MNLI_LABELS[(i + 1) % 3]] * num_labels
        lines.append("\t".join([*fields, *labels, _MNLI_LABELS[i % 3]]))
    return "\n".join(lines) + "\n"


def _qqp(size: int) -> str:
    """The third row has too few fields, the fifth an empty question."""
    lines = ["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"]
    for i in range(size):
        second = "" if i == 4 else f"Is {_QUOTES[i % 6]} {i}?"
        lines.append(f"{i}\t{2 * i}\t{2 * i + 1}\tWhy {i}?\t{second}\t{i % 2}")
    lines[3] = "2\t4\t5\tWhy"
    return "\n".join(lines) + "\n"


GLUE_FILES = {
    "QQP": {
        "train.tsv": _qqp(20),
        "dev.tsv": _qqp(8),
        "test.tsv": "id\tquestion1\tquestion2\n0\ta\tb\n",
    },
    "MNLI": {
        "train.tsv": _mnli(21, num_labels=1, word="train"),
        "dev_matched.tsv": _mnli(9, num_labels=5, word="matched"),
        "dev_mismatched.tsv": _mnli(12, num_labels=5, word="mismatched"),
        "test_matched.tsv": f"{_MNLI[:-7]}\n" + "0\t" * 9 + "0\n",
        "test_mismatched.tsv": f"{_MNLI[:-7]}\n" + "0\t" * 9 + "0\n",
    },
    "CoLA": {
        "train.tsv": "".join(
            f"gj04\t{i % 2}\t{'*' * (1 - i % 2)}\t{_QUOTES[i % 6]} {i}\n"
            for i in range(12)
        ),
        "dev.tsv": "l-93\t1\t\tThe mug.\nl-93\t0\t*\tMug the.",
        "test.tsv": "index\tsentence\n0\ta\n",
    },
}
_CONFIGS = {"SST-2": "sst2", "STS-B": "stsb"}


@pytest.fixture(scope="session")
def glue_dir(tmp_path_factory) -> pathlib.Path:
    """A folder with the files of the tasks in `GLUE_FILES`."""
    folder = tmp_path_factory.mktemp("glue")
    for task, files in GLUE_FILES.items():
        (folder / task).mkdir()
        for name, content in files.items():
            (folder / task / name).write_text(content, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def prepare_glue():
    """Returns a function by which tensorflow-datasets prepares a GLUE task.

    Its own builder reads an archive of the task's folder, which it takes from
    this disk instead of the network. The arguments are the folder of all
    tasks, the task's folder in it, and where to write.
    """
    import tensorflow_datasets as tfds
    from tensorflow_datasets.text import glue

    def prepare(data_dir: pathlib.Path, task: str, out: pathlib.Path) -> None:
        archive = out / f"{task}.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for path in sorted((data_dir / task).iterdir()):
                file.write(path, f"{task}/{path.name}")
            if not (data_dir / task / "test.tsv").exists():
                file.writestr(f"{task}/test.tsv", _hidden_test(task))
        name = _CONFIGS.get(task, task.lower())
        config = copy.copy(glue.Glue.builder_configs[name])
        config.data_url = str(archive)

        class Glue(glue.Glue, skip_registration=True):
            BUILDER_CONFIGS = [config]

        Glue(config=name, data_dir=out).download_and_prepare(
            download_config=tfds.download.DownloadConfig(try_download_gcs=False)
        )

    return prepare


@pytest.fixture
def prepare_mrpc(monkeypatch):
    """The same for MRPC, which its builder takes from the original files."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.text import glue

    def prepare(data_dir: pathlib.Path, out: pathlib.Path) -> None:
        train, dev = (
            (data_dir / "MRPC" / name).read_text("utf-8-sig").splitlines(True)
            for name in ("train.tsv", "dev.tsv")
        )
        ids = ["\t".join(row.split("\t")[1:3]) + "\n" for row in dev[1:]]
        # The original has a byte order mark, and holds both splits.
        original = ["\ufeff", *train, *dev[1:]]
        for constant, name, lines in (
            ("_MRPC_TRAIN", "train.txt", original),
            ("_MRPC_TEST", "test.txt", train[:2]),
            ("_MRPC_DEV_IDS", "dev_ids.tsv", ids),
        ):
            path = out / name
            path.write_text("".join(lines), encoding="utf-8", newline="")
            monkeypatch.setattr(glue, constant, str(path))
        glue.Glue(config="mrpc", data_dir=out).download_and_prepare(
            download_config=tfds.download.DownloadConfig(try_download_gcs=False)
        )

    return prepare


def _hidden_test(task: str) -> str:
    single = {"CoLA", "SST-2"}
    texts = "sentence" if task in single else "sentence1\tsentence2"
    return f"index\t{texts}\n0\ta" + ("\n" if task in single else "\tb\n")
