"""The state that a run resumes from: weights, moments, step, best so far.

One file of named arrays (safetensors) with the rest as JSON in its header, so
that a state is written in one atomic step and is whole or not there.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from tf_bert import gfile_io

STATE_FILE = "state.safetensors"
BEST_FILE = "best.safetensors"


def save_arrays(
    path: str, arrays: dict[str, Any], progress: dict[str, Any] | None = None
) -> None:
    """Writes variables, and numbers beside them, into one file.

    Args:
        path: local or `gs://`.
        arrays: Keras variables by name.
        progress: what JSON can hold.
    """
    gfile_io.make_dirs(os.path.dirname(path))
    values = {name: np.asarray(x.numpy()) for name, x in arrays.items()}
    header = {"progress": json.dumps(progress or {})}
    gfile_io.write_bytes(path, safetensors.numpy.save(values, header))


def load_arrays(
    path: str,
    arrays: dict[str, Any],
    *,
    check: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Assigns what `save_arrays` wrote, and returns its `progress`.

    Args:
        path: local or `gs://`.
        arrays: Keras variables by name.
        check: gets `progress`, and raises if the file must not be used.

    Raises:
        ValueError: if the file is damaged, or holds other variables than
            these; nothing is assigned then.
    """
    data = gfile_io.read_bytes(path)
    try:
        values = safetensors.numpy.load(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])["__metadata__"]
        progress = json.loads(header["progress"])
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise ValueError(
            f"The state of a run must be whole. Received: {path} ({error}). "
            "Remove its folder, or pass --overwrite_output_dir to start over."
        ) from error
    if check:
        check(progress)
    shapes = {name: tuple(x.shape) for name, x in arrays.items()}
    if {name: x.shape for name, x in values.items()} != shapes:
        raise ValueError(
            "The state of a run must hold this model's variables. Received: "
            f"{path}, of another model. Pass --overwrite_output_dir to start "
            "over."
        )
    for name, variable in arrays.items():
        variable.assign(values[name])
    return progress
