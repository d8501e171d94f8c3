"""What the tests of whole runs share: a tiny checkpoint and tiny files."""

import concurrent.futures
import contextlib
import csv
import gc
import itertools
import json
import logging as python_logging
import multiprocessing
import os
import pathlib
import re
import string
import tempfile
import uuid

import pytest
from absl import logging
from absl.testing import parameterized

# Before any test loads TensorFlow: with its oneDNN, as users have it.
import tf_bert  # noqa: F401

# As the command line does it, see lean_tensorflow.py: until all is imported.
gc.disable()

# Each word starts or ends a piece, so that nothing is [UNK].
_VOCABULARY = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *string.ascii_lowercase,
    *(f"##{letter}" for letter in string.ascii_lowercase),
    *("good", "bad", "the", "is", ".", ","),
)
_THINGS = ("kettle", "lamp", "tent", "mug", "desk")
_PRAISE = ("good", "fine", "lovely", "great")
_BLAME = ("bad", "awful", "broken", "poor")

_PAIRS = [
    (f"The {thing} is {word}.", f"A {other} {thing}.", score)
    for thing in ("lamp", "tent", "mug", "desk", "kettle")
    for word, other, score in (
        ("good", "good", 5),
        ("good", "fine", 4.2),
        ("good", "bad", 0.5),
        ("red", "good", 2),
    )
]


def review_rows() -> list[tuple[str, str]]:
    """Returns 40 rows `(text, label)`, the two labels in turn."""
    rows = []
    for thing, praise, blame in zip(
        _THINGS * 4,
        itertools.cycle(_PRAISE),
        itertools.cycle(_BLAME),
        strict=False,
    ):
        rows += [
            (f"The {thing} is {praise}, {praise} indeed.", "good"),
            (f"The {thing} is {blame}.", "bad"),
        ]
    return rows


class WithFolder(parameterized.TestCase):
    """Tests of which each has an empty `self.folder`."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )

    def write_rows(self, name: str, *rows: tuple[str, ...]) -> str:
        """Writes rows divided at tabs; returns the path."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        text = "".join("\t".join(row) + "\n" for row in rows)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def write_labelled(self, name: str, *labels: str) -> str:
        """Writes the texts "text 1", "text 2", ... with these labels."""
        rows = [(f"text {i}", label) for i, label in enumerate(labels, 1)]
        return self.write_rows(name, ("text", "label"), *rows)

    def write_columns(self, name: str, columns: dict[str, list]) -> str:
        """Writes a table in the format of its extension; returns the path."""
        path = self.folder / name
        rows = list(zip(*columns.values(), strict=True))
        if name.endswith(".parquet"):
            import pyarrow.parquet

            pyarrow.parquet.write_table(pyarrow.table(columns), path)
        elif name.endswith(".jsonl"):
            lines = [
                json.dumps(dict(zip(columns, row, strict=True))) for row in rows
            ]
            path.write_text("\n".join(lines), encoding="utf-8")
        elif name.endswith(".csv"):
            write_csv(path, [columns, *rows])
        else:
            texts = [map(str, row) for row in rows]
            self.write_rows(name, tuple(columns), *texts)
        return str(path)


def write_csv(path: pathlib.Path, rows: list) -> None:
    """Writes rows, of which the first is the header."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def read_json(path: pathlib.Path):
    """Returns the content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_history(folder: pathlib.Path) -> list[dict]:
    """Returns the evaluations of a run."""
    lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def make_config(flags, **changes):
    """Returns the `Config` of what the fixture `flags` makes."""
    from tf_bert.config import Config, parse

    return Config(**parse.parse(flags(output_dir="runs/x", **changes)))


_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
# Several processes of tests share the CPU, and so do the programs that they
# start: with threads for all of it each, they would wait for one another.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    _num_threads = (os.cpu_count() or 1) // int(
        os.environ["PYTEST_XDIST_WORKER_COUNT"]
    )
    for _name in _THREADS:
        os.environ.setdefault(_name, str(max(1, _num_threads)))

# Files of minutes, of which a process should not be the last to begin one.
_LONG = (
    "reliability_test.py",
    "memory_test.py",
    "replicas_test.py",
    "benchmarks_test.py",
    "workers_run_test.py",
    "ray_runner_test.py",
    "local_runner_test.py",
    "one_trial_test.py",
    "gcs_runs_test.py",
    "finetune_resume_test.py",
    "transformers4_test.py",
    "quickstart_test.py",
    "loss_curve_test.py",
)


