"""Wrote what stands beside this file, with the program of commit 2374533.

    python tests/recorded/write.py --folder=tests/recorded

A finished run, one that was interrupted, a sweep, and `splits.json` of runs
that divide their files in every way: what a later version must go on to read,
continue and draw alike (`tests/recorded_test.py`). It is kept as the record of
the settings; later versions write other files, so that it is not run again.
"""

import argparse
import itertools
import json
import logging as python_logging
import os
import pathlib
import platform
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import transformers  # noqa: E402
from conftest import _VOCABULARY, write_csv  # noqa: E402

from tf_bert import run  # noqa: E402
from tf_bert.data.tokens import tokenizer_files
from tf_bert.data.tokens.tokenizer_settings import TokenizerSettings
from tf_bert.models.sequence_classification import (  # noqa: E402
    TFBertForSequenceClassification,
)

_THINGS = ("kettle", "lamp", "tent", "mug", "desk", "chair", "phone", "coat")
_WORDS = {
    "good": ("good", "fine", "lovely", "great"),
    "bad": ("bad", "awful", "broken", "poor"),
}

TRAINING = {
    "init_checkpoint": "checkpoint",
    "max_seq_length": 32,
    "train_batch_size": 12,
    "num_train_steps": 8,
    "num_evaluations": 4,
    "learning_rate": 0.01,
    "tensorboard": "false",
}
# Copies of texts are in different splits, as that version let them be.
WITH_COPIES = {**TRAINING, "train_file": "copies.csv", "test_proportion": 0.2}
# Folder -> the flags of what it holds.
RUNS = {
    "run": {**WITH_COPIES, "predict_file": "new.csv"},
    "interrupted": WITH_COPIES,
    "sweep": {
        **WITH_COPIES,
        "mode": "trials",
        "num_trials": 2,
        "sweep": "reinit_layers:0,1",
    },
}
DIVISIONS = {
    "default": {"train_file": "reviews.csv"},
    "test_proportion": {"train_file": "reviews.csv", "test_proportion": 0.25},
    "other_seed": {
        "train_file": "reviews.csv",
        "test_proportion": 0.2,
        "split_seed": 7,
    },
    "fewer_rows": {
        "train_file": "reviews.csv",
        "validation_file": "copies.csv",
        "max_train_examples": 20,
    },
    "half_of_dev": {
        "train_file": "reviews.csv",
        "validation_file": "copies.csv",
        "split_dev_in_half": True,
    },
    "regression": {
        "train_file": "scores.csv",
        "task_type": "regression",
        "validation_proportion": 0.2,
        "test_proportion": 0.1,
    },
    "product_reviews": {"task_name": "product_reviews"},
    "product_reviews_fewer": {
        "task_name": "product_reviews",
        "max_train_examples": 100,
    },
}


def write_data() -> None:
    """Writes the files: without copies, with some, and with scores."""
    rows = [
        (f"The {thing} is {word}.", label)
        for thing, index in itertools.product(_THINGS, range(4))
        for label, words in _WORDS.items()
        for word in words[index : index + 1]
    ]
    write_csv(pathlib.Path("reviews.csv"), [("text", "label"), *rows])
    copies = [(text.upper(), label) for text, label in rows[::3]]
    write_csv(
        pathlib.Path("copies.csv"),
        [("text", "label"), *rows[:40], *copies[:10], *rows[5:15]],
    )
    scores = [(text, index % 7) for index, (text, _) in enumerate(rows)]
    write_csv(pathlib.Path("scores.csv"), [("text", "label"), *scores])
    texts = [("The lamp is fine.",), ("The coat is poor.",)]
    write_csv(pathlib.Path("new.csv"), [("text",), *texts])


def write_checkpoint() -> None:
    """Writes a BERT with 2 layers of width 8."""
    config = transformers.BertConfig(
        vocab_size=len(_VOCABULARY),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    TFBertForSequenceClassification(config, seed=0).save_pretrained(
        "checkpoint"
    )
    tokenizer_files.write_tokenizer_files(
        "checkpoint", TokenizerSettings(_VOCABULARY), model_max_length=64
    )


def command_line(output_dir: str, **flags) -> list[str]:
    """Returns the arguments of the program."""
    flags = {"output_dir": output_dir, **flags}
    return [f"--{name}={value}" for name, value in flags.items()]


def train(output_dir: str, expected: int = 0, **flags) -> None:
    """Runs the program.

    Raises:
        RuntimeError: if it ends with another status than expected.
    """
    arguments = command_line(output_dir, **flags)
    status = run.main(arguments)
    if status != expected:
        raise RuntimeError(f"Status {status} of {' '.join(arguments)}")


class ControlC(python_logging.Handler):
    """Presses Ctrl-C, as it were, when a text is logged."""

    def __init__(self, text: str):
        super().__init__()
        self._text = text

    def emit(self, record: python_logging.LogRecord) -> None:
        if self._text in record.getMessage():
            raise KeyboardInterrupt


def write_interrupted() -> None:
    """Leaves a run after four of its eight steps."""
    logger, handler = python_logging.getLogger("absl"), ControlC("step 4:")
    logger.addHandler(handler)
    train("interrupted", 130, **RUNS["interrupted"])
    logger.removeHandler(handler)


def write_divisions() -> None:
    """Keeps `splits.json` of a run for each way to divide the data."""
    contents = {}
    for name, flags in DIVISIONS.items():
        settings = {**TRAINING, "num_train_steps": 1, "num_evaluations": 1}
        train("division", **settings, **flags, compare_baselines="false")
        path = pathlib.Path("division", "splits.json")
        contents[name] = json.loads(path.read_text("utf-8"))
        shutil.rmtree("division")
    text = json.dumps(contents, indent=1, sort_keys=True) + "\n"
    pathlib.Path("splits.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Writes everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True)
    os.chdir(parser.parse_args().folder)
    platform.node = lambda: "recorded"  # Not the machine of whoever ran this.
    write_data()
    write_checkpoint()
    train("run", **RUNS["run"])
    write_interrupted()
    train("sweep", **RUNS["sweep"])
    write_divisions()


if __name__ == "__main__":
    main()
