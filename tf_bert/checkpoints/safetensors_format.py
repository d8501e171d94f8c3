"""Reads safetensors files, whole or sharded, with PyTorch's or TF 2's names."""

import os

import numpy as np
import safetensors

from tf_bert.checkpoints import names, shards
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
        weight_map = shards.read_index(index)
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
    shards.check_complete(index, weight_map, stored)
    if any(name.startswith("bert/") for name in stored):
        # `safe_serialization=True` of transformers 4's TensorFlow classes.
        stored_name = names.h5_name
        originals = {names.normalize_h5_name(name, 0): name for name in stored}
    else:
        stored_name = names.torch_name
        has_prefix = names.has_torch_prefix(stored)
        originals = {
            names.normalize_torch_name(name, has_prefix): name
            for name in stored
        }

    def read(name: str) -> np.ndarray:
        original = originals[name]
        return stored[original][0].get_tensor(original)

    return Weights(
        file=index if len(files) > 1 else os.path.join(folder, files[0]),
        shapes={name: stored[o][1] for name, o in originals.items()},
        read=read,
        stored_name=stored_name,
    )


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
