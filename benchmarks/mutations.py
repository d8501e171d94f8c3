"""Ways to damage a file, for `fuzz_readers.py`.

Each takes a generator and bytes, and returns other bytes. Those that know a
format leave the rest of a file whole, so that the damage is read and not
refused at the door.
"""

import io
import json
import pickletools
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import torch_files

Mutation = Callable[[random.Random, bytes], bytes]

_NUMBERS = (
    *(0, 1, -1, 7, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1),
    *(10**9, 10**18, 2**62, 2**63 - 1, -(2**63), 2**64 - 1),
)
_TEXTS = (
    *("", "0", "-1", "1e999", "NaN", "null", "true", str(10**18), "9" * 5000),
    *('"', "'", "\\", ",", "\t", "\n", "\r", "\r\n", "\0", "\ufeff", "\ud800"),
    *("{", "}", "[" * 2000, "]", '{"a":' * 2000, "../x", "é", "😀", "x" * 300),
)
_JSON_VALUES = (
    *(None, True, False, 0, -1, 1.5, 2**31, 10**18, 10**30, "", "F16", "BF16"),
    *("x" * 99, "\ud800", [], {}, [[]], [None], {"": 0}, [10**18, 10**18]),
    *([2**32, 2**32], [0, 4], [-1], "BPE", "[UNK]", "Sequence"),
)


def damage(rng: random.Random, data: bytes) -> bytes:
    """Damages bytes of any meaning in one to four places."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(_BYTE_MUTATIONS)(rng, data)
    return data


def damage_safetensors(rng: random.Random, data: bytes) -> bytes:
    """Changes one place of the header; its length is right again."""
    (length,) = struct.unpack("<Q", data[:8])
    header = _change_json(rng, data[8 : 8 + length])
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def damage_json(rng: random.Random, data: bytes) -> bytes:
    """Changes one place of a JSON document."""
    return _change_json(rng, data)


def damage_json_lines(rng: random.Random, data: bytes) -> bytes:
    """Changes one place of one line, which is a JSON document."""
    lines = data.split(b"\n")
    i = rng.choice([i for i, line in enumerate(lines) if b"{" in line])
    start = lines[i].index(b"{")  # Behind a byte order mark.
    lines[i] = lines[i][:start] + _change_json(rng, lines[i][start:])
    return b"\n".join(lines)


def damage_used_bytes(rng: random.Random, data: bytes) -> bytes:
    """Puts a number where the file is not zero, as most of an HDF5 file is."""
    i = rng.choice([i for i, byte in enumerate(data) if byte])
    size = rng.choice((1, 1, 2, 4, 8))
    number = rng.choice(_NUMBERS) % (1 << 8 * size)
    return data[:i] + number.to_bytes(size, "little") + data[i + size :]


def damage_zip(rng: random.Random, data: bytes) -> bytes:
    """Changes one member of a zip archive of PyTorch's, or its name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [
            [info.filename, archive.read(info), zipfile.ZIP_STORED]
            for info in archive.infolist()
        ]
    # Mostly the first: the description.
    member = members[0] if rng.random() < 0.8 else rng.choice(members)
    kind = rng.random()
    if kind < 0.6 and member is members[0]:
        member[1] = _change_pickle(rng, member[1])
    elif kind < 0.85:
        member[1] = damage(rng, member[1])
    elif kind < 0.95:
        name = damage(rng, member[0].encode()).decode("utf-8", "ignore")
        # A name ends at NUL, and the writer has no empty ones.
        member[0] = name.partition("\0")[0] or "x"
    else:
        member[2] = zipfile.ZIP_DEFLATED
    stream = io.BytesIO()
    torch_files.write_zip(stream, [tuple(member) for member in members])
    return stream.getvalue()


def damage_stream(rng: random.Random, data: bytes) -> bytes:
    """Changes one of the pickles that a stream of PyTorch's begins with."""
    stream = io.BytesIO(data)
    ends = [0]
    for _ in range(5):
        for _ in pickletools.genops(stream):
            pass
        ends.append(stream.tell())
    i = rng.choice((0, 1, 2, 3, 3, 3, 3, 4))
    changed = _change_pickle(rng, data[ends[i] : ends[i + 1]])
    return data[: ends[i]] + changed + data[ends[i + 1] :]


def _change_pickle(rng: random.Random, data: bytes) -> bytes:
    """Removes, doubles, moves or replaces one instruction of a pickle."""
    starts = [position for _, _, position in pickletools.genops(data)]
    ends = [*starts[1:], len(data)]
    pieces = [data[a:b] for a, b in zip(starts, ends, strict=True)]
    i = rng.randrange(len(pieces))
    kind = rng.randrange(5)
    if kind == 0:
        del pieces[i]
    elif kind == 1:
        pieces.insert(i, pieces[i])
    elif kind == 2:
        pieces.insert(rng.randrange(len(pieces)), pieces.pop(i))
    elif kind == 3:
        pieces[i] = torch_files.integer(rng.choice(_NUMBERS))
    else:
        code = rng.choice(pickletools.opcodes).code.encode("latin-1")
        operand = rng.randbytes(rng.choice((0, 0, 1, 4, 8)))
        pieces.insert(i, (code + operand) * rng.choice((1, 1, 1, 50)))
    return b"".join(pieces)


def _change_json(rng: random.Random, data: bytes) -> bytes:
    content = json.loads(data)
    places = list(_places(content))
    parent, key = rng.choice(places)
    kind = rng.randrange(4)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[str(rng.choice(_TEXTS))] = parent.pop(key)
    elif kind == 2:
        other, other_key = rng.choice(places)
        parent[key] = json.loads(json.dumps(other[other_key]))
    else:
        parent[key] = rng.choice(_JSON_VALUES)
    return json.dumps(content).encode()


def _places(content: Any):
    """Yields every (container, key) of a JSON document."""
    items = content.items() if isinstance(content, dict) else []
    if isinstance(content, list):
        items = enumerate(content)
    for key, value in items:
        yield content, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _flip_bits(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _insert(rng: random.Random, data: bytes) -> bytes:
    i = rng.randint(0, len(data))
    return data[:i] + rng.randbytes(rng.choice((1, 2, 8, 100))) + data[i:]


def _delete(rng: random.Random, data: bytes) -> bytes:
    i = rng.randint(0, len(data))
    return data[:i] + data[i + rng.choice((1, 2, 8, 100)) :]


def _truncate(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randint(0, len(data))]


def _repeat(rng: random.Random, data: bytes) -> bytes:
    i = rng.randint(0, len(data))
    piece = data[i : i + rng.choice((1, 8, 64, 512))]
    j = rng.randint(0, len(data))
    return data[:j] + piece * rng.choice((1, 2, 50)) + data[j:]


def _put_number(rng: random.Random, data: bytes) -> bytes:
    size = rng.choice((1, 2, 4, 8))
    number = rng.choice(_NUMBERS) % (1 << 8 * size)
    i = rng.randint(0, len(data))
    replaced = rng.choice((0, size))
    return data[:i] + number.to_bytes(size, "little") + data[i + replaced :]


def _put_text(rng: random.Random, data: bytes) -> bytes:
    text = rng.choice(_TEXTS).encode("utf-8", "surrogatepass")
    i = rng.randint(0, len(data))
    return data[:i] + text + data[i + rng.choice((0, len(text))) :]


_BYTE_MUTATIONS: tuple[Mutation, ...] = (
    _flip_bits,
    _flip_bits,
    _insert,
    _delete,
    _truncate,
    _repeat,
    _put_number,
    _put_number,
    _put_text,
)
