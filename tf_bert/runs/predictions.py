"""Predictions for texts, for the rows of a file, and `--mode=predict`.

Of a row are written its own columns, then label and shares, in the dialect of
`written_tables.py`, in which this program reads them again.
"""

import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
from absl import logging

from tf_bert.config import Config
from tf_bert.data.readers import standard_input, unlabelled, written_tables
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.runs import memory, run_folder
from tf_bert.runs.classifier import Classifier, load_finished
from tf_bert.runs.run_folder import RunFolder
from tf_bert.system import file_io
from tf_bert.training import inference

# Few, so that what is computed for them stays small; many, since the last
# batches of each time are not full.
_TEXTS_AT_A_TIME = 4096


def predict_on_texts(
    classifier: Classifier,
    texts: Sequence[str],
    text_pairs: Sequence[str] | None = None,
) -> np.ndarray:
    """Returns the logits of N >= 1 texts, in their order.

    They are float32 `[N, C]`, C = 1 for a regression. Nothing is traced for
    these texts that was traced before, or is kept of them.
    """
    parts = []
    for first in range(0, len(texts), _TEXTS_AT_A_TIME):
        some = slice(first, first + _TEXTS_AT_A_TIME)
        encoded = classifier.tokenizer.encode_all(
            texts[some],
            None if text_pairs is None else text_pairs[some],
            max_seq_length=classifier.max_seq_length,
            batch_size=_TEXTS_AT_A_TIME,
        )
        parts.append(classifier.inference.logits_of_texts(encoded))
    return np.concatenate(parts)


def open_rows(config: Config, task: TaskSpec) -> Iterator[unlabelled.Chunk]:
    """Opens `config.predict_file`, the only time that it is opened.

    The rows stream. Several megabytes have been read and checked when this
    returns; the chunks raise what is wrong behind.
    """
    return run_data.file_to_predict(config, task).chunks_ahead()


def predict_run(config: Config) -> int:
    """Predicts `predict_file` with a finished run; returns how many rows.

    They are in `predictions.tsv` then or, where the texts came from standard
    input, on standard output. What is wrong with a row is found before anything
    is predicted in a file of some megabytes, and in any before anything is
    written.
    """
    if not config.predict_file:
        raise ValueError(
            "--mode=predict needs a file of texts. Received: "
            "predict_file=None. Pass --predict_file."
        )
    folder = RunFolder(config.output_dir)
    model = folder.join(run_folder.MODEL)
    if config.predict_file == standard_input.STANDARD_INPUT:
        classifier = load_finished(model, config)
        with memory.explained_outputs(classifier, config):
            return stream_predictions(
                classifier, config, sys.stdin.buffer, sys.stdout.buffer
            )
    rows = open_rows(config, run_data.get_trained_task(config))
    folder.check_writable()
    classifier = load_finished(model, config)
    path = folder.join(run_folder.PREDICTIONS)
    folder.written.record(run_folder.PREDICTIONS)
    with memory.explained_outputs(classifier, config):
        num_rows = write_predictions(classifier, rows, path)
    print(f"Wrote {num_rows} predictions to {path}.")
    return num_rows


def write_predictions(
    classifier: Classifier,
    chunks: Iterable[unlabelled.Chunk],
    path: str | None,
) -> int:
    """Predicts every row of a file and writes a TSV file; returns how many.

    The file has the input's rows in their order and its columns, then
    `predicted_label` and `probability_<label>` for each label (regression:
    `predicted_score`). Columns of these names that the input has, such as
    those of a file of predictions, are replaced. Rows stream: memory does not
    grow with their number.

    It is written whole or not at all. Without a path nothing is written: on
    several workers all take part, and one of them writes.
    """
    nowhere = path is None
    with (
        open(os.devnull, "wb") if nowhere else file_io.open_binary_writer(path)
    ) as file:
        return _write(classifier, chunks, file)


def stream_predictions(
    classifier: Classifier,
    config: Config,
    source: BinaryIO,
    target: BinaryIO,
) -> int:
    """Predicts lines as they come in, and writes the same table as they go.

    Of a wrong line those before it have been written. Where nobody reads the
    output any more, `BrokenPipeError` is raised.
    """
    chunks = standard_input.iterate_lines(
        source,
        has_pairs=classifier.task.text_pair_column is not None,
        text_format=config.text_format,
    )
    return _write(classifier, chunks, target)


def _write(
    classifier: Classifier,
    chunks: Iterable[unlabelled.Chunk],
    target: BinaryIO,
) -> int:
    task = classifier.task
    written = _output_columns(task)
    num_rows = 0
    for chunk in chunks:
        is_kept = [name not in written for name in chunk.columns]
        if not num_rows:
            _log_replaced(chunk.columns, written)
            names = itertools.compress(chunk.columns, is_kept)
            target.write(_tsv_line([*names, *written]))
        logits = predict_on_texts(classifier, chunk.texts, chunk.text_pairs)
        for row, values in zip(
            chunk.rows, _output_values(task, logits), strict=True
        ):
            kept = itertools.compress(row, is_kept)
            target.write(_tsv_line([*kept, *values]))
        target.flush()
        num_rows += len(chunk.rows)
    return num_rows


def _log_replaced(columns: Sequence[str], written: Sequence[str]) -> None:
    replaced = [name for name in columns if name in written]
    if replaced:
        logging.info(
            "Columns of the file are replaced: %s.", ", ".join(replaced)
        )


def _tsv_line(fields: Iterable[str]) -> bytes:
    guarded = map(written_tables.guard, fields)
    return written_tables.line_of(guarded).encode("utf-8")


def _output_columns(task: TaskSpec) -> list[str]:
    if task.is_regression:
        return [written_tables.PREDICTED_SCORE]
    before = written_tables.PROBABILITY
    names = [f"{before}{name}" for name in task.label_names]
    return [written_tables.PREDICTED_LABEL, *names]


def _output_values(task: TaskSpec, logits: np.ndarray) -> Iterator[list[str]]:
    if task.is_regression:
        yield from ([f"{score:.6g}"] for score in logits[:, 0])
        return
    for shares in inference.probabilities(logits):
        label = task.label_names[int(shares.argmax())]
        yield [label, *(f"{share:.6g}" for share in shares)]
