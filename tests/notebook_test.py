"""colab/quickstart_tpu.ipynb: it runs in a kernel, and is kept clean."""

import ast
import importlib
import json
import os
import pathlib
import re
import sys

import pytest

from tf_bert import run
from tf_bert.config import Config
from tf_bert.data.tasks.known_tasks import TASKS
from tf_bert.notebook import messages

ROOT = pathlib.Path(__file__).parents[1]
PATH = ROOT / "colab" / "quickstart_tpu.ipynb"
NOTEBOOK = json.loads(PATH.read_text(encoding="utf-8"))
CODE = {
    cell["id"]: "".join(cell["source"])
    for cell in NOTEBOOK["cells"]
    if cell["cell_type"] == "code"
}
TREES = {name: ast.parse(source) for name, source in CODE.items()}
FIELD = re.compile(r"^([A-Z_]+) = (.*?)  # @param (.*)$", re.M)
FIELDS = {
    name: (ast.literal_eval(value), form)
    for source in CODE.values()
    for name, value, form in FIELD.findall(source)
}
MARKDOWN = "\n".join(
    "".join(cell["source"])
    for cell in NOTEBOOK["cells"]
    if cell["cell_type"] == "markdown"
)


class TestSource:
    def test_nothing_of_a_run_is_kept_in_it(self):
        for cell in NOTEBOOK["cells"]:
            if cell["cell_type"] == "code":
                assert cell["outputs"] == []
                assert cell["execution_count"] is None

    def test_it_is_of_the_format_that_colab_reads(self):
        assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
        names = [cell["id"] for cell in NOTEBOOK["cells"]]
        assert len(set(names)) == len(names)

    def test_it_defines_nothing_of_its_own(self):
        definitions = (
            ast.FunctionDef,
            ast.AsyncFunctionDef,
            ast.ClassDef,
            ast.Lambda,
        )
        for name, tree in TREES.items():
            found = [x for x in ast.walk(tree) if isinstance(x, definitions)]
            assert not found, name

    def test_what_it_imports_of_the_package_is_there(self):
        imports = [
            (node.module, alias.name)
            for tree in TREES.values()
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            and node.module.startswith("tf_bert")
            for alias in node.names
        ]
        assert ("tf_bert", "fine_tune") in imports
        for module, name in imports:
            if not hasattr(importlib.import_module(module), name):
                importlib.import_module(f"{module}.{name}")

    def test_its_settings_are_flags(self):
        keys = {
            key.value
            for name in ("settings", "evaluate", "predict-file")
            for node in ast.walk(TREES[name])
            if isinstance(node, ast.Dict)
            for key in node.keys
            if key is not None
        }
        assert {"task_name", "train_file", "init_checkpoint"} <= keys
        assert keys <= set(Config.__dataclass_fields__)

    def test_a_field_stands_among_its_choices(self):
        for name, (value, form) in FIELDS.items():
            choices = re.match(r"\[.*?\]", form)
            if choices:
                assert value in json.loads(choices[0]), name

    def test_its_tasks_are_those_of_the_package(self):
        choices = json.loads(re.match(r"\[.*?\]", FIELDS["DATA"][1])[0])
        assert {*choices} - {"my own file"} == {*TASKS}

    def test_as_it_stands_it_is_the_quickstart(self):
        flags = (ROOT / "flags" / "quickstart.flags").read_text("utf-8")
        stored = dict(re.findall(r"^--(\w+)=(.*)$", flags, re.M))
        fields = {
            "task_name": "DATA",
            "init_checkpoint": "CHECKPOINT",
            "max_seq_length": "MAX_SEQ_LENGTH",
            "train_batch_size": "BATCH_SIZE",
            "num_train_epochs": "EPOCHS",
            "learning_rate": "LEARNING_RATE",
        }
        for flag, name in fields.items():
            value = FIELDS[name][0]
            assert type(value)(stored[flag]) == value, flag
        evaluations = f'"num_evaluations": {stored["num_evaluations"]},'
        assert evaluations in CODE["settings"]

    def test_every_field_is_explained(self):
        for name in FIELDS:
            if name not in ("TEXT_COLUMN", "LABEL_COLUMN"):
                assert f"`{name}`" in MARKDOWN, name


def filled(source: str, values: dict) -> str:
    """Returns a cell with other values in the fields of its form."""

    def replaced(match: re.Match) -> str:
        name, value, form = match.groups()
        return f"{name} = {values.get(name, ast.literal_eval(value))!r}" + (
            f"  # @param {form}"
        )

    return FIELD.sub(replaced, source)


def execute(values: dict):
    """Runs the notebook in a kernel, with some fields filled in."""
    import nbclient
    import nbformat

    assert values.keys() <= FIELDS.keys()
    notebook = nbformat.read(PATH, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = filled(cell.source, values)
    nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        # Around it is the checkout, which the first cell has to find.
        resources={"metadata": {"path": str(PATH.parent)}},
    ).execute()
    return {cell.id: cell.get("outputs", []) for cell in notebook.cells}


