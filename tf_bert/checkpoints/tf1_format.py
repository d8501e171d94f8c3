"""Reads the TensorFlow 1 checkpoints of google-research/bert."""

import glob
import math
import os
from typing import Any

import numpy as np

from tf_bert.checkpoints import names
from tf_bert.checkpoints.weights import Weights


def find(folder: str) -> str | None:
    """Returns the prefix of a TF1 checkpoint's files in a folder, or None.

    `bert_model.ckpt` comes before any other; several others are an error.
    """
    prefixes = sorted(
        name.removesuffix(".index")
        for name in os.listdir(folder)
        if name.endswith(".index")
    )
    if "bert_model.ckpt" in prefixes:
        prefixes = ["bert_model.ckpt"]
    if len(prefixes) > 1:
        raise ValueError(
            "The folder holds several TensorFlow checkpoints. Received: "
            f"{folder} with {', '.join(prefixes)}. Move the one that is meant "
            "into a folder of its own, with its configuration."
        )
    return os.path.join(folder, prefixes[0]) if prefixes else None


def files(path: str) -> list[str]:
    """Returns the files of what `find` found: an index, and its data."""
    return [f"{path}.index", *_data_files(path)]


def read(path: str) -> Weights:
    """Opens what `find` found; `ValueError` if the files are damaged."""
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(path)
        types = reader.get_variable_to_dtype_map()
        shapes = {
            name: tuple(shape)
            for name, shape in reader.get_variable_to_shape_map().items()
        }
    except (tf.errors.OpError, RuntimeError) as error:
        raise ValueError(
            "The TensorFlow checkpoint is damaged or incomplete. Received: "
            f"{path} ({error}). Fetch it again."
        ) from error

    _check_sizes(path, shapes, types)

    def read(name: str) -> np.ndarray:
        try:
            return reader.get_tensor(name)
        except (tf.errors.OpError, RuntimeError, IndexError) as error:
            raise ValueError(
                "A tensor of the checkpoint cannot be read. Received: "
                f"{name} of {path} ({error}). Fetch the checkpoint again."
            ) from error

    return Weights(path, shapes, read, names.tf1_name)


def _data_files(path: str) -> list[str]:
    return sorted(glob.glob(f"{glob.escape(path)}.data*"))


def _check_sizes(
    path: str, shapes: dict[str, tuple[int, ...]], types: dict[str, Any]
) -> None:
    """Checks that no tensor claims more bytes than there are data.

    TensorFlow allocates what the index claims, before it looks for the data.
    """
    num_bytes = sum(map(os.path.getsize, _data_files(path)))
    for name, shape in shapes.items():
        if math.prod(shape) * types[name].size > num_bytes:
            raise ValueError(
                "The .data files of the TensorFlow checkpoint are shorter than "
                f"its .index claims. Received: {name} of shape {shape} in "
                f"{path}, with {num_bytes} bytes of data. Fetch it again."
            )
