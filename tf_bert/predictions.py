"""Predictions for a file: its rows and columns, then label and shares."""

import csv
import io
from collections.abc import Iterator

import numpy as np
from absl import logging

from tf_bert import build, gfile_io
from tf_bert.config import Config
from tf_bert.data import tasks, unlabelled
from tf_bert.data.examples import Examples
from tf_bert.training import inference


def write_predictions(
    classifier: build.Classifier, config: Config, path: str
) -> int:
    """Predicts every row of `config.predict_file` and writes a TSV file.

    The file has the input's rows in their order and its columns, then
    `predicted_label` and `probability_<label>` for each label (regression:
    `predicted_score`). Fields with a tab, quote or line break are quoted as
    spreadsheets and pandas read it. Rows stream: memory does not grow with
    their number.

    Args:
        classifier: of `build`.
        config: of the run; `predict_file` and the columns of its task.
        path: of the output; written whole or not at all.

    Returns:
        The number of rows.

    Raises:
        ValueError, FileNotFoundError: if the input is wrong.
    """
    task = classifier.task
    num_rows = 0
    with gfile_io.open_binary_writer(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        for chunk in unlabelled.iterate_unlabelled(
            config.predict_file,
            text_column=task.text_column,
            text_pair_column=task.text_pair_column,
        ):
            if not num_rows:
                writer.writerow([*chunk.columns, *_output_columns(task)])
            logits = _chunk_logits(classifier, config.predict_file, chunk)
            for row, values in zip(
                chunk.rows, _output_values(task, logits), strict=True
            ):
                writer.writerow([*row, *values])
            num_rows += len(chunk.rows)
        text.flush()
        text.detach()  # The file is closed, and put in place, by its owner.
    logging.info("Wrote %d predictions to %s.", num_rows, path)
    return num_rows


def _chunk_logits(
    classifier: build.Classifier, path: str, chunk: unlabelled.Chunk
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