def pytest_collection_modifyitems(items):
    """The longest files start first."""
    items.sort(key=lambda item: item.path.name not in _LONG)
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def users_environment() -> dict[str, str]:
    """The variables of a program that has all threads, as it has for users."""
    return {n: x for n, x in os.environ.items() if n not in _THREADS}


@pytest.fixture(autouse=True)
def _log_level():
    """Each test starts with one level of logging, whatever another left."""
    logging.set_verbosity(logging.INFO)


@pytest.fixture(scope="session")
def control_c_at():
    """Returns a context in which Ctrl-C is pressed, as it were.

    Its arguments are a text and a number n: it happens when the text is
    logged, by the program in this process, for the n-th time.
    """

    @contextlib.contextmanager
    def pressed(text: str, number: int = 1):
        seen = []

        class ControlC(python_logging.Handler):
            def emit(self, record):
                seen.append(text in record.getMessage())
                if seen[-1] and sum(seen) == number:
                    raise KeyboardInterrupt

        logger, handler = python_logging.getLogger("absl"), ControlC()
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)

    return pressed


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> str:
    """The folder of a BERT with 2 layers of width 8 and 64 positions."""
    import transformers

    from tf_bert.data.tokens import tokenizer_files
    from tf_bert.data.tokens.tokenizer_settings import TokenizerSettings
    from tf_bert.models.sequence_classification import (
        TFBertForSequenceClassification,
    )

    folder = str(tmp_path_factory.mktemp("checkpoint") / "tiny")
    config = transformers.BertConfig(
        vocab_size=len(_VOCABULARY),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    TFBertForSequenceClassification(config, seed=0).save_pretrained(folder)
    tokenizer_files.write_tokenizer_files(
        folder, TokenizerSettings(_VOCABULARY), model_max_length=64
    )
    return folder


@pytest.fixture(scope="session")
def reviews(tmp_path_factory) -> pathlib.Path:
    """A folder with `train.csv` (40 rows), `test.csv` and `predict.csv`."""
    folder = tmp_path_factory.mktemp("reviews")
    rows = review_rows()
    write_csv(folder / "train.csv", [("text", "label"), *rows])
    write_csv(folder / "test.csv", [("text", "label"), *rows[10:22]])
    write_csv(
        folder / "predict.csv",
        [
            ("id", "text", "note"),
            ("7", "The lamp is good.", "a, b"),
            ("3", "The mug is bad.", 'says "no"'),
            ("5", "The tent is poor, poor indeed.", "x\ty"),
        ],
    )
    return folder


@pytest.fixture(scope="session")
def flags(tiny_checkpoint, reviews):
    """Returns a function that makes the command line of a short training.

    Its keywords are flags: they replace those of the training, and None
    leaves one out. 36 rows train in batches of 12; 4 rows validate.
    """

    def command_line(**changes) -> list[str]:
        chosen = {
            "init_checkpoint": tiny_checkpoint,
            "train_file": reviews / "train.csv",
            "max_seq_length": 32,
            "train_batch_size": 12,
            "num_train_steps": 6,
            "num_evaluations": 3,
            "learning_rate": 0.01,
            "compare_baselines": False,
            "tensorboard": False,
            **changes,
        }
        arguments = []
        for name, value in chosen.items():
            if isinstance(value, bool):
                arguments.append(f"--{name}" if value else f"--no{name}")
            elif value is not None:
                arguments.append(f"--{name}={value}")
        return arguments

    return command_line


@pytest.fixture(scope="session")
def train(flags):
    """Returns a function that trains by `tf_bert.run.main`.

    Its arguments are the folder of the run and the flags that differ from
    those of `flags`. Returns the folder.
    """

    def trained(output_dir: pathlib.Path, **changes) -> pathlib.Path:
        from tf_bert import run

        arguments = flags(output_dir=output_dir, **changes)
        status = run.main(arguments)
        if status != 0:
            raise RuntimeError(f"Status {status} of {' '.join(arguments)}")
        return output_dir

    return trained


@pytest.fixture(scope="session")
def finished_run(train, full_flags, tmp_path_factory) -> pathlib.Path:
    """The folder of a run with everything in it. For reading only."""
    return train(tmp_path_factory.mktemp("runs") / "finished", **full_flags)


@pytest.fixture(scope="session")
def pairs_run(train, tmp_path_factory) -> pathlib.Path:
    """The folder of a regression on pairs of texts. For reading only."""
    folder = tmp_path_factory.mktemp("pairs")
    lines = [f"{score}\t{a}\t{b}" for a, b, score in _PAIRS]
    text = "score\tfirst\tsecond\n" + "\n".join(lines) + "\n"
    (folder / "train.tsv").write_text(text, encoding="utf-8")
    (folder / "new.tsv").write_text(
        "second\tfirst\nA good mug.\tThe mug is good.\n", encoding="utf-8"
    )
    return train(
        folder / "run",
        train_file=folder / "train.tsv",
        predict_file=folder / "new.tsv",
        task_type="regression",
        label_column="score",
        text_column="first",
        text_pair_column="second",
        validation_proportion=0.2,
        test_proportion=0.3,
        train_batch_size=5,
        compare_baselines=True,
    )


@pytest.fixture(scope="session")
def full_flags(reviews) -> dict:
    """What `finished_run` passes to `train`."""
    return {
        "test_file": reviews / "test.csv",
        "predict_file": reviews / "predict.csv",
        "compare_baselines": True,
        "tensorboard": True,
        "record_updates": True,
    }


@pytest.fixture(scope="session")
def run_sweep(flags):
    """Returns a function that runs trials by `tf_bert.run.main`.

    Its arguments are the folder, the expected exit status, sweeps such as
    `mixout:0,0.5`, and the flags that differ from those of `flags`. Returns
    the folder.
    """

    def swept(output_dir, *sweeps, status=0, **changes) -> pathlib.Path:
        from tf_bert import run

        arguments = flags(
            output_dir=output_dir,
            mode="trials",
            **{
                "seed": 1,
                "num_trials": 2,
                "trials_save_model": "none",
                **changes,
            },
        )
        arguments += [f"--sweep={text}" for text in sweeps]
        actual = run.main(arguments)
        if actual != status:
            raise RuntimeError(f"Status {actual} of {' '.join(arguments)}")
        return output_dir

    return swept


@pytest.fixture(scope="session")
def finished_sweep(run_sweep, reviews, tmp_path_factory) -> pathlib.Path:
    """The folder of two recipes with two seeds each. For reading only."""
    return run_sweep(
        tmp_path_factory.mktemp("sweeps") / "finished",
        "reinit_layers:0,1",
        test_file=reviews / "test.csv",
        trials_save_model="best",
    )


@pytest.fixture(scope="session")
def _gcs():
    """A storage on loopback, and a process whose gs:// paths lie there."""
    import gcs_server

    # A process of its own: TensorFlow reads some of the variables when it is
    # imported. And its client holds Python's lock while it gives a file up,
    # so that a server in the same process could not answer.
    with (
        gcs_server.GcsServer(["bucket"]) as server,
        concurrent.futures.ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn")
        ) as executor,
    ):
        with pytest.MonkeyPatch().context() as patch:
            for name, value in server.environment.items():
                patch.setenv(name, value)
            # Of what never succeeds, seconds instead of minutes.
            patch.setenv("GCS_RETRY_CONFIG_MAX_RETRIES", "1")
            patch.setenv("CUDA_VISIBLE_DEVICES", "-1")
            executor.submit(os.getpid).result()  # The process starts here.
        yield server, executor


