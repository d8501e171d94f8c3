"""Tables for `fuzzed_readers.py`: good files, and other readings of bad ones.

The other readings divide and decode by rules that are written here anew. They
say nothing of what must be refused, and None where they have no opinion.
"""

import codecs
import csv
import functools
import io
import json
from typing import Any

import mutations
import pyarrow
import pyarrow.parquet

from tf_bert.data.readers import table_formats
from tf_bert.data.readers.records import Kind

Rows = list[tuple[str, ...]]


def read_table(path: str) -> Rows:
    """Returns the names of the columns, then the rows."""
    table = table_formats.open_table(path, has_header=True)
    return [table.columns, *(row.fields for row in table.rows())]


def _text(data: bytes) -> str:
    """Decodes as a byte order mark says, else UTF-8."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return data.decode("utf-32")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


@functools.cache
def csv_seeds() -> list[tuple[bytes, mutations.Mutation]]:
    """Returns files of several delimiters and encodings."""
    semicolons = '\ufefftext;label\n"Good; very, very good";1,5\nü;no\n'
    files = [
        b'text,label\n"The lamp, ""good""",yes\nbad,no\n\xc3\xa9,yes\n',
        b'\xef\xbb\xbfid,text,label\r\n1,"two\r\nlines",a\r\n2,,b\r\n\r\n',
        semicolons.encode("utf-16-le"),
        b"text\tlabel\ngood, I say\tyes\n",
    ]
    return [(data, mutations.damage) for data in files]


def expect_csv(data: bytes) -> Rows | None:
    """Divides at what makes rows of one length; None if that is ambiguous."""
    readings = {d: _split_csv(_text(data), d) for d in ",;\t|"}
    regular = [
        rows
        for rows in readings.values()
        if rows and {len(row) for row in rows} == {len(rows[0])} != {1}
    ]
    if len(regular) > 1:
        return None
    return regular[0] if regular else readings[","]


def _split_csv(text: str, delimiter: str) -> Rows:
    """Returns the rows that are not blank, none where quotes are broken."""
    lines = io.StringIO(text, newline="")
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        return [tuple(row) for row in rows if row]
    except csv.Error:
        return []


@functools.cache
def jsonl_seeds() -> list[tuple[bytes, mutations.Mutation]]:
    """Returns files with values of every kind."""
    files = [
        b'{"text": "a \\ud83d\\ude00", "label": "yes"}\n'
        b'{"label": null, "text": "\xc3\xa9", "x": [1.50, {"y": [NaN]}]}\n',
        b'\xef\xbb\xbf{"text": "b", "n": 1e3, "ok": false}\r\n\r\n',
    ]
    return [(data, mutations.damage_json_lines) for data in files]


def read_jsonl(path: str) -> Rows:
    """As `read_table`; lists and objects as `expect_jsonl` has them."""
    table = table_formats.open_table(path, has_header=True)
    rows = [table.columns]
    for row in table.rows():
        cells = zip(row.fields, row.kinds, strict=True)
        rows.append(
            tuple(
                repr(json.loads(field, parse_int=float))
                if kind is Kind.NESTED
                else field
                for field, kind in cells
            )
        )
    return rows


def expect_jsonl(data: bytes) -> Rows:
    """Parses every line twice: for what is written, and for its value."""
    lines = [line.strip() for line in _text(data).split("\n")]
    objects = [
        # Numbers as they are spelt, and as values inside of others.
        (
            json.loads(
                line, parse_int=str, parse_float=str, parse_constant=str
            ),
            json.loads(line, parse_int=float),
        )
        for line in lines
        if line
    ]
    columns = tuple(objects[0][0])
    return [columns] + [
        tuple(_json_field(x.get(c), y.get(c)) for c in columns)
        for x, y in objects
    ]


def _json_field(spelt: Any, value: Any) -> str:
    if isinstance(value, list | dict):
        return repr(value)
    words = {None: "", True: "true", False: "false"}
    return spelt if isinstance(spelt, str) else words[spelt]


@functools.cache
def parquet_seeds() -> list[tuple[bytes, mutations.Mutation]]:
    """Returns a file as pyarrow writes it, and one without its encodings."""
    table = pyarrow.table(
        {
            "text": ["good", "bad \u00e9", None],
            "label": ["yes", "no", "yes"],
            "n": [1, -2, 3],
        }
    )
    files = []
    for options in ({}, {"compression": "none", "use_dictionary": False}):
        stream = io.BytesIO()
        pyarrow.parquet.write_table(table, stream, **options)
        files.append(stream.getvalue())
    return [(data, mutations.damage_used_bytes) for data in files]


def expect_parquet(data: bytes) -> Rows | None:
    """Reads the whole table at once; None if a column is of another type."""
    file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
    groups = map(file.metadata.row_group, range(file.num_row_groups))
    if sum(group.num_rows for group in groups) != file.metadata.num_rows:
        return None  # To read all at once takes as long as a group says.
    table = file.read(use_threads=False)
    if not set(table.schema.types) <= {pyarrow.string(), pyarrow.int64()}:
        return None
    columns = [column.to_pylist() for column in table.columns]
    return [tuple(table.column_names)] + [
        tuple("" if value is None else str(value) for value in row)
        for row in zip(*columns, strict=True)
    ]
