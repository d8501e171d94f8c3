"""Opens a checkpoint of whichever format a folder holds."""

import os
from collections.abc import Callable
from typing import NamedTuple

from tf_bert.checkpoints import h5_format, safetensors_format, tf1_format
from tf_bert.checkpoints.torch import pytorch_format
from tf_bert.checkpoints.weights import Weights


class Format(NamedTuple):
    """One way to store weights.

    Attributes:
        files: which files it has, for messages.
        find: returns the path that `read` takes, or None if a folder holds
            no weights of this format.
        read: opens them.
    """

    files: str
    find: Callable[[str], str | None]
    read: Callable[[str], Weights]


# The first that a folder holds is read.
FORMATS = (
    Format(
        "`model.safetensors` (whole, or sharded with its index)",
        safetensors_format.find,
        safetensors_format.read,
    ),
    Format(
        "`pytorch_model.bin` (whole, or sharded with its index)",
        pytorch_format.find,
        pytorch_format.read,
    ),
    Format(
        "`tf_model.h5` (whole, or sharded with its index)",
        h5_format.find,
        h5_format.read,
    ),
    Format(
        "a TensorFlow checkpoint `bert_model.ckpt.index` with its data",
        tf1_format.find,
        tf1_format.read,
    ),
)


def open_weights(folder: str) -> Weights:
    """Opens whichever format a folder holds.

    Args:
        folder: local folder.

    Raises:
        FileNotFoundError: if it holds none that is known.
        ValueError: if the files are damaged.
    """
    for _, find, read in FORMATS:
        path = find(folder)
        if path is not None:
            return read(path)
    present = ", ".join(sorted(os.listdir(folder))) or "no file"
    raise FileNotFoundError(
        f"A checkpoint must hold {' or '.join(row.files for row in FORMATS)}. "
        f"Received: {folder} with {present}. Pass another --init_checkpoint."
    )
