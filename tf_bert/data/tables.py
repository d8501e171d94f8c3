"""Rows of `.csv`, `.tsv` and `.txt` files, one at a time.

Memory does not grow with the file. What a column means is not known here.

`.csv` is read with ordinary CSV quoting: a field in double quotes may hold
commas and line breaks. In `.tsv` and `.txt` a quote is a character like any
other, and a row ends at "\\n" and nowhere else: a lone carriage return or
another Unicode line separator stays inside its field.
"""

import codecs
import collections
import contextlib
import csv
import dataclasses
import io
import os
from collections.abc import Iterable, Iterator, Mapping

from tf_bert import gfile_io

# A row's first line (counted from 1) and its fields; no fields: a blank line.
_Record = tuple[int, list[str]]

# The csv module stops at 131,072 characters, which a long document exceeds.
# Not unbounded: a quote that is never closed would read the file to its end.
_MAX_CSV_FIELD_CHARACTERS = 2**26


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One data row.

    Args:
        number: Counted from 1; the header is not counted.
        line: The physical line on which the row starts, counted from 1.
        fields: As many strings as the table has columns.
    """

    number: int
    line: int
    fields: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """A data file whose columns are known; made by `open_table`.

    Args:
        path: Local or remote (`gs://`) path.
        columns: Names of the header, or `column_1`, `column_2`, ...
        has_header: Whether the first row holds the names.
    """

    path: str
    columns: tuple[str, ...]
    has_header: bool

    def column_index(self, column: str) -> int:
        """Returns the position of a column, counted from 0.

        Args:
            column: A name of the header or, in a table without one, a number
                counted from 1.

        Raises:
            ValueError: There is no such column; the message lists all.
        """
        name = column if self.has_header else f"column_{int(column)}"
        if name in self.columns:
            return self.columns.index(name)
        if self.has_header:
            choices = ", ".join(map(repr, self.columns))
        else:
            choices = f"1 to {len(self.columns)}, counted from 1"
        raise ValueError(
            "A column must be one that the file has. Received: "
            f"column={column!r} for {self.path} (columns: {choices}). Correct "
            "--text_column, --text_pair_column or --label_column; .csv files "
            "are divided at commas, .tsv and .txt files at tabs."
        )

    def rows(self, *, short_rows: list[int] | None = None) -> Iterator[Row]:
        """Yields the data rows in file order; each call reads from the start.

        Args:
            short_rows: If given, rows with too few fields are left out, and
                their numbers are appended to it. None: they are errors.

        Raises:
            ValueError: There is no data row, a row has too many or too few
                fields, a blank line stands before the last row, quotes are
                broken, or bytes are not UTF-8.
        """
        records = _read_records(self.path)
        if self.has_header:
            next(records)
        number, blank_line = 0, None
        for line, fields in records:
            if not fields:
                blank_line = blank_line or line
                continue
            if blank_line:
                raise _blank_line_error(self.path, blank_line, number + 1)
            number += 1
            if short_rows is not None and len(fields) < len(self.columns):
                short_rows.append(number)
                continue
            if len(fields) != len(self.columns):
                raise self._field_count_error(number, line, len(fields))
            yield Row(number, line, tuple(fields))
        if number == 0:
            raise ValueError(
                "A data file must have at least one row below its header. "
                f"Received: path={self.path!r}, which has the header only. "
                "Add rows, or give the columns by number (--text_column=1) "
                "if the file has no header."
            )

    def _field_count_error(self, row: int, line: int, found: int) -> ValueError:
        count = len(self.columns)
        as_in = "the header" if self.has_header else "the first row"
        return ValueError(
            f"A row must have {count} fields, as {as_in} has. Received: "
            f"{found} fields in {self.path}, row {row} (line {line}). Correct "
            "the row; .csv files are divided at commas, .tsv and .txt files "
            "at tabs."
        )


def open_table(path: str | os.PathLike, *, has_header: bool) -> Table:
    """Reads the first row of a data file, and so its columns.

    Args:
        path: Local or remote path that ends in `.csv`, `.tsv` or `.txt`.
            UTF-8, with or without a byte order mark.
        has_header: Whether the first row holds names; see `uses_header`.

    Returns:
        A `Table`, of which no data row has been read.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The path is a folder or has another extension, the file
            is empty, or a column name occurs twice.
    """
    path = os.fspath(path)
    fields = _read_first_row(path)
    if not has_header:
        numbers = range(1, len(fields) + 1)
        return Table(path, tuple(f"column_{i}" for i in numbers), False)
    _check_names_are_distinct(path, fields)
    return Table(path, tuple(fields), True)


def uses_header(columns: Mapping[str, str | None]) -> bool:
    """Says whether columns are given by name, and so whether there is a header.

    Args:
        columns: Flag name to column: a name of the header, or digits for a
            number counted from 1 in a file without a header. None: not used.

    Raises:
        ValueError: Some columns are given by name and others by number, a
            number is 0, or a name is empty.

    Example:
        >>> uses_header({"text_column": "text", "label_column": "label"})
        True
        >>> uses_header({"text_column": "4", "label_column": "2"})
        False
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


