"""Texts to predict, a chunk at a time: memory does not grow with the file."""

import collections
import dataclasses
import itertools
from collections.abc import Iterator

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.columns import check_texts, open_with_columns
from tf_bert.data.readers.table_formats import Row, Table

# A chunk ends earlier where its rows are long documents.
_CHUNK_ROWS = 4096
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


@dataclasses.dataclass(frozen=True)
class UnlabelledFile:
    """A file to predict. A column of labels is one like any other.

    Args:
        path: A file or a pattern; see `table_formats.open_table`.
        text_column: Name in the header, or digits: the number of the column,
            counted from 1, in a file without a header.
        text_pair_column: The same for the second text; None: single texts.
    """

    path: str
    text_column: str
    text_pair_column: str | None = None
    text_format: TextFormat | None = None

    def chunks(self, *, allow_empty_texts: bool = False) -> Iterator[Chunk]:
        """Yields the rows in file order, each in one chunk.

        Args:
            allow_empty_texts: For those who look for rows without a text.

        Raises:
            ValueError: A row is wrong; those before it have been yielded.
        """
        table, indices = open_with_columns(
            self.path,
            self.text_format,
            text_column=self.text_column,
            text_pair_column=self.text_pair_column,
        )
        rows: list[tuple[str, ...]] = []
        num_characters = 0
        for row in table.rows():
            if not allow_empty_texts:
                check_texts(table, row, indices)
            _check_is_complete(table, row)
            rows.append(row.fields)
            num_characters += sum(map(len, row.fields))
            if (
                len(rows) == _CHUNK_ROWS
                or num_characters > _MAX_CHUNK_CHARACTERS
            ):
                yield _as_chunk(table, rows, indices)
                rows, num_characters = [], 0
        if rows:
            yield _as_chunk(table, rows, indices)

    def check(self) -> None:
        """Reads the file to its end, to find what `chunks` would raise."""
        collections.deque(self.chunks(), maxlen=0)

    def chunks_ahead(self) -> Iterator[Chunk]:
        """Returns the same chunks, the first megabytes of which are read.

        So a wrong row of a file of usual size is found before anything is
        predicted, although the file is read only once.
        """
        chunks = self.chunks()
        held: collections.deque[Chunk] = collections.deque()
        num_characters = 0
        for chunk in chunks:
            held.append(chunk)
            num_characters += len(chunk.rows) * _CHARACTERS_OF_ROW
            num_characters += sum(map(len, itertools.chain(*chunk.rows)))
            if num_characters > _AHEAD_CHARACTERS:
                break
        return _hand_out(held, chunks)


def _hand_out(
    held: collections.deque[Chunk], chunks: Iterator[Chunk]
) -> Iterator[Chunk]:
    while held:
        yield held.popleft()
        held.extend(itertools.islice(chunks, 1))


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
