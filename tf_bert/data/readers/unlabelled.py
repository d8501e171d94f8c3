"""Rows to predict, a few at a time: memory does not grow with their number."""

import collections
import dataclasses
import itertools
from collections.abc import Iterator

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.columns import check_texts, open_with_columns
from tf_bert.data.readers.table_formats import Row, Table

# A chunk ends earlier where its rows are long documents.
_MAX_CHUNK_CHARACTERS = 2**21
# What is read ahead, some 20,000 sentences or 2,000 documents; a row takes as
# much memory as so many characters more.
_AHEAD_CHARACTERS = 2**22
_CHARACTERS_OF_ROW = 128


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Some consecutive rows of a file to predict.

    Args:
        columns: Names in the header, or `column_1`, `column_2`, ...
        rows: The fields of each row, unchanged, in the order of `columns`.
        texts: One per row.
        text_pairs: One per row, or None for single texts.
    """

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    texts: tuple[str, ...]
    text_pairs: tuple[str, ...] | None


def iterate_unlabelled(
    path: str,
    *,
    text_column: str,
    text_pair_column: str | None = None,
    text_format: TextFormat | None = None,
    chunk_rows: int = 4096,
    allow_empty_texts: bool = False,
) -> Iterator[Chunk]:
    """Yields the rows of a file to predict, a few at a time.

    A label column may be there or not: it is a column like any other.

    Args:
        path: A file or a pattern; see `table_formats.open_table`.
        text_column: Name in the header, or digits: the number of the column,
            counted from 1, in a file without a header.
        text_pair_column: The same for the second text; None: single texts.
        text_format: How a text file is written; None: to be detected.
        chunk_rows: At least 1. Rows per chunk; the last may have fewer, and
            so may those with very long rows.
        allow_empty_texts: Whether a row may have no text, for those who look
            for such rows.

    Yields:
        `Chunk`, in file order. Each input row is in one of them.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: `chunk_rows` is below 1, or a row is wrong. Rows before
            it have been yielded by then: see `check_unlabelled`.
    """
    if chunk_rows < 1:
        raise ValueError(
            "`chunk_rows` must be an integer >= 1. Received: "
            f"chunk_rows={chunk_rows}. Pass the number of rows of a chunk."
        )
    table, indices = open_with_columns(
        path,
        text_format,
        text_column=text_column,
        text_pair_column=text_pair_column,
    )
    rows: list[tuple[str, ...]] = []
    num_characters = 0
    for row in table.rows():
        if not allow_empty_texts:
            check_texts(table, row, indices)
        _check_is_complete(table, row)
        rows.append(row.fields)
        num_characters += sum(map(len, row.fields))
        if len(rows) == chunk_rows or num_characters > _MAX_CHUNK_CHARACTERS:
            yield _as_chunk(table, rows, indices)
            rows, num_characters = [], 0
    if rows:
        yield _as_chunk(table, rows, indices)


def read_ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Reads at once what is handed out later, up to some size.

    So a wrong row of a file of usual size is found before anything is
    predicted, although the file is read only once.

    Args:
        chunks: of `iterate_unlabelled`.

    Returns:
        The same chunks.

    Raises:
        ValueError, FileNotFoundError: What is read here is wrong.
    """
    held: collections.deque[Chunk] = collections.deque()
    num_characters = 0
    for chunk in chunks:
        held.append(chunk)
        num_characters += len(chunk.rows) * _CHARACTERS_OF_ROW
        num_characters += sum(map(len, itertools.chain(*chunk.rows)))
        if num_characters > _AHEAD_CHARACTERS:
            break
    return _handed_out(held, chunks)


def _handed_out(
    held: collections.deque[Chunk], chunks: Iterator[Chunk]
) -> Iterator[Chunk]:
    while held:
        yield held.popleft()
        held.extend(itertools.islice(chunks, 1))


def check_unlabelled(
    path: str,
    *,
    text_column: str,
    text_pair_column: str | None = None,
    text_format: TextFormat | None = None,
) -> int:
    """Reads a file to predict from end to end and keeps nothing of it.

    So that a wrong row is found before the first prediction is computed.

    Args:
        path: See `iterate_unlabelled`, as for the others.
        text_column: Name or number.
        text_pair_column: Name or number, or None.
        text_format: Or None.

    Returns:
        The number of data rows, at least 1.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A row is wrong.
    """
    chunks = iterate_unlabelled(
        path,
        text_column=text_column,
        text_pair_column=text_pair_column,
        text_format=text_format,
    )
    return sum(len(chunk.rows) for chunk in chunks)


def _check_is_complete(table: Table, row: Row) -> None:
    """Refuses values that would be in no column of the output."""
    if row.extra_keys:
        raise ValueError(
            "The first object of a file to predict must have all the keys: "
            "they are the columns of the output. Received: "
            f"{', '.join(map(repr, row.extra_keys))} in {row.place}, too "
            f"(columns: {', '.join(map(repr, table.columns))}). Add the key "
            "to the first object, with null, or delete it here."
        )


def _as_chunk(
    table: Table, rows: list[tuple[str, ...]], indices: list[int]
) -> Chunk:
    texts, *pairs = (tuple(row[i] for row in rows) for i in indices)
    return Chunk(table.columns, rows, texts, pairs[0] if pairs else None)
