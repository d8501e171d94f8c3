"""The readers that `fuzz_readers.py` feeds, and other readings to compare."""

import dataclasses
import functools
import io
import json
import os
import pathlib
import struct
import tempfile
from collections.abc import Callable
from typing import Any

import fuzzed_tables
import h5py
import mutations
import numpy as np
import safetensors.numpy
import torch_files

from tf_bert.checkpoints import h5_format, safetensors_format
from tf_bert.checkpoints.torch import pytorch_format
from tf_bert.checkpoints.weights import Weights
from tf_bert.data.tokens import serialized_tokenizer, tokenizer_files
from tf_bert.data.tokens.tokenizer_settings import TokenizerSettings


@dataclasses.dataclass(frozen=True)
class Reader:
    """What is fuzzed.

    Attributes:
        file: name that the damaged file gets.
        seeds: returns good files, each with a mutation that knows it.
        read: reads the file at a path; its value is comparable.
        expect: reads the same bytes in another way; None where that has no
            opinion.
    """

    file: str
    seeds: Callable[[], list[tuple[bytes, mutations.Mutation]]]
    read: Callable[[str], Any]
    expect: Callable[[bytes], Any]


def _plain(arrays: dict[str, np.ndarray]) -> list[tuple]:
    """Makes arrays comparable; without names, which readers may normalise."""
    plain = []
    for array in arrays.values():
        if array.dtype.kind == "f":
            # A conversion may change the payload of a NaN.
            array = np.where(np.isnan(array), np.nan, array).astype(array.dtype)
        plain.append((array.shape, array.dtype.name, array.tobytes()))
    return sorted(plain)


def _read_all(weights: Weights) -> list[tuple]:
    return _plain({name: weights.read(name) for name in weights.shapes})


_ARRAYS = {
    "bert.embeddings.word_embeddings.weight": np.arange(
        12, dtype=np.float32
    ).reshape(4, 3),
    "bert.encoder.layer.0.output.dense.bias": np.array([0.5, 2], np.float16),
    "bert.pooler.dense.weight": np.ones((3, 3), np.float64),
    "position_ids": np.arange(5, dtype=np.int64)[None],
}


@functools.cache
def _safetensors_seeds() -> list[tuple[bytes, mutations.Mutation]]:
    files = [
        safetensors.numpy.save(_ARRAYS, metadata={"format": "pt"}),
        safetensors.numpy.save({"a": np.zeros((0, 2), np.int8)}),
    ]
    return [(data, mutations.damage_safetensors) for data in files]


def _expect_safetensors(data: bytes) -> list[tuple] | None:
    types = {"F64": "f8", "F32": "f4", "F16": "f2", "BOOL": "?"}
    types |= {f"I{8 * n}": f"i{n}" for n in (1, 2, 4, 8)}
    types |= {f"U{8 * n}": f"u{n}" for n in (1, 2, 4, 8)}
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    if any(entry["dtype"] not in types for entry in header.values()):
        return None
    arrays = {}
    for name, entry in header.items():
        begin, end = (8 + length + x for x in entry["data_offsets"])
        array = np.frombuffer(data[begin:end], types[entry["dtype"]])
        arrays[name] = array.reshape(entry["shape"])
    return _plain(arrays)


@functools.cache
def _bin_seeds() -> list[tuple[bytes, mutations.Mutation]]:
    files = []
    for is_zip in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x")
            torch_files.write_arrays(path, _ARRAYS, is_zip=is_zip)
            damage = mutations.damage_zip if is_zip else mutations.damage_stream
            files.append((path.read_bytes(), damage))
    return files


def expect_torch(data: bytes) -> list[tuple] | None:
    """Returns what PyTorch reads, None where it refuses."""
    import torch

    try:
        content = torch.load(io.BytesIO(data), weights_only=True)
    except Exception:  # Whatever it is: no opinion.
        return None
    if not isinstance(content, dict) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        return None
    return _plain(
        {
            name: (
                tensor.float()
                if tensor.dtype in (torch.float16, torch.bfloat16)
                else tensor
            ).numpy()
            for name, tensor in content.items()
        }
    )


