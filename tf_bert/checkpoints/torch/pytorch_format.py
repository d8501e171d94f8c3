"""Reads `pytorch_model.bin`, whole or sharded, without PyTorch."""

import numpy as np

from tf_bert.checkpoints import names, shards
from tf_bert.checkpoints.torch.archive import Archive, open_archive
from tf_bert.checkpoints.weights import Weights


def read(path: str) -> Weights:
    """Opens what `shards.find` found.

    Nothing that a file asks for is run, see `unpickle`; tensors are read
    when they are asked for, each by itself.
    """
    stored: dict[str, Archive] = {}
    for file in shards.files(path):
        archive = open_archive(file)
        stored |= dict.fromkeys(archive.tensors, archive)
    shards.check_complete(path, stored)
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
