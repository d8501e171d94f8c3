"""What the readers of all file formats yield: records of text fields.

A reader takes a path, yields the names of the columns as its first record,
and then the rows. It checks what its format can get wrong; what holds for
every format is checked in `table_formats.py`.
"""

import enum
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import NamedTuple, TypeVar

_Content = TypeVar("_Content", bound=Sized)


class Kind(enum.Enum):
    """What a field was in its file; the value is how messages call it."""

    TEXT = "a text"
    NUMBER = "a number"
    BOOLEAN = "a boolean"
    NULL = "null"
    MISSING = "missing"
    NESTED = "a list or an object"
    OTHER = "a date, a time or bytes"


class Record(NamedTuple):
    """One row of a file, or the names of its columns.

    Args:
        line: The physical line on which it starts, counted from 1; None in a
            file without lines.
        fields: As text: numbers as they are spelt, booleans as `true` and
            `false`, null and missing values as "", lists and objects as JSON.
            Empty: a row with too few, see `TextFormat.keep_short_rows`.
        kinds: Of each field; None: all are texts.
        extra_keys: Names in this row that are no columns.
    """

    line: int | None
    fields: tuple[str, ...]
    kinds: tuple[Kind, ...] | None = None
    extra_keys: tuple[str, ...] = ()

    def in_order(self, order: Sequence[int]) -> "Record":
        """Returns the fields at these places."""
        fields = tuple(self.fields[i] for i in order)
        kinds = self.kinds and tuple(self.kinds[i] for i in order)
        return self._replace(fields=fields, kinds=kinds)


def place(path: str, row: int, line: int | None) -> str:
    """Returns where a row stands, as in "train.csv, row 2 (line 3)"."""
    return f"{path}, row {row}" + (f" (line {line})" if line else "")


def check_has_names(path: str, *, has_header: bool) -> None:
    """Refuses columns that are given by number, where all have names."""
    if not has_header:
        raise ValueError(
            "The columns of .jsonl and .parquet files must be given by name. "
            f"Received: a number, for {path}. Correct --text_column, "
            "--text_pair_column or --label_column."
        )


def drop_last_blanks(
    lines: Iterable[tuple[int, _Content]], path: str, *, num_headers: int
) -> Iterator[tuple[int, _Content]]:
    """Drops the blank lines at the end of a file, and refuses any other.

    Args:
        lines: Number of a line and what it holds; empty: a blank line.
        path: For messages.
        num_headers: Lines that are no data row, 0 or 1.
    """
    blank_line = None
    row = 1 - num_headers
    for line, content in lines:
        if not content:
            blank_line = blank_line or line
            continue
        if blank_line:
            raise ValueError(
                "A data file has a blank line between its rows. "
                f"Received: a blank line in {path}, line {blank_line} (before "
                f"row {max(row, 1)}). Delete the line, or fill it in."
            )
        yield line, content
        row += 1
