"""Texts to predict from standard input: one on each line, no header."""

from collections.abc import Iterator
from typing import BinaryIO

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.text_encoding import decode_blocks
from tf_bert.data.readers.unlabelled import Chunk

# As the value of `--predict_file`.
STANDARD_INPUT = "-"

_NAME = "standard input"


def iterate_lines(
    file: BinaryIO,
    *,
    has_pairs: bool,
    text_format: TextFormat | None = None,
) -> Iterator[Chunk]:
    """Yields the lines that are there, then those that come next.

    Args:
        file: Standard input, in bytes.
        has_pairs: Whether a line holds two texts, divided at a tab or at the
            delimiter of `text_format`. The columns are `text` and `text_pair`.
        text_format: Its encoding, UTF-8 if not given, and delimiter.

    Example:
        >>> import io
        >>> lines = io.BytesIO(b"Where is my card?\\nThanks\\n")
        >>> [c.texts for c in iterate_lines(lines, has_pairs=False)]
        [('Where is my card?', 'Thanks')]
    """
    text_format = text_format or TextFormat()
    separator = (text_format.separator or "\t") if has_pairs else None
    columns = ("text", "text_pair") if has_pairs else ("text",)
    number, num_rows, blank = 0, 0, None
    for lines in decode_blocks(file, text_format.encoding, _NAME):
        rows = []
        for line in lines:
            number += 1
            line = line.removesuffix("\n").removesuffix("\r")
            if not line:
                blank = blank or number
                continue
            if blank:
                raise _blank_error(blank)
            rows.append(_as_row(line, separator, number))
        if rows:
            num_rows += len(rows)
            texts, *pairs = zip(*rows, strict=True)
            yield Chunk(columns, rows, texts, pairs[0] if pairs else None)
    if not num_rows:
        raise ValueError(
            "There are no texts to predict (--predict_file=-). Received: "
            "nothing on standard input. Write one text to a line."
        )


def _as_row(line: str, separator: str | None, number: int) -> tuple[str, ...]:
    row = (line,) if separator is None else tuple(line.split(separator))
    if separator is not None and len(row) != 2:
        raise ValueError(
            f"A line does not hold two texts, divided at {separator!r}. "
            f"Received: {len(row)} in {_NAME}, line {number}. Correct the "
            "line, or pass --delimiter."
        )
    if not all(text.strip() for text in row):
        raise _blank_error(number)
    return row


def _blank_error(number: int) -> ValueError:
    return ValueError(
        "A line has no text; blank lines may stand at the very end only. "
        f"Received: none in {_NAME}, line {number}. Fill in the line, or "
        "delete it."
    )
