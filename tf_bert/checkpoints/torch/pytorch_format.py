"""Reads `pytorch_model.bin`, whole or sharded, without PyTorch."""

import numpy as np

from tf_bert.checkpoints import names, shards
from tf_bert.checkpoints.torch import archive as torch_archive
from tf_bert.checkpoints.weights import Weights


def find(folder: str) -> str | None:
    """Returns `pytorch_model.bin` or its index, None if there is neither."""
    return shards.find(folder, "pytorch_model.bin")


def read(path: str) -> Weights:
    """Opens what `find` found.

    Nothing that a file asks for is run, see `unpickle`; tensors are read
    when they are asked for, each by itself.

    Args:
        path: `pytorch_model.bin` or `pytorch_model.bin.index.json`.

    Raises:
        ValueError: if a file is damaged, holds something else than tensors
            and their names, or tries to run something; or if the index is
            wrong.
        FileNotFoundError: if a shard is missing.
    """
    stored: dict[str, torch_archive.Archive] = {}
    for file in shards.files(path):
        archive = torch_archive.open_archive(file)
        stored |= dict.fromkeys(archive.tensors, archive)
    shards.check_complete(path, set(stored))
    originals = names.normalize_torch_names(stored, path)

    def read_tensor(name: str) -> np.ndarray:
        original = originals[name]
        return stored[original].read(original)

    return Weights(
        file=path,
        shapes={
            name: stored[original].tensors[original].shape
            for name, original in originals.items()
        },
        read=read_tensor,
        stored_name=names.torch_name,
    )
