"""`Weights`: what the reader of each format returns."""

import dataclasses
from collections.abc import Callable

import numpy as np

from tf_bert.checkpoints import names


@dataclasses.dataclass(frozen=True)
class Weights:
    """The tensors of a checkpoint, read one at a time.

    Attributes:
        file: path, for messages.
        shapes: shape of each tensor, by its name (normalised, see
            `names.normalize_torch_names`).
        read: returns the array of one name.
        stored_name: maps a path of ours to a name and a transposition.
    """

    file: str
    shapes: dict[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]
    stored_name: Callable[[str], names.StoredName]

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Returns the shape of a variable of ours, None if it is missing."""
        name, is_transposed = self.stored_name(path)
        shape = self.shapes.get(name)
        return shape[::-1] if shape and is_transposed else shape
