"""From bytes to lines of text: byte order marks, encodings, damaged `.gz`.

A byte order mark decides; else the encoding that is asked for, else UTF-8.
8-bit encodings cannot be told apart with certainty, so none is guessed: the
error shows how the line would read. Memory does not grow with the file.
"""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO

_BLOCK_BYTES = 2**14
# A line is held whole. No text is longer, but a small .gz file may be.
MAX_LINE_CHARACTERS = 2**24

# UTF-32's first: its mark for little endian starts with that of UTF-16.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_LONGEST_MARK = max(map(len, _BYTE_ORDER_MARKS))

# What is often given the name of a text file, and what to do then.
_OTHER_FILES = {
    b"\x1f\x8b": "a gzip file. Add .gz to its name",
    b"PK\x03\x04": "a zip archive or a spreadsheet. Save it as 'CSV UTF-8'",
    b"\xd0\xcf\x11\xe0": "a spreadsheet. Save it as 'CSV UTF-8'",
}


def decode_lines(
    file: BinaryIO, encoding: str | None, name: str
) -> Iterator[str]:
    """Yields the lines of a file, each with its "\\n".

    Args:
        file: Of `data_files.open_decompressed`.
        encoding: See `TextFormat`.
        name: Of the file, for messages.
    """
    for lines in decode_blocks(file, encoding, name):
        yield from lines


def decode_blocks(
    file: BinaryIO, encoding: str | None, name: str
) -> Iterator[list[str]]:
    """Yields the same lines as they come in: a few, then the next few.

    Waits for no more bytes than are there, as standard input needs it.
    """
    block = _read_head(file, name)
    codec, length = _find_encoding(block, encoding, name)
    block = block[length:]
    decoder = codecs.getincrementaldecoder(codec)()
    number = 1  # Of the line that `pending` starts.
    pending: list[str] = []
    num_pending = 0
    while True:
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise _decode_error(error, codec, encoding, name, number) from error
        first, *others = text.split("\n")
        pending.append(first)
        num_pending += len(first)
        if num_pending > MAX_LINE_CHARACTERS:
            raise _long_line_error(name, number)
        if others:
            *complete, rest = ["".join(pending), *others]
            pending, num_pending = [rest], len(rest)
            number += len(complete)
            yield [line + "\n" for line in complete]
        if not block:
            break
        block = _read_block(file, name)
    if num_pending:
        yield ["".join(pending)]


def _read_head(file: BinaryIO, name: str) -> bytes:
    """Reads as much as a byte order mark needs, at least."""
    head = b""
    while len(head) < _LONGEST_MARK and (block := _read_block(file, name)):
        head += block
    return head


def _read_block(file: BinaryIO, name: str) -> bytes:
    try:
        return file.read1(_BLOCK_BYTES)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            "The .gz file is damaged. Received: "
            f"path={name!r} ({error}). Fetch or compress the file again."
        ) from error


def _find_encoding(
    head: bytes, encoding: str | None, name: str
) -> tuple[str, int]:
    """Returns the encoding of a file and the length of its mark."""
    for mark, marked in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return marked, len(mark)
    for start, what in _OTHER_FILES.items():
        if head.startswith(start):
            raise ValueError(
                f"The data file is not a text file. Received: path={name!r}, "
                f"which is {what}."
            )
    if encoding is not None:
        return encoding, 0
    for candidate in ("utf-16-le", "utf-16-be"):
        if _looks_like(candidate, head):
            raise ValueError(
                "A data file is UTF-16 without a byte order mark. "
                f"Received: {name}, whose every second byte is 0, as in "
                f"{candidate.upper()}. Pass --encoding={candidate}, or convert "
                "the file to UTF-8."
            )
    return "utf-8", 0


def _looks_like(utf_16: str, head: bytes) -> bool:
    """Whether all line ends are two bytes, and zeros at their place only."""
    head = head[: len(head) // 2 * 2]
    zero = "\n".encode(utf_16).index(0)
    num_zeros = head[zero::2].count(0)
    if num_zeros == 0 or head[1 - zero :: 2].count(0):
        return False
    num_ends = head.count(b"\n")
    if num_ends == 0:
        return num_zeros > len(head) / 4
    return (
        head[1 - zero :: 2].count(b"\n")
        == num_ends
        == head.count("\n".encode(utf_16))
    )


def _decode_error(
    error: UnicodeDecodeError,
    codec: str,
    encoding: str | None,
    name: str,
    number: int,
) -> ValueError:
    data, at = bytes(error.object), error.start
    number += data[:at].decode(codec, "replace").count("\n")
    received = f"Received: byte 0x{data[at]:02x} in {name}, line {number}."
    if encoding is not None or codec != "utf-8":
        return ValueError(
            f"A data file is not text in {codec}. {received} "
            "Correct --encoding, or convert the file to UTF-8."
        )
    start = max(data.rfind(b"\n", 0, at) + 1, at - 30)
    end = data.find(b"\n", at, at + 30)
    part = data[start : end if end >= 0 else at + 30]
    reading = part.decode("cp1252", "replace").strip()
    return ValueError(
        f"A data file is not UTF-8 text. {received} Convert the file to UTF-8 "
        "(in a spreadsheet: save as 'CSV UTF-8'), or name its encoding: with "
        "--encoding=cp1252 (Windows, Western Europe; nearly the same: "
        f"--encoding=latin-1) the line reads {reading!r}."
    )


def _long_line_error(name: str, number: int) -> ValueError:
    return ValueError(
        f"A line is longer than {MAX_LINE_CHARACTERS:,} characters. "
        f"Received: {name}, line {number}. Write one row to a line, ended by "
        "'\\n'."
    )
