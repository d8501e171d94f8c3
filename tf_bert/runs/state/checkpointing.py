"""Files of variables, each named by the checksum of its content.

A file is a safetensors file, with the rest as JSON in its header. It is
written in one atomic step, so a name that is there is a whole file; and what
changes it later (a disk, a copy that broke off) is found when it is read.
"""

import json
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import tensorflow as tf

from tf_bert.system import file_io

Arrays = dict[str, np.ndarray]
# Of the types that models and optimizers here have.
_TYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64"}
_CHECKSUM = re.compile(r"\.([0-9a-f]{8})\.safetensors$")


class DamagedFile(ValueError):
    """A file is missing, or its content is not what was written."""


def snapshot(variables: Mapping[str, Any]) -> Arrays:
    """Copies variables of Keras or TensorFlow into the memory of the host."""
    # Not Keras's own `numpy`, which takes ten times as long.
    return {
        name: tf.convert_to_tensor(variable).numpy()
        for name, variable in variables.items()
    }


def write(
    folder: str, stem: str, arrays: Arrays, metadata: Mapping[str, str]
) -> str:
    """Writes arrays into a file of their own; returns its name.

    That is `<stem>.<crc32, 8 hexadecimal digits>.safetensors`: what was written
    before is written again to the same name. The folder is made if it is not
    there; `metadata` are texts beside the arrays.
    """
    chunks = _encoded(arrays, metadata)
    checksum = 0
    for chunk in chunks:
        checksum = zlib.crc32(chunk, checksum)
    name = f"{stem}.{checksum:08x}.safetensors"
    file_io.make_dirs(folder)
    with file_io.open_binary_writer(os.path.join(folder, name)) as file:
        for chunk in chunks:
            file.write(chunk)
    return name


def _encoded(
    arrays: Arrays, metadata: Mapping[str, str]
) -> Sequence[bytes | memoryview]:
    """Returns the parts of a safetensors file, without copies of the arrays.

    The library's `save` makes two, and holds Python's lock meanwhile, which
    the training beside it waits for.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    chunks: list[bytes | memoryview] = []
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        header[name] = {
            "dtype": _TYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
        chunks.append(memoryview(np.ascontiguousarray(array).reshape(-1)))
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # So that the arrays are aligned.
    return [len(text).to_bytes(8, "little"), text, *chunks]


def read(path: str) -> tuple[Arrays, dict[str, str]]:
    """Returns the arrays and the metadata that `write` was given."""
    data = read_checked(path)
    try:
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        return safetensors.numpy.load(data), metadata
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise DamagedFile(f"{path} is not a file of a run ({error})") from error


def read_checked(path: str) -> bytes:
    """Returns the content of a file that `write` has written."""
    try:
        data = file_io.read_bytes(path)
    except FileNotFoundError as error:
        raise DamagedFile(f"{path} is missing") from error
    match = _CHECKSUM.search(path)
    if match is None or int(match[1], 16) != zlib.crc32(data):
        raise DamagedFile(f"{path} is damaged")
    return data


def assign(variables: Mapping[str, Any], values: Arrays, *, path: str) -> None:
    """Gives variables the values of a file; none, if these are of others.

    The variables are of Keras or TensorFlow, by name; `path` is of the file,
    for the message.
    """
    shapes = {name: tuple(x.shape) for name, x in variables.items()}
    if {name: x.shape for name, x in values.items()} != shapes:
        raise ValueError(
            f"The saved state is of another model. Received: {path}, with "
            "other variables. Pass --overwrite_output_dir to start over."
        )
    for name, variable in variables.items():
        variable.assign(values[name])
