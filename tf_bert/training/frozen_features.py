"""Running the frozen part of a model once for each example, not every step.

Frozen layers have no dropout, so they give the same for an example whenever
it comes. In an evaluation every few steps and over a few epochs they are most
of the work of a training, and all of it but a little where all blocks are
frozen.
"""

import contextlib
import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from absl import logging

from tf_bert.data.tokens.tokenized_examples import (
    FeatureFiles,
    FeatureTable,
    FrozenFeatures,
    TokenizedExamples,
)
from tf_bert.training.inference import Inference

MAX_BYTES_IN_MEMORY = 2**30


@contextlib.contextmanager
def cached(
    model: Inference,
    splits: dict[str, TokenizedExamples],
    *,
    max_bytes_in_memory: int = MAX_BYTES_IN_MEMORY,
) -> Iterator[dict[str, TokenizedExamples]]:
    """Computes the features of some splits, and keeps them for a while.

    Args:
        model: with frozen layers, whose weights must not change while the
            features are used.
        max_bytes_in_memory: >= 0. Features of each token that take more, all
            splits together, go into a folder of temporary files, which is
            removed at the end, after an error or Ctrl-C too. Features of each
            example are small, and always in memory.

    Yields:
        The same splits with `features`, float32: a step on them differs from
        one that runs the frozen part only by rounding.
    """
    is_per_token = not model.model.bert.has_frozen_encoder
    rows = _num_rows(model, splits)
    size = model.model.config.hidden_size
    num_bytes = 4 * size * sum(rows.values())
    with contextlib.ExitStack() as stack:
        folder = None
        if is_per_token and num_bytes > max_bytes_in_memory:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="tf_bert_features_")
            )
            _check_room(num_bytes)
        logging.info(
            "Running the frozen layers once for each example; the features "
            "(%.1f MiB) are kept in %s.",
            num_bytes / 2**20,
            folder or "memory",
        )
        yield {
            name: dataclasses.replace(
                examples,
                features=_in_memory(model, examples, (rows[name], size))
                if folder is None
                else _in_files(model, examples, os.path.join(folder, name)),
            )
            for name, examples in splits.items()
        }


def check_room(model: Inference, splits: dict[str, TokenizedExamples]) -> None:
    """Raises what `cached` does where there is no room; writes nothing."""
    num_features = sum(_num_rows(model, splits).values())
    num_bytes = 4 * model.model.config.hidden_size * num_features
    is_per_token = not model.model.bert.has_frozen_encoder
    if is_per_token and num_bytes > MAX_BYTES_IN_MEMORY:
        _check_room(num_bytes)


def _num_rows(
    model: Inference, splits: dict[str, TokenizedExamples]
) -> dict[str, int]:
    """Features of each split: one for each token or, above all blocks, text."""
    is_per_token = not model.model.bert.has_frozen_encoder
    return {
        name: len(examples.ids) if is_per_token else len(examples)
        for name, examples in splits.items()
    }


def _in_memory(
    model: Inference, examples: TokenizedExamples, shape: tuple[int, int]
) -> FrozenFeatures:
    values = np.empty(shape, np.float32)
    filled = 0
    for _, features in model.frozen_features(examples):
        values[filled : filled + len(features)] = features
        filled += len(features)
    with tf.device("CPU"):
        return FeatureTable(
            tf.constant(values), not model.model.bert.has_frozen_encoder
        )


def _in_files(
    model: Inference, examples: TokenizedExamples, folder: str
) -> FrozenFeatures:
    os.mkdir(folder)
    files = FeatureFiles(folder, model.model.config.hidden_size)
    for numbers, features in model.frozen_features(examples):
        ends = np.cumsum(examples.lengths[numbers])
        parts = np.split(features, ends[:-1])
        for number, part in zip(numbers, parts, strict=True):
            files.write(number, part)
    return files


def _check_room(num_bytes: int) -> None:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise OSError(
            "Not enough room for the features of the frozen layers. "
            f"Received: {folder}, for temporary files, with "
            f"{free / 2**30:.1f} GiB free, and {num_bytes / 2**30:.1f} GiB to "
            "write. Set TMPDIR to another folder, freeze all blocks by "
            "--freeze=encoder, or leave out --cache_frozen_features."
        )
