"""Reads the files of `torch.save`: the names, and one tensor at a time.

PyTorch has had three formats:

- Since 1.6 a zip archive, in which nothing is compressed: `<name>/data.pkl`
  describes the tensors, `<name>/data/<key>` are the numbers of each storage.
- Before, and still with `_use_new_zipfile_serialization=False`, a stream: a
  magic number, a version, facts about the machine, the description, the keys
  of the storages (one pickle each), then each storage: how many numbers as an
  int64, and the numbers.
- Before 0.1.12 a tar archive. It is not read.

Nothing is allocated before the bytes to fill it are known to be there.
"""

import dataclasses
import errno
import io
import os
import pickle
import struct
import zipfile
from typing import Any, BinaryIO

import numpy as np

from tf_bert.checkpoints.torch import unpickle
from tf_bert.checkpoints.torch.tensors import Storage, Tensor

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001

# What training programs call the state dict among other things that they save.
_WRAPPERS = ("state_dict", "model_state_dict", "model")

# bfloat16 is not among NumPy's types: the upper half of a float32.
_NUMPY_TYPES = {"bfloat16": np.dtype(np.uint16)}


@dataclasses.dataclass(frozen=True)
class Archive:
    """The tensors of one file.

    Attributes:
        begins: where in the file each storage begins, by its key.
        byte_order: `<` or `>`, as NumPy writes it.
    """

    path: str
    tensors: dict[str, Tensor]
    begins: dict[str, int]
    byte_order: str

    def read(self, name: str) -> np.ndarray:
        """Returns one tensor; half precision becomes float32."""
        tensor = self.tensors[name]
        storage = tensor.storage
        dtype = _numpy_type(storage.dtype).newbyteorder(self.byte_order)
        first = storage.start + tensor.offset
        numbers = np.fromfile(
            self.path,
            dtype,
            count=tensor.span,
            offset=self.begins[storage.key] + first * dtype.itemsize,
        )
        if len(numbers) < tensor.span:
            raise _damaged(self.path, f"{name} ends too early")
        # Where there is one step or none, the stride may be anything.
        strides = [
            stride * dtype.itemsize if size > 1 and tensor.span else 0
            for size, stride in zip(tensor.shape, tensor.strides, strict=True)
        ]
        view = np.lib.stride_tricks.as_strided(numbers, tensor.shape, strides)
        if storage.dtype == "bfloat16":
            return (view.astype(np.uint32) << 16).view(np.float32)
        is_half = storage.dtype == "float16"
        return view.astype(np.float32 if is_half else dtype.newbyteorder("="))


