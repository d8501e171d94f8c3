"""Predictions for rows: their own columns, then label and shares, as TSV."""

import gc
import os
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

from tf_bert import gfile_io
from tf_bert.classifier import Classifier
from tf_bert.config import Config
from tf_bert.data import standard_input, tasks, unlabelled
from tf_bert.data.examples import Examples
from tf_bert.training import inference

# TensorFlow's iterators hang in reference cycles and hold about 1 MiB each.
# Python looks for such cycles rarely in a process of so many objects.
_CHUNKS_PER_COLLECTION = 16

_NEEDS_QUOTES = re.compile('[\t\n\r"]')


def write_predictions(
    classifier: Classifier, config: Config, path: str | None
) -> int:
    """Predicts every row of `config.predict_file` and writes a TSV file.

    The file has the input's rows in their order and its columns, then
    `predicted_label` and `probability_<label>` for each label (regression:
    `predicted_score`). Fields with a tab, quote or line break are quoted as
    spreadsheets and pandas read it; this program's own .tsv reader takes
    quotes for text, so to predict such rows once more, pass the file from
    before. Rows stream: memory does not grow with their number.

    Args:
        classifier: of `tf_bert.classifier`.
        config: of the run; `predict_file` and the columns of its task.
        path: of the output; written whole or not at all. None writes nothing:
            on several workers all take part, and one of them writes.

    Returns:
        The number of rows.

    Raises:
        ValueError, FileNotFoundError: if the input is wrong.
    """
    task = classifier.task
    chunks = unlabelled.iterate_unlabelled(
        config.predict_file,
        text_column=task.text_column,
        text_pair_column=task.text_pair_column,
        text_format=config.text_format,
    )
    nowhere = path is None
    with (
        open(os.devnull, "wb") if nowhere else gfile_io.open_binary_writer(path)
    ) as file:
        return _write(classifier, chunks, config.predict_file, file)


def stream_predictions(
    classifier: Classifier,
    config: Config,
    source: BinaryIO,
    target: BinaryIO,
) -> int:
    """Predicts lines as they come in, and writes the same table as they go.

    Args:
        classifier: of `tf_bert.classifier`.
        config: of the run.
        source: standard input; see `standard_input.iterate_lines`.
        target: standard output.

    Returns:
        The number of rows.

    Raises:
        ValueError: if a line is wrong; those before it have been written.
        BrokenPipeError: if nobody reads the output any more.
    """
    chunks = standard_input.iterate_lines(
        source,
        has_pairs=classifier.task.text_pair_column is not None,
        text_format=config.text_format,
    )
    return _write(classifier, chunks, config.predict_file, target)


def _write(
    classifier: Classifier,
    chunks: Iterable[unlabelled.Chunk],
    source: str,
    target: BinaryIO,
) -> int:
    task = classifier.task
    num_rows = 0
    for number, chunk in enumerate(chunks, start=1):
        if not num_rows:
            target.write(_tsv_line([*chunk.columns, *_output_columns(task)]))
        logits = _chunk_logits(classifier, source, chunk)
        for row, values in zip(
            chunk.rows, _output_values(task, logits), strict=True
        ):
            target.write(_tsv_line([*row, *values]))
        target.flush()
        num_rows += len(chunk.rows)
        if number % _CHUNKS_PER_COLLECTION == 0:
            gc.collect()
    return num_rows


def _tsv_line(fields: Iterable[str]) -> bytes:
    """Returns a row with quotes where they are needed.

    Not by `csv.writer`: before Python 3.13 it leaves a carriage return
    without quotes, and `csv.reader` takes that for the end of the row.
    """
    quoted = (
        '"' + field.replace('"', '""') + '"'
        if _NEEDS_QUOTES.search(field)
        else field
        for field in fields
    )
    return ("\t".join(quoted) + "\n").encode("utf-8")


def _chunk_logits(
    classifier: Classifier, path: str, chunk: unlabelled.Chunk
) -> np.ndarray:
    examples = Examples(
        texts=chunk.texts,
        text_pairs=chunk.text_pairs,
        labels=None,
        row_numbers=np.arange(1, len(chunk.rows) + 1),
        source=path,
    )
    return classifier.inference.logits(classifier.tokenize(examples))


def _output_columns(task: tasks.TaskSpec) -> list[str]:
    if task.is_regression:
        return ["predicted_score"]
    names = [f"probability_{name}" for name in task.label_names]
    return ["predicted_label", *names]


def _output_values(
    task: tasks.TaskSpec, logits: np.ndarray
) -> Iterator[list[str]]:
    if task.is_regression:
        yield from ([f"{score:.6g}"] for score in logits[:, 0])
        return
    for shares in inference.probabilities(logits):
        label = task.label_names[int(shares.argmax())]
        yield [label, *(f"{share:.6g}" for share in shares)]
