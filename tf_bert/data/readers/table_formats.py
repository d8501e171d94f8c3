"""Tables of text in files of any format, one row at a time.

Memory does not grow with the files. What a column means is not known here.
To add a format: a reader in a module of its own, and a row in `_FORMATS`.
"""

import collections
import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers import delimited, json_lines, parquet_files
from tf_bert.data.readers.data_files import find_files
from tf_bert.data.readers.records import Kind, Record, place

# Called with path, has_header=, text_format=; see `records.py`.
_Reader = Callable[..., Iterator[Record]]

_DIVIDED_FORMATS: dict[str, _Reader] = {
    ".csv": delimited.read_csv,
    ".tsv": delimited.read_tsv,
    ".txt": delimited.read_tsv,
}
_TEXT_FORMATS: dict[str, _Reader] = {
    **_DIVIDED_FORMATS,
    ".jsonl": json_lines.read_json_lines,
    ".ndjson": json_lines.read_json_lines,
}
_FORMATS: dict[str, _Reader] = {
    **_TEXT_FORMATS,
    **{f"{name}.gz": reader for name, reader in _TEXT_FORMATS.items()},
    ".parquet": parquet_files.read_parquet,
}


def has_encoding(path: str) -> bool:
    """Whether a file is one of text, by its name."""
    return _is_of(path, _TEXT_FORMATS)


def has_delimiter(path: str) -> bool:
    """Whether a delimiter divides the fields of a file, by its name."""
    return _is_of(path, _DIVIDED_FORMATS)


def _is_of(path: str, formats: Mapping[str, _Reader]) -> bool:
    return path.lower().removesuffix(".gz").endswith(tuple(formats))


class Row(NamedTuple):
    """One data row.

    Args:
        number: Counted from 1 through all files; headers are not counted.
        path: The file that it stands in.
        number_in_file: Its number there.
        line: As in `Record`, like the others.
        fields: As many strings as the table has columns.
    """

    number: int
    path: str
    number_in_file: int
    line: int | None
    fields: tuple[str, ...]
    kinds: tuple[Kind, ...] | None
    extra_keys: tuple[str, ...]

    @property
    def place(self) -> str:
        """File, row and line, for a message."""
        return place(self.path, self.number_in_file, self.line)


@dataclasses.dataclass(frozen=True)
class Table:
    """Data whose columns are known; made by `open_table`.

    Args:
        path: Local or remote (`gs://`) path, or a pattern.
        files: The files that it stands for; one or more.
        columns: Names in the first file, or `column_1`, `column_2`, ...
        begun: At most one element: the rows of the first file, which was
            opened for its columns. Whoever reads them first takes them, so
            that a file that is read once is opened once.
    """

    path: str
    files: tuple[str, ...]
    columns: tuple[str, ...]
    has_header: bool
    text_format: TextFormat = TextFormat()
    begun: list[Iterator[Record]] = dataclasses.field(
        default_factory=list, repr=False, compare=False
    )

    def column_index(self, column: str) -> int:
        """Returns the position of a name or (no header) number, from 0."""
        name = column if self.has_header else f"column_{int(column)}"
        if name in self.columns:
            return self.columns.index(name)
        if self.has_header:
            choices = ", ".join(map(repr, self.columns))
        else:
            choices = f"1 to {len(self.columns)}, counted from 1"
        raise ValueError(
            "There is no such column. Received: "
            f"column={column!r} for {self.path} (columns: {choices}). Correct "
            "--text_column, --text_pair_column, --label_column or "
            "--group_column, or --delimiter if the columns of a text file are "
            "not divided."
        )

    def rows(self, *, short_rows: list[int] | None = None) -> Iterator[Row]:
        """Yields the data rows in file order; each call reads from the start.

        Args:
            short_rows: If given, rows with too few fields are left out, and
                their numbers are appended to it. None: they are errors.
        """
        number = 0
        keep_short_rows = short_rows is not None
        for path in self.files:
            if self.begun and path == self.files[0] and not keep_short_rows:
                records, columns = self.begun.pop(), self.columns
            else:
                records = _read(path, self, keep_short_rows=keep_short_rows)
                columns = next(records).fields
            with contextlib.closing(records):
                order = self._column_order(path, columns)
                for number_in_file, record in enumerate(records, start=1):
                    number += 1
                    if not record.fields:
                        short_rows.append(number)
                        continue
                    if order:
                        record = record.in_order(order)
                    yield Row(number, path, number_in_file, *record)
        if number == 0:
            raise ValueError(
                "The data file has no row below its header. "
                f"Received: path={self.path!r}, which has the header only. "
                "Add rows, or give the columns by number (--text_column=1) "
                "if the file has no header."
            )

    def _column_order(
        self, path: str, columns: tuple[str, ...]
    ) -> list[int] | None:
        """Where the table's columns are in a file; None: at their places."""
        if columns == self.columns:
            return None
        if self.has_header and sorted(columns) == sorted(self.columns):
            return [columns.index(name) for name in self.columns]
        raise ValueError(
            "The files of a pattern have different columns. Received: "
            f"{', '.join(map(repr, self.columns))} in {self.files[0]}, "
            f"{', '.join(map(repr, columns))} in {path}. Correct the files, or "
            "the pattern."
        )