@functools.cache
def _h5_seeds() -> list[tuple[bytes, mutations.Mutation]]:
    floats = {n: a for n, a in _ARRAYS.items() if a.dtype.kind == "f"}
    files = []
    for libver in ("earliest", "latest"):  # Two ways to write the tables.
        stream = io.BytesIO()
        with h5py.File(stream, "w", libver=libver) as file:
            for name, array in floats.items():
                path = name.replace(".", "/")
                file[f"{path.split('/')[0]}/model/{path}:0"] = array
        files.append(stream.getvalue())
    return [(data, mutations.damage_used_bytes) for data in files]


def _expect_h5(data: bytes) -> list[tuple] | None:
    arrays = {}

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset) and node.shape is not None:
            arrays[name] = node[()]

    try:
        file = h5py.File(io.BytesIO(data), "r")
    except OSError:
        # HDF5 looks for a driver's own block where it does not read a disk.
        return None
    with file:
        file.visititems(visit)
    return _plain(arrays)


@functools.cache
def _tokenizer_seeds() -> list[tuple[bytes, mutations.Mutation]]:
    pieces = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "é")
    content = serialized_tokenizer.serialize(TokenizerSettings(pieces))
    bare = {k: content[k] for k in ("normalizer", "pre_tokenizer", "model")}
    return [
        (json.dumps(value).encode(), mutations.damage_json)
        for value in (content, bare)
    ]


def _read_tokenizer(path: str) -> list[Any]:
    settings = tokenizer_files.read_tokenizer_settings(os.path.dirname(path))
    return [
        list(settings.vocabulary),
        settings.do_lower_case,
        settings.strip_accents,
        settings.tokenize_chinese_chars,
        settings.unk_token,
    ]


def _expect_tokenizer(data: bytes) -> list[Any]:
    content = json.loads(data)
    normalizer, model = content["normalizer"], content["model"]
    return [
        [token for token, _ in sorted(model["vocab"].items(), key=_second)],
        normalizer.get("lowercase", True),
        normalizer.get("strip_accents"),
        normalizer.get("handle_chinese_chars", True),
        model.get("unk_token", "[UNK]"),
    ]


def _second(pair: tuple[str, int]) -> int:
    return pair[1]


READERS = {
    "safetensors": Reader(
        file="model.safetensors",
        seeds=_safetensors_seeds,
        read=lambda path: _read_all(safetensors_format.read(path)),
        expect=_expect_safetensors,
    ),
    "bin": Reader(
        file="pytorch_model.bin",
        seeds=_bin_seeds,
        read=lambda path: _read_all(pytorch_format.read(path)),
        expect=lambda data: None,
    ),
    "h5": Reader(
        file="tf_model.h5",
        seeds=_h5_seeds,
        read=lambda path: _read_all(h5_format.read(path)),
        expect=_expect_h5,
    ),
    "csv": Reader(
        file="train.csv",
        seeds=fuzzed_tables.csv_seeds,
        read=fuzzed_tables.read_table,
        expect=fuzzed_tables.expect_csv,
    ),
    "jsonl": Reader(
        file="train.jsonl",
        seeds=fuzzed_tables.jsonl_seeds,
        read=fuzzed_tables.read_jsonl,
        expect=fuzzed_tables.expect_jsonl,
    ),
    "parquet": Reader(
        file="train.parquet",
        seeds=fuzzed_tables.parquet_seeds,
        read=fuzzed_tables.read_table,
        expect=fuzzed_tables.expect_parquet,
    ),
    "tokenizer_json": Reader(
        file="tokenizer.json",
        seeds=_tokenizer_seeds,
        read=_read_tokenizer,
        expect=_expect_tokenizer,
    ),
}
