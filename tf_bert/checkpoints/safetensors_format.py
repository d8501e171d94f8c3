"""Reads safetensors files, whole or sharded."""

import json
import os

import numpy as np
import safetensors

from tf_bert.checkpoints import names
from tf_bert.checkpoints.weights import Weights


def read(folder: str) -> Weights:
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