def printed(outputs: list) -> str:
    return "".join(x["text"] for x in outputs if x["output_type"] == "stream")


def results(folder: pathlib.Path) -> dict:
    content = json.loads((folder / "all_results.json").read_text("utf-8"))
    del content["runtime"]
    return content


@pytest.fixture(scope="module")
def bundled(tiny_checkpoint, tmp_path_factory):
    """The notebook on the reviews that come along: folder, cell -> outputs."""
    folder = tmp_path_factory.mktemp("notebook")
    outputs = execute(
        {
            "CHECKPOINT": tiny_checkpoint,
            "OUTPUT_DIR": str(folder / "run"),
            "EPOCHS": 1,
            "LEARNING_RATE": 0.01,
            "MAX_SEQ_LENGTH": 32,
            "COPY_TO": str(folder / "kept" / "copy"),
            "DOWNLOAD": True,
        }
    )
    return folder, outputs


@pytest.mark.large
class TestKernel:
    def test_no_cell_ends_in_an_error(self, bundled):
        kinds = {x["output_type"] for cell in bundled[1].values() for x in cell}
        assert kinds == {"stream", "display_data"}
        for outputs in bundled[1].values():
            assert "Traceback" not in printed(outputs)

    def test_nothing_looks_like_an_error(self, bundled):
        for name, outputs in bundled[1].items():
            assert not [x for x in outputs if x.get("name") == "stderr"], name

    def test_each_cell_says_what_it_did(self, bundled):
        outputs = {name: printed(cell) for name, cell in bundled[1].items()}
        assert "nothing to install" in outputs["set-up"]
        assert "no sign-in is needed" in outputs["sign-in"]
        assert "BERT and simple baselines" in outputs["train"]
        assert "test_accuracy = " in outputs["evaluate"]
        assert re.search(r"(nega|posi)tive \(.*%\)", outputs["predict"])
        assert "Wrote 200 predictions" in outputs["predict-file"]
        assert "Copied" in outputs["keep"]

    def test_the_report_is_shown(self, bundled):
        [report] = [x for x in bundled[1]["report"] if "data" in x]
        assert "<iframe srcdoc=" in report["data"]["text/html"]

    def test_the_run_is_that_of_the_command_line(
        self, bundled, tiny_checkpoint, tmp_path
    ):
        folder = bundled[0] / "run"
        status = run.main(
            [
                "--flagfile=" + str(ROOT / "flags" / "quickstart.flags"),
                f"--init_checkpoint={tiny_checkpoint}",
                "--num_train_epochs=1",
                "--learning_rate=0.01",
                "--max_seq_length=32",
                f"--output_dir={tmp_path / 'run'}",
            ]
        )
        assert status == 0
        assert results(folder) == results(tmp_path / "run")
        for name in ("model/model.safetensors", "scored_rows.tsv"):
            expected = (tmp_path / "run" / name).read_bytes()
            assert (folder / name).read_bytes() == expected

    def test_the_copy_is_a_run(self, bundled):
        copy = bundled[0] / "kept" / "copy"
        assert results(copy) == results(bundled[0] / "run")
        assert (bundled[0] / "run.zip").stat().st_size > 0

    def test_a_file_of_pairs_with_scores_runs_too(
        self, tiny_checkpoint, pairs_run, tmp_path, monkeypatch, capsys
    ):
        data = pathlib.Path(pairs_run).parent
        # Rows that were trained on are refused.
        test = tmp_path / "test.tsv"
        test.write_text(
            "score\tfirst\tsecond\n"
            "4\tA new lamp.\tA good lamp.\n1\tA red desk.\tA bad mug.\n",
            "utf-8",
        )
        values = {
            "DATA": "my own file",
            "MY_FILE": str(data / "train.tsv"),
            "TEXT_COLUMN": "first",
            "SECOND_TEXT_COLUMN": "second",
            "LABEL_COLUMN": "score",
            "TASK_TYPE": "regression",
            "TEST_FILE": str(test),
            "PREDICT_FILE": str(data / "new.tsv"),
            "CHECKPOINT": tiny_checkpoint,
            "OUTPUT_DIR": str(tmp_path / "run"),
            "EPOCHS": 1,
            "BATCH_SIZE": 5,
            "MAX_SEQ_LENGTH": 32,
        }
        assert values.keys() <= FIELDS.keys()
        # In this process: a kernel would import TensorFlow again.
        monkeypatch.chdir(PATH.parent)
        monkeypatch.setattr(sys, "path", [*sys.path])
        monkeypatch.setattr(messages, "show", lambda: None)
        names: dict = {}
        for name, source in CODE.items():
            if name not in ("pictures", "report"):  # Shown in a kernel alone.
                exec(filled(source, values), names)
        said = capsys.readouterr().out
        assert "Wrote 1 predictions" in said
        assert "test_spearman = " in said
        assert sorted(os.listdir(tmp_path)) == ["run", "test.tsv"]
