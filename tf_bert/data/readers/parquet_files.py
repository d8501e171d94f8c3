"""Rows of `.parquet` files, a few at a time."""

import contextlib
import functools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.data_files import open_binary
from tf_bert.data.readers.records import Kind, Record, check_has_names

if TYPE_CHECKING:
    import pyarrow

# Few, since a row may hold a long document.
_BATCH_ROWS = 128


def read_parquet(
    path: str, *, has_header: bool, text_format: TextFormat
) -> Iterator[Record]:
    """Reads a `.parquet` file, whose columns must be given by name."""
    del text_format
    # Here, for it takes a while and most files are text.
    import pyarrow.parquet

    check_has_names(path, has_header=has_header)
    with open_binary(path) as file, _refusing_damage(path):
        parquet = pyarrow.parquet.ParquetFile(file)
        names = tuple(parquet.schema_arrow.names)
        yield Record(None, names)
        for batch in parquet.iter_batches(_BATCH_ROWS, use_threads=False):
            # Text that is no UTF-8 would only be noticed in Python.
            batch.validate(full=True)
            columns = [_as_fields(column) for column in batch.columns]
            for row in zip(*columns, strict=True):
                fields, kinds = zip(*row, strict=True)
                yield Record(None, fields, kinds)


@contextlib.contextmanager
def _refusing_damage(path: str) -> Iterator[None]:
    import pyarrow

    try:
        yield
    # pyarrow does not check names of columns: Python notices that they are no
    # UTF-8.
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise ValueError(
            "The .parquet file cannot be read. Received: "
            f"path={path!r} ({reason}). Write the file again."
        ) from error


def _as_fields(column: "pyarrow.Array") -> list[tuple[str, Kind]]:
    """Returns the values of a column as text, null as ""."""
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = _kind(column.type)
    as_text = {Kind.NESTED: _as_json, Kind.OTHER: str}.get(kind)
    if as_text is None:
        column, as_text = column.cast("string"), str
    return [
        ("", Kind.NULL) if value is None else (as_text(value), kind)
        for value in column.to_pylist()
    ]


_as_json = functools.partial(json.dumps, ensure_ascii=False, default=str)


def _kind(column_type: "pyarrow.DataType") -> Kind:
    from pyarrow import types

    for kind, is_of_kind in (
        (Kind.TEXT, types.is_string),
        (Kind.TEXT, types.is_large_string),
        (Kind.TEXT, types.is_string_view),
        (Kind.TEXT, types.is_null),
        (Kind.BOOLEAN, types.is_boolean),
        (Kind.NUMBER, types.is_integer),
        (Kind.NUMBER, types.is_floating),
        (Kind.NUMBER, types.is_decimal),
        (Kind.NESTED, types.is_nested),
    ):
        if is_of_kind(column_type):
            return kind
    return Kind.OTHER
