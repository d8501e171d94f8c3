"""Lines of CSV to rows of fields, with the limits that a reader needs."""

import csv
import io
from collections.abc import Iterable, Iterator

from tf_bert.data.readers.text_encoding import MAX_LINE_CHARACTERS


def csv_reader(lines: Iterable[str], delimiter: str):
    """Returns a `csv.reader` that stops at what is not quoted correctly.

    Args:
        lines: Each with its "\\n".
        delimiter: One character.
    """
    # The module stops at 131,072 characters, which a long document exceeds.
    # Not unbounded: a quote that is never closed would read the file to its
    # end.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_CHARACTERS))
    # Not strict, the module takes a quote that is never closed for the end of
    # a row, and all rows after it for one field.
    return csv.reader(
        _split_carriage_returns(lines), delimiter=delimiter, strict=True
    )


def _split_carriage_returns(lines: Iterable[str]) -> Iterator[str]:
    """Divides lines as ``open(newline="")`` does, which csv.reader expects."""
    for line in lines:
        if "\r" in line:
            yield from io.StringIO(line, newline="")
        else:
            yield line