def _read_first_row(path: str) -> list[str]:
    blank_line = None
    with contextlib.closing(_read_records(path)) as records:
        for line, fields in records:
            if fields and blank_line:
                raise _blank_line_error(path, blank_line, 1)
            if fields:
                return fields
            blank_line = blank_line or line
    raise ValueError(
        f"A data file must not be empty. Received: path={path!r}, which holds "
        "no row. Write the file again, or correct --data_dir or the --*_file "
        "flag that names it."
    )


def _read_records(path: str) -> Iterator[_Record]:
    extension = os.path.splitext(path)[1].lower()
    splitters = {".csv": _split_csv, ".tsv": _split_tabs, ".txt": _split_tabs}
    if extension not in splitters:
        raise ValueError(
            "A data file must end in .csv (comma-separated, quoted), .tsv or "
            f".txt (tab-separated). Received: path={path!r}. Convert or "
            "rename the file, or correct the --*_file flag that names it."
        )
    _check_is_file(path)
    with _open_binary(path) as file:
        yield from splitters[extension](_decode_lines(file, path), path)


def _split_tabs(lines: Iterable[str], path: str) -> Iterator[_Record]:
    del path  # Every line is well formed.
    for number, text in enumerate(lines, start=1):
        text = text.removesuffix("\n").removesuffix("\r")
        yield number, text.split("\t") if text else []


def _split_csv(lines: Iterable[str], path: str) -> Iterator[_Record]:
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_CSV_FIELD_CHARACTERS))
    # Not strict, the module takes a quote that is never closed for the end of
    # a row, and all rows after it for one field.
    reader = csv.reader(_split_carriage_returns(lines), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise ValueError(
                "A .csv row must be quoted correctly: a field that starts "
                'with " ends with ", and a " inside it is doubled. Received: '
                f"{error} in {path}, in the row that starts on line {line}. "
                "Correct the row, or save the file as .tsv (literal quotes)."
            ) from error
        if fields is None:
            return
        yield line, fields


def _split_carriage_returns(lines: Iterable[str]) -> Iterator[str]:
    """Divides lines as ``open(newline="")`` does, which csv.reader expects."""
    for line in lines:
        yield from io.StringIO(line, newline="")


def _decode_lines(file: Iterable[bytes], path: str) -> Iterator[str]:
    """Decodes line by line, so that an error can name its line."""
    for number, line in enumerate(file, start=1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                "A data file must be UTF-8 text. Received: byte "
                f"0x{line[error.start]:02x} in {path}, line {number}. Convert "
                "the file to UTF-8 (in a spreadsheet: save as 'CSV UTF-8')."
            ) from error
        if text:
            yield text


def _check_is_file(path: str) -> None:
    if gfile_io.is_dir(path):
        raise ValueError(
            f"A data file must not be a folder. Received: path={path!r}. Pass "
            "the file itself; a folder that holds a task goes to --data_dir."
        )
    if not gfile_io.exists(path):
        raise FileNotFoundError(
            f"The data file must exist. Received: path={path!r} (current "
            f"folder: {os.getcwd()}). Correct --data_dir or the --*_file flag "
            "that names it."
        )


def _check_names_are_distinct(path: str, names: list[str]) -> None:
    counts = collections.Counter(names)
    repeated = [repr(name) for name, count in counts.items() if count > 1]
    if repeated:
        raise ValueError(
            "The column names of a header must differ. Received: "
            f"{', '.join(repeated)} more than once in {path}. Rename the "
            "columns or, if the file has no header, give them by number "
            "(--text_column=1)."
        )


def _blank_line_error(path: str, line: int, row: int) -> ValueError:
    return ValueError(
        "A data file may have blank lines at its very end only. Received: a "
        f"blank line in {path}, line {line} (before row {row}). Delete the "
        "line, or fill it in."
    )


def _open_binary(path: str) -> io.BufferedIOBase:
    if gfile_io.is_remote(path):
        return io.BufferedReader(_RemoteFile(path), buffer_size=2**20)
    return open(path, "rb")


class _RemoteFile(io.RawIOBase):
    """A remote file as raw bytes.

    The `readline` of `tf.io.gfile.GFile` drops carriage returns, so the lines
    are cut by `io.BufferedReader` instead, as those of a local file.
    """

    def __init__(self, path: str):
        import tensorflow as tf

        self._file = tf.io.gfile.GFile(path, "rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
