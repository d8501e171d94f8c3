"""Reads `tf_model.h5`, whole or sharded, as transformers 4 and Keras 2 wrote.

A whole file names a tensor `<layer>/<model>/bert/...`, a shard `bert/...`; its
index says `<model>/bert/...`. What the model was called does not matter.
"""

import dataclasses
import math
import os

import h5py
import numpy as np

from tf_bert.checkpoints import names, shards
from tf_bert.checkpoints.weights import Weights

# What h5py raises where a file is damaged: it depends on the damaged part.
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError)


@dataclasses.dataclass(frozen=True)
class _Stored:
    """Where a tensor lies: file and name there."""

    path: str
    key: str
    shape: tuple[int, ...]


def read(path: str) -> Weights:
    """Opens what `shards.find` found.

    A tensor is read when it is asked for. Before it is, its declared size is
    compared with what lies in the file, so a small file cannot ask for much
    memory: compressed, chunked and external storage, which neither
    transformers nor Keras writes, is refused.
    """
    num_prefixes = 0 if shards.is_index(path) else 2
    stored: dict[str, _Stored] = {}
    for file in shards.files(path):
        stored |= _open(file, num_prefixes)
    shards.check_complete(
        path, stored, lambda name: names.normalize_h5_name(name, 1)
    )
    return Weights(
        file=path,
        shapes={name: tensor.shape for name, tensor in stored.items()},
        read=lambda name: _read(stored[name]),
        stored_name=names.h5_name,
    )


def _open(path: str, num_prefixes: int) -> dict[str, _Stored]:
    """Finds the tensors of one file, by normal names; reads none of them."""
    found = {}

    def visit(key: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset) and node.shape is not None:
            name = names.normalize_h5_name(key, num_prefixes)
            if name in found:
                raise ValueError(f"{name} is there twice")
            found[name] = _Stored(path, key, node.shape)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except _DAMAGE as error:
        raise ValueError(
            "The HDF5 file is damaged or incomplete. Received: "
            f"{path} ({os.path.getsize(path)} bytes; {error}). "
            f"{shards.ADVICE}"
        ) from error
    return found


def _read(stored: _Stored) -> np.ndarray:
    # Opened anew each time: HDF5 gives what it remembers, not what lies on
    # the disk, of a file that is open already.
    reason = None
    try:
        with h5py.File(stored.path, "r") as file:
            dataset = file[stored.key]
            problem = _problem(dataset, os.path.getsize(stored.path))
            if not problem:
                return dataset[()]
    except _DAMAGE as error:
        problem, reason = str(error), error
    raise ValueError(
        "A tensor of the file cannot be read: floats in one piece, "
        f"uncompressed, are supported. Received: {stored.key} of shape "
        f"{stored.shape} in {stored.path}: {problem}. Fetch the checkpoint "
        "again, or write it again with `save_pretrained`."
    ) from reason


def _problem(dataset: h5py.Dataset, file_size: int) -> str:
    """Says why a tensor is not as Keras writes it; empty if it is."""
    if dataset.dtype.kind != "f":
        return f"its type is {dataset.dtype}"
    properties = dataset.id.get_create_plist()
    if properties.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT):
        return "it is chunked, compressed or virtual"
    if properties.get_external_count():
        return "its data lies in another file"
    num_bytes = math.prod(dataset.shape) * dataset.dtype.itemsize
    present = min(dataset.id.get_storage_size(), file_size)
    if present < num_bytes:
        return f"it takes {num_bytes} bytes, of which {present} are there"
    return ""