@pytest.fixture
def gcs(_gcs):
    """The storage, empty and without faults: a `gcs_server.GcsServer`."""
    server, _ = _gcs
    server.objects["bucket"].clear()
    server.faults.clear()
    server.requests.clear()
    return server


@pytest.fixture
def gcs_folder():
    """A folder of `gcs` with a name of its own.

    The client believes for some seconds what it knows of a name.
    """
    return f"gs://bucket/{uuid.uuid4().hex}"


@pytest.fixture
def on_gcs(_gcs):
    """Returns a function that calls another where gs:// leads to `gcs`.

    Its arguments are a function that can be pickled, and what it gets. What
    that returns or raises comes back.
    """
    _, executor = _gcs

    def call(function, *arguments, **keywords):
        return executor.submit(function, *arguments, **keywords).result()

    return call


@pytest.fixture(scope="session")
def warm_program():
    """Starts the program as processes: a `warm_program.WarmProgram`."""
    from warm_program import WarmProgram

    with WarmProgram() as program:
        yield program


@pytest.fixture
def train_error(flags, full_flags, capsys):
    """Returns a function that checks how a training is refused.

    Its arguments are the folder of the run, a pattern of the message and
    flags that differ from those of `finished_run`.
    """

    def check(output_dir: pathlib.Path, message: str, **changes) -> None:
        from tf_bert import run

        capsys.readouterr()
        status = run.main(
            flags(output_dir=output_dir, **{**full_flags, **changes})
        )
        error = capsys.readouterr().err
        if status != 2 or not re.search(message, error, re.S):
            raise AssertionError(f"Status {status}, not {message!r}: {error}")
        if "Traceback" in error:
            raise AssertionError(error)

    return check
