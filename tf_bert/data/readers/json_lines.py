"""Rows of `.jsonl` and `.ndjson` files: one JSON object on each line.

The columns are the keys of the first object. A later object may list its keys
in another order, and leave out keys that the task does not need.
"""

import collections
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.data_files import open_decompressed
from tf_bert.data.readers.records import (
    Kind,
    Record,
    check_has_names,
    drop_last_blanks,
    place,
)
from tf_bert.data.readers.text_encoding import decode_lines

# Half of a character beyond U+FFFF: two of these escapes are one.
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_INT_CHARACTERS = sys.int_info.default_max_str_digits


def read_json_lines(
    path: str, *, has_header: bool, text_format: TextFormat
) -> Iterator[Record]:
    """Reads a `.jsonl` file, whose columns must be given by name."""
    check_has_names(path, has_header=has_header)
    with open_decompressed(path) as file:
        lines = enumerate(
            decode_lines(file, text_format.encoding, path), start=1
        )
        stripped = ((number, line.strip()) for number, line in lines)
        columns: tuple[str, ...] | None = None
        for row, (line, text) in enumerate(
            drop_last_blanks(stripped, path, num_headers=0), start=1
        ):
            content = _parse(text, place(path, row, line))
            if columns is None:
                columns = tuple(content)
                yield Record(line, columns)
            yield _as_record(content, columns, line)


class _Float(float):
    """A number that knows how it was spelt."""

    __slots__ = ("spelling",)

    def __new__(cls, spelling: str):
        value = super().__new__(cls, spelling)
        value.spelling = spelling
        return value


def _parse_int(spelling: str) -> int | _Float:
    # Python refuses to convert longer ones, which takes long.
    if len(spelling) > _MAX_INT_CHARACTERS:
        return _Float(spelling)
    return int(spelling)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        counts = collections.Counter(name for name, _ in pairs)
        raise ValueError(f"the key {counts.most_common(1)[0][0]!r} twice")
    return content


_DECODER = json.JSONDecoder(
    object_pairs_hook=_distinct,
    parse_float=_Float,
    parse_int=_parse_int,
    parse_constant=_Float,
)


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        content = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at character {error.pos + 1}"
    except RecursionError:
        reason = "brackets that are nested too deeply"
    except ValueError as error:
        reason = str(error)
    else:
        if not isinstance(content, dict):
            reason = f"{text[:30]!r}, which is not an object,"
        elif _SURROGATE_ESCAPE.search(text) and _SURROGATE.search(
            json.dumps(content, ensure_ascii=False)
        ):
            reason = "half of a surrogate pair (\\ud800 to \\udfff alone)"
        else:
            return content
    raise ValueError(
        'A line of a .jsonl file is not one JSON object, {"text": ...}. '
        f"Received: {reason} in {where}. Correct the line; an array, or an "
        "object over several lines, must be written one object to a line."
    )


def _as_record(
    content: dict[str, Any], columns: tuple[str, ...], line: int
) -> Record:
    fields, kinds = [], []
    for name in columns:
        field, kind = _as_field(content.get(name, Kind.MISSING))
        fields.append(field)
        kinds.append(kind)
    extra_keys: tuple[str, ...] = ()
    if not content.keys() <= set(columns):
        extra_keys = tuple(key for key in content if key not in columns)
    return Record(line, tuple(fields), tuple(kinds), extra_keys)


def _as_field(value: Any) -> tuple[str, Kind]:
    if isinstance(value, str):
        return value, Kind.TEXT
    if value is Kind.MISSING:
        return "", Kind.MISSING
    if value is None:
        return "", Kind.NULL
    if isinstance(value, bool):
        return ("true" if value else "false"), Kind.BOOLEAN
    if isinstance(value, _Float):
        return value.spelling, Kind.NUMBER
    if isinstance(value, int):
        return str(value), Kind.NUMBER
    return json.dumps(value, ensure_ascii=False), Kind.NESTED