def open_archive(path: str) -> Archive:
    """Opens a file that `torch.save` made of a state dict.

    A state dict may be the entry `state_dict`, `model_state_dict` or `model`
    of a dict with other plain things.

    Raises:
        ValueError: if the file is damaged, of another format, holds something
            else than a state dict, or tries to run something.

    References:
        torch/serialization.py of PyTorch 2.13, `_legacy_save` and `_save`.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(512)
            if start.startswith(b"PK"):
                return _open_zip(path, file)
            if start[257:262] == b"ustar":
                raise pickle.UnpicklingError(
                    "it is a tar archive, as PyTorch before 0.1.12 wrote"
                )
            return _open_stream(path, file)
    except pickle.UnpicklingError as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: str, reason: str) -> ValueError:
    return ValueError(
        "The file is not a state dict of PyTorch: tensors, their names, and "
        f"nothing to run. Received: {path} ({os.path.getsize(path)} bytes; "
        f"{reason}). Fetch it again, or save its weights as safetensors where "
        "it was made."
    )


def _open_zip(path: str, file: BinaryIO) -> Archive:
    members = _read_directory(file)
    descriptions = [name for name in members if name.endswith("/data.pkl")]
    if len(descriptions) != 1:
        raise pickle.UnpicklingError(
            f"a zip archive with {len(descriptions)} files data.pkl, not one"
        )
    root = descriptions[0].removesuffix("data.pkl")
    storages: dict[str, Storage] = {}
    description = _head(file, *_locate(file, members[descriptions[0]]))
    tensors = _find_tensors(unpickle.load(description, storages))
    begins = {}
    for key, storage in storages.items():
        member = members.get(f"{root}data/{key}")
        if member is None:
            raise pickle.UnpicklingError(f"its storage {key:.50} is missing")
        begins[key], size = _locate(file, member)
        _check_size(storage, size)
    byte_order = members.get(f"{root}byteorder")
    is_big = byte_order is not None and (
        _head(file, *_locate(file, byte_order)).read() == b"big"
    )
    return Archive(path, tensors, begins, ">" if is_big else "<")


def _read_directory(file: BinaryIO) -> dict[str, zipfile.ZipInfo]:
    """Returns the members of a zip archive, by name."""
    try:
        with zipfile.ZipFile(file) as archive:
            return {member.filename: member for member in archive.infolist()}
    # A field that is out of its range ends in any of these.
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        ValueError,
        struct.error,
    ) as error:
        raise pickle.UnpicklingError(str(error)) from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # A directory that begins before the file does.
        raise pickle.UnpicklingError("its directory is damaged") from error


def _locate(file: BinaryIO, member: zipfile.ZipInfo) -> tuple[int, int]:
    """Returns where the bytes of a member begin, and how many they are.

    PyTorch aligns the numbers by bytes that only a member's own header tells.
    Its checksum is not compared: PyTorch may leave it out.
    """
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        raise pickle.UnpicklingError(
            f"{member.filename} is compressed, as PyTorch never does"
        )
    if member.external_attr & 0x10:
        raise pickle.UnpicklingError(f"{member.filename} is a folder")
    is_utf8 = member.flag_bits & 0x800
    name = member.orig_filename.encode("utf-8" if is_utf8 else "cp437")
    # A damaged directory may move what it lists, before the begin even.
    file.seek(max(0, member.header_offset))
    header = file.read(30 + len(name))
    if (
        member.header_offset < 0
        or not header.startswith(b"PK\3\4")
        or header[30:] != name
    ):
        raise pickle.UnpicklingError(f"{member.filename} is not where it says")
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    begin = member.header_offset + 30 + name_length + extra_length
    if begin + member.file_size > file.seek(0, os.SEEK_END):
        raise pickle.UnpicklingError(f"{member.filename} ends too early")
    return begin, member.file_size


def _open_stream(path: str, file: BinaryIO) -> Archive:
    num_bytes = file.seek(0, os.SEEK_END)
    # Holds all five pickles, and whatever of the numbers comes with them.
    head = _head(file, 0, min(num_bytes, unpickle.MAX_BYTES))
    if unpickle.load(head) != _MAGIC_NUMBER:
        raise pickle.UnpicklingError("it does not begin as PyTorch's files do")
    version = unpickle.load(head)
    if version != _PROTOCOL_VERSION:
        raise pickle.UnpicklingError(f"it has version {version!s:.50}")
    unpickle.load(head)  # The machine. Numbers are always little-endian.
    storages: dict[str, Storage] = {}
    tensors = _find_tensors(unpickle.load(head, storages))
    keys = unpickle.load(head)
    if not isinstance(keys, list) or not all(
        isinstance(key, str) and key in storages for key in keys
    ):
        raise pickle.UnpicklingError("its list of storages names unknown ones")
    begins = {}
    position = head.tell()
    for key in keys:
        file.seek(position)
        count = file.read(8)
        if len(count) < 8:
            raise pickle.UnpicklingError("it ends too early")
        size = struct.unpack("<q", count)[0] * _item_size(storages[key])
        _check_size(storages[key], size)
        begins[key] = position + 8
        position = begins[key] + size
    if position > num_bytes or len(begins) < len(storages):
        raise pickle.UnpicklingError("it ends too early")
    return Archive(path, tensors, begins, "<")


def _find_tensors(content: Any) -> dict[str, Tensor]:
    """Returns the state dict that a file holds, by itself or wrapped."""
    if not isinstance(content, dict):
        raise pickle.UnpicklingError(f"it holds a {type(content).__name__}")
    if not any(isinstance(value, Tensor) for value in content.values()):
        for name in _WRAPPERS:
            if isinstance(content.get(name), dict):
                content = content[name]
                break
    for name, value in content.items():
        if not isinstance(value, Tensor):
            raise pickle.UnpicklingError(
                f"its entry {name:.100} is a {type(value).__name__}, no tensor"
            )
    return content


def _check_size(storage: Storage, num_bytes: int) -> None:
    if storage.num_elements * _item_size(storage) != num_bytes:
        raise pickle.UnpicklingError(
            f"its storage {storage.key:.50} claims {storage.num_elements} "
            f"numbers of {storage.dtype} and has {num_bytes} bytes"
        )


def _item_size(storage: Storage) -> int:
    return _numpy_type(storage.dtype).itemsize


def _numpy_type(name: str) -> np.dtype:
    return _NUMPY_TYPES.get(name) or np.dtype(name)


def _head(file: BinaryIO, begin: int, size: int) -> io.BytesIO:
    """Returns a part of a file that is small enough to hold a pickle."""
    if size > unpickle.MAX_BYTES:
        raise pickle.UnpicklingError(
            f"its description takes {size} bytes, more than "
            f"{unpickle.MAX_BYTES}"
        )
    file.seek(begin)
    return io.BytesIO(file.read(size))
