"""Opens a checkpoint of whichever format a folder holds."""

import os

from tf_bert.checkpoints import (
    h5_format,
    safetensors_format,
    tf1_format,
    weights,
)


def open_weights(folder: str) -> weights.Weights:
    """Opens whichever format a folder holds.

    Args:
        folder: local folder.

    Raises:
        FileNotFoundError: if it holds none that is known.
        ValueError: if the files are damaged.
    """
    present = os.listdir(folder)
    if {"model.safetensors", "model.safetensors.index.json"} & set(present):
        return safetensors_format.read(folder)
    if {h5_format.FILE, h5_format.INDEX} & set(present):
        return h5_format.read(folder)
    if tf1_format.prefix(folder):
        return tf1_format.read(folder)
    raise FileNotFoundError(
        "A checkpoint must hold `model.safetensors` or `tf_model.h5` (whole "
        "or sharded with its index), or a TensorFlow checkpoint "
        "`bert_model.ckpt.index` with its data. "
        f"Received: {folder} with "
        f"{', '.join(sorted(present)) or 'no file'}. Pass another "
        "--init_checkpoint."
    )
