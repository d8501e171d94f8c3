"""Readers of checkpoint formats: a file or folder -> arrays by our paths.

Each reader gives a `Weights`: a lazy mapping from the names stored in the file
to arrays, and the function that turns a path of ours into such a name.
"""

import dataclasses
import json
import os
from collections.abc import Callable

import numpy as np
import safetensors

from tf_bert.checkpoints import names


@dataclasses.dataclass(frozen=True)
class Weights:
    """The tensors of a checkpoint, read one at a time.

    Attributes:
        file: path, for messages.
        shapes: shape of each tensor, by its name (normalised, see
            `names.normalize_torch_name`).
        read: returns the array of one name.
        stored_name: maps a path of ours to a name and a transposition.
    """

    file: str
    shapes: dict[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]
    stored_name: Callable[[str], names.StoredName]


def read_safetensors(folder: str) -> Weights:
    """Reads `model.safetensors`, or the shards that its index lists.

    Raises:
        ValueError: if a file is truncated or its header is broken, or the
            index names a file or a tensor that is not there.
        FileNotFoundError: if a shard is missing.
    """
    index = os.path.join(folder, "model.safetensors.index.json")
    if os.path.exists(index):
        weight_map = _shards(index)
        files = sorted(set(weight_map.values()))
    else:
        weight_map = {}
        files = ["model.safetensors"]
    stored = {}  # Name in the file -> (handle, shape).
    for file in files:
        handle = _open_safetensors(os.path.join(folder, file))
        for name in handle.keys():
            shape = tuple(handle.get_slice(name).get_shape())
            stored[name] = (handle, shape)
    absent = sorted(set(weight_map) - set(stored))
    if absent:
        raise ValueError(
            "The shards of a checkpoint must hold every tensor of its index. "
            f"Received: {index} with {absent[0]}, which is in none of "
            f"{', '.join(files)}. Fetch the checkpoint again."
        )
    has_prefix = names.has_torch_prefix(stored)
    originals = {
        names.normalize_torch_name(name, has_prefix): name for name in stored
    }

    def read(name: str) -> np.ndarray:
        original = originals[name]
        return stored[original][0].get_tensor(original)

    return Weights(
        file=index if len(files) > 1 else os.path.join(folder, files[0]),
        shapes={name: stored[o][1] for name, o in originals.items()},
        read=read,
        stored_name=names.torch_name,
    )


def _shards(index: str) -> dict[str, str]:
    try:
        with open(index, encoding="utf-8") as file:
            weight_map = json.load(file)["weight_map"]
        if not weight_map:
            raise ValueError("it lists no tensor")
        for name in weight_map.values():
            os.path.basename(name)  # TypeError unless it is a string.
        return weight_map
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            "The index of a sharded checkpoint must be JSON with a "
            f"`weight_map`. Received: {index} ({error!r}). Fetch the "
            "checkpoint again."
        ) from error


def _open_safetensors(path: str):
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"A file of the checkpoint is missing. Received: {path}. Fetch "
            "the checkpoint again."
        )
    try:
        return safetensors.safe_open(path, framework="numpy")
    except safetensors.SafetensorError as error:
        raise ValueError(
            "A safetensors file must have a whole header and all its data. "
            f"Received: {path} ({os.path.getsize(path)} bytes; {error}). It "
            "is damaged or was not downloaded to its end: fetch it again."
        ) from error


def read_tf1(folder: str) -> Weights:
    """Reads a checkpoint of google-research/bert (`bert_model.ckpt.*`).

    Raises:
        ValueError: if the files are damaged.
    """
    import tensorflow as tf

    prefix = tf1_prefix(folder)
    try:
        reader = tf.train.load_checkpoint(prefix)
        shapes = {
            name: tuple(shape)
            for name, shape in reader.get_variable_to_shape_map().items()
        }
    except (tf.errors.OpError, RuntimeError) as error:
        raise ValueError(
            "A TensorFlow checkpoint must have a whole .index and .data file. "
            f"Received: {prefix} ({error}). Fetch it again."
        ) from error

    def read(name: str) -> np.ndarray:
        try:
            return reader.get_tensor(name)
        except (tf.errors.OpError, RuntimeError, IndexError) as error:
            raise ValueError(
                "A tensor of the checkpoint cannot be read. Received: "
                f"{name} of {prefix} ({error}). Fetch the checkpoint again."
            ) from error

    return Weights(prefix, shapes, read, names.tf1_name)


def tf1_prefix(folder: str) -> str | None:
    """Returns the prefix of a TF1 checkpoint's files in a folder, or None.

    Raises:
        ValueError: if there are several, so that one must be chosen.
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
            "A folder must hold one TensorFlow checkpoint. Received: "
            f"{folder} with {', '.join(prefixes)}. Move the one that is meant "
            "into a folder of its own, with its configuration."
        )
    return os.path.join(folder, prefixes[0]) if prefixes else None


def open_weights(folder: str) -> Weights:
    """Opens whichever format a folder holds.

    Args:
        folder: local folder.

    Raises:
        FileNotFoundError: if it holds none that is known.
        ValueError: if the files are damaged.
    """
    present = os.listdir(folder)
    if {"model.safetensors", "model.safetensors.index.json"} & set(present):
        return read_safetensors(folder)
    if tf1_prefix(folder):
        return read_tf1(folder)
    raise FileNotFoundError(
        "A checkpoint must hold `model.safetensors` (whole or sharded with its "
        "index) or a TensorFlow checkpoint `bert_model.ckpt.index` with its "
        f"data. Received: {folder} with "
        f"{', '.join(sorted(present)) or 'no file'}. Pass another "
        "--init_checkpoint."
    )
