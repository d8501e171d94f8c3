"""Reads safetensors files, whole or sharded, with PyTorch's or TF 2's names."""

import os
from typing import Any

import ml_dtypes  # noqa: F401  Makes NumPy know bfloat16.
import numpy as np
import safetensors

from tf_bert.checkpoints import names, shards
from tf_bert.checkpoints.weights import Weights

_TYPES = (
    *("F64", "F32", "F16", "BF16"),
    *("I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"),
)


def read(path: str) -> Weights:
    """Opens what `shards.find` found."""
    stored = {}  # Name in the file -> (handle, shape).
    for file in shards.files(path):
        handle = _open_safetensors(file)
        for name in handle.keys():
            stored[name] = (handle, _shape(handle, name, file))
    shards.check_complete(path, stored)
    if any(name.startswith("bert/") for name in stored):
        # `safe_serialization=True` of transformers 4's TensorFlow classes.
        stored_name = names.h5_name
        originals = {names.normalize_h5_name(name, 0): name for name in stored}
    else:
        stored_name = names.torch_name
        originals = names.normalize_torch_names(stored, path)

    def read_tensor(name: str) -> np.ndarray:
        original = originals[name]
        return stored[original][0].get_tensor(original)

    return Weights(
        file=path,
        shapes={name: stored[o][1] for name, o in originals.items()},
        read=read_tensor,
        stored_name=stored_name,
    )


def _shape(handle: Any, name: str, file: str) -> tuple[int, ...]:
    tensor = handle.get_slice(name)
    if tensor.get_dtype() not in _TYPES:
        raise ValueError(
            "The type of a tensor is not supported. Received: "
            f"{name} of type {tensor.get_dtype()} in {file}. Convert the "
            "weights to F32, or pass another --init_checkpoint."
        )
    return tuple(tensor.get_shape())


def _open_safetensors(path: str):
    try:
        return safetensors.safe_open(path, framework="numpy")
    except safetensors.SafetensorError as error:
        raise ValueError(
            "The safetensors file is damaged or incomplete. Received: "
            f"{path} ({os.path.getsize(path)} bytes; {error}). "
            f"{shards.ADVICE}"
        ) from error