def open_table(
    path: str | os.PathLike,
    *,
    has_header: bool,
    text_format: TextFormat | None = None,
) -> Table:
    """Reads the columns of a data file, and no data row.

    Args:
        path: Local or remote path with an extension of `_FORMATS`; or a
            pattern of such names (`part-*.csv`), whose files are read in the
            order of their names.
        has_header: Whether the columns have names; see `uses_header`.
        text_format: How text files are written; None: to be detected.
    """
    path = os.fspath(path)
    files = find_files(path)
    table = Table(path, files, (), has_header, text_format or TextFormat())
    records = _read(files[0], table)
    table = dataclasses.replace(
        table, columns=_take_columns(records, files[0]), begun=[records]
    )
    for other in files[1:]:
        with contextlib.closing(_read(other, table)) as others:
            table._column_order(other, _take_columns(others, other))
    return table


def uses_header(columns: Mapping[str, str | None]) -> bool:
    """Says whether columns are given by name, and so whether there is a header.

    Args:
        columns: Flag name to column: a name of the header, or digits for a
            number counted from 1 in a file without a header. None: not used.
    """
    given = {flag: name for flag, name in columns.items() if name is not None}
    is_number = {n.isascii() and n.isdigit() for n in given.values()}
    is_void = any(name.strip("0") == "" for name in given.values())
    if len(is_number) == 1 and not is_void:
        return not is_number.pop()
    received = ", ".join(f"{flag}={name!r}" for flag, name in given.items())
    raise ValueError(
        "Columns must be given all by name (the file has a header) or all by "
        "number, counted from 1 (it has none). Received: "
        f"{received}. Correct "
        + " or ".join(f"--{flag}" for flag in given)
        + "."
    )


def _read(
    path: str, table: Table, *, keep_short_rows: bool = False
) -> Iterator[Record]:
    """Returns the records of one file: its columns first, then its rows."""
    text_format = table.text_format
    if keep_short_rows:
        text_format = dataclasses.replace(text_format, keep_short_rows=True)
    name = os.path.basename(path).lower()
    for extension, reader in _FORMATS.items():
        if name.endswith(extension):
            return reader(
                path, has_header=table.has_header, text_format=text_format
            )
    raise ValueError(
        f"The name of a data file must end in one of {', '.join(_FORMATS)}. "
        f"Received: path={path!r}. Convert or rename the file (a spreadsheet: "
        "save it as 'CSV UTF-8'; a JSON array: one object to a line of "
        ".jsonl), or correct the --*_file flag that names it."
    )


def _take_columns(records: Iterator[Record], path: str) -> tuple[str, ...]:
    first = next(records, None)
    if first is None:
        raise ValueError(
            f"The data file is empty. Received: path={path!r}. Write the file "
            "again, or correct --data_dir or the --*_file flag that names it."
        )
    counts = collections.Counter(first.fields)
    repeated = [repr(name) for name, count in counts.items() if count > 1]
    if repeated:
        raise ValueError(
            "Two columns of a header have one name. Received: "
            f"{', '.join(repeated)} more than once in {path}. Rename the "
            "columns or, if the file has no header, give them by number "
            "(--text_column=1)."
        )
    return first.fields
