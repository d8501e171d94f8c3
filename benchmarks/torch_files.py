"""Writes the files of `torch.save` without PyTorch, for tests and fuzzing.

Every byte of a pickle is in the caller's hands, so that a file can be wrong in
one place: the pieces below are joined by `+`.
"""

import struct
import zipfile
from collections.abc import Mapping

import numpy as np

PROTOCOL = b"\x80\x02"
END = b"."
_STORAGE_TYPES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
}
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_VERSION = 1001


def text(value: str) -> bytes:
    """A string."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def integer(value: int) -> bytes:
    """An integer of any size."""
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def tuple_of(*items: bytes) -> bytes:
    """A tuple of pickled things."""
    return b"(" + b"".join(items) + b"t"


def name(module: str, attribute: str) -> bytes:
    """A function or class, by its name."""
    return f"c{module}\n{attribute}\n".encode()


def call(function: bytes, *arguments: bytes) -> bytes:
    """A call of a function."""
    return function + tuple_of(*arguments) + b"R"


def dict_of(items: Mapping[str, bytes]) -> bytes:
    """An ordered dict from names to pickled things."""
    pairs = b"".join(text(key) + value for key, value in items.items())
    return call(name("collections", "OrderedDict")) + b"(" + pairs + b"u"


def storage(key: str, dtype: str, num_elements: int, *more: bytes) -> bytes:
    """A reference to a storage; `more` is what the stream has behind it."""
    return (
        tuple_of(
            text("storage"),
            name("torch", _STORAGE_TYPES.get(dtype, dtype)),
            text(key),
            text("cpu"),
            integer(num_elements),
            *more,
        )
        + b"Q"
    )


def tensor(
    stored: bytes,
    shape: tuple[int, ...],
    strides: tuple[int, ...] | None = None,
    offset: int = 0,
) -> bytes:
    """A view of a storage; without strides, of consecutive numbers."""
    if strides is None:
        strides = tuple(
            int(np.prod(shape[axis + 1 :], dtype=object))
            for axis in range(len(shape))
        )
    return call(
        name("torch._utils", "_rebuild_tensor_v2"),
        stored,
        integer(offset),
        tuple_of(*map(integer, shape)),
        tuple_of(*map(integer, strides)),
        b"\x89",
        call(name("collections", "OrderedDict")),
    )


def zip_file(
    description: bytes,
    storages: Mapping[str, bytes],
    *,
    compression: int = zipfile.ZIP_STORED,
) -> list[tuple[str, bytes, int]]:
    """The members of an archive: name, content, compression."""
    return [
        ("archive/data.pkl", PROTOCOL + description + END, compression),
        ("archive/byteorder", b"little", compression),
        *(
            (f"archive/data/{key}", data, compression)
            for key, data in storages.items()
        ),
        ("archive/version", b"3\n", compression),
    ]


def write_zip(path, members: list[tuple[str, bytes, int]]) -> None:
    """Writes what `zip_file` returns."""
    with zipfile.ZipFile(path, "w") as archive:
        for member, data, compression in members:
            # Not by its name alone: that would write the time of day.
            info = zipfile.ZipInfo(member)
            archive.writestr(info, data, compress_type=compression)


def stream(
    description: bytes, storages: Mapping[str, tuple[int, bytes]]
) -> bytes:
    """The older format.

    Args:
        description: pickled, without protocol and end.
        storages: by key, the count of numbers and their bytes.
    """
    parts = [
        integer(_MAGIC_NUMBER),
        integer(_VERSION),
        dict_of({"little_endian": b"\x88"}),
        description,
        b"](" + b"".join(map(text, storages)) + b"e",
    ]
    pickles = b"".join(PROTOCOL + part + END for part in parts)
    return pickles + b"".join(
        struct.pack("<q", count) + data for count, data in storages.values()
    )


def write_arrays(path, arrays: Mapping[str, np.ndarray], *, is_zip: bool):
    """Writes a state dict as `torch.save` does, in either format."""
    keys = {tensor_name: str(i) for i, tensor_name in enumerate(arrays)}
    description = dict_of(
        {
            tensor_name: tensor(
                storage(
                    keys[tensor_name],
                    array.dtype.name,
                    array.size,
                    *(() if is_zip else (b"N",)),
                ),
                array.shape,
            )
            for tensor_name, array in arrays.items()
        }
    )
    data = {keys[k]: array.tobytes() for k, array in arrays.items()}
    if is_zip:
        write_zip(path, zip_file(description, data))
        return
    counts = {keys[k]: array.size for k, array in arrays.items()}
    with open(path, "wb") as file:
        file.write(stream(description, {k: (counts[k], data[k]) for k in data}))
