"""Opens a checkpoint of whichever format a folder holds."""

import os

from tf_bert.checkpoints import safetensors_format, tf1_format, weights


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
    if tf1_format.prefix(folder):
        return tf1_format.read(folder)
    raise FileNotFoundError(
        "A checkpoint must hold `model.safetensors` (whole or sharded with its "
        "index) or a TensorFlow checkpoint `bert_model.ckpt.index` with its "
        f"data. Received: {folder} with "
        f"{', '.join(sorted(present)) or 'no file'}. Pass another "
        "--init_checkpoint."
    )
