"""Opens a checkpoint of whichever format a folder holds."""

import os
from collections.abc import Callable

from tf_bert.checkpoints import (
    h5_format,
    safetensors_format,
    shards,
    tf1_format,
)
from tf_bert.checkpoints.torch import pytorch_format
from tf_bert.checkpoints.weights import Weights

# By the name of the file that holds all weights. The first found is read, and
# a TensorFlow 1 checkpoint where there is none of these.
_READERS = {
    "model.safetensors": safetensors_format.read,
    "pytorch_model.bin": pytorch_format.read,
    "tf_model.h5": h5_format.read,
}


def open_weights(folder: str) -> Weights:
    """Opens the weights in a local folder; those that are damaged raise."""
    path, read = _find(folder)
    return read(path)


def weights_files(folder: str) -> list[str]:
    """Returns the paths of the files that `open_weights` reads, sorted."""
    path, read = _find(folder)
    if read is tf1_format.read:
        return tf1_format.files(path)
    return shards.files(path)


def _find(folder: str) -> tuple[str, Callable[[str], Weights]]:
    """Returns what leads to the weights, and what reads it."""
    for file, read in _READERS.items():
        path = shards.find(folder, file)
        if path is not None:
            return path, read
    path = tf1_format.find(folder)
    if path is not None:
        return path, tf1_format.read
    present = ", ".join(sorted(os.listdir(folder))) or "no file"
    raise FileNotFoundError(
        f"There are no weights in the folder. Received: {folder} with "
        f"{present}. Pass an --init_checkpoint with {', '.join(_READERS)} "
        "(each whole, or sharded with its index) or a TensorFlow checkpoint, "
        "bert_model.ckpt.index with its data."
    )
