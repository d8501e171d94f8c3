"""Rows of `.csv`, `.tsv` and `.txt` files, one at a time.

`.csv` is read with ordinary CSV quoting: a field in double quotes may hold
delimiters and line breaks. Its delimiter is detected, for spreadsheets of many
countries write semicolons or tabs under that name.

In `.tsv` and `.txt` a quote is a character like any other, and a row ends at
"\\n" and nowhere else: a lone carriage return or another Unicode line separator
stays inside its field. A file of predictions is read as it was written, with
quotes; see `written_tables.py`.
"""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers import written_tables
from tf_bert.data.readers.data_files import open_decompressed
from tf_bert.data.readers.records import Record, drop_last_blanks, place
from tf_bert.data.readers.text_encoding import MAX_LINE_CHARACTERS, decode_lines

# What the delimiter of a file is taken from.
_SAMPLE_LINES = 64
_SAMPLE_CHARACTERS = 2**18
_CANDIDATES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


def read_csv(
    path: str, *, has_header: bool, text_format: TextFormat
) -> Iterator[Record]:
    """Reads a `.csv` file.

    Args:
        path: Of a file that exists.
        has_header: Whether the first row holds the names of the columns;
            without it they are `column_1`, `column_2`, ...
        text_format: Encoding and delimiter; both are detected if not given.
    """
    with open_decompressed(path) as file:
        lines = decode_lines(file, text_format.encoding, path)
        delimiter = text_format.separator
        if delimiter is None:
            sample, is_whole_file = _take_sample(lines)
            delimiter = find_delimiter(
                sample, path, is_whole_file=is_whole_file
            )
            lines = itertools.chain(sample, lines)
        rows = _split_csv(lines, delimiter, path)
        yield from _as_records(rows, path, has_header, delimiter, text_format)


def read_tsv(
    path: str, *, has_header: bool, text_format: TextFormat
) -> Iterator[Record]:
    """Reads a `.tsv` or `.txt` file, divided at tabs if not said otherwise."""
    with open_decompressed(path) as file:
        lines = decode_lines(file, text_format.encoding, path)
        delimiter = text_format.separator or "\t"
        sample, _ = _take_sample(lines)
        lines = itertools.chain(sample, lines)
        if has_header and delimiter == "\t" and _are_predictions(sample):
            rows = _split_csv(lines, delimiter, path)
        else:
            rows = _split_plain(lines, delimiter)
        yield from _as_records(rows, path, has_header, delimiter, text_format)


def _are_predictions(sample: Sequence[str]) -> bool:
    try:
        names = next(_csv_reader(sample, "\t"), [])
    except csv.Error:  # Quotes that are text.
        return False
    return written_tables.is_header(names)


def _take_sample(lines: Iterator[str]) -> tuple[list[str], bool]:
    """Returns the first lines, and whether these are all."""
    sample: list[str] = []
    num_characters = 0
    for line in lines:
        sample.append(line)
        num_characters += len(line)
        if len(sample) == _SAMPLE_LINES or num_characters > _SAMPLE_CHARACTERS:
            return sample, False
    return sample, True


def find_delimiter(
    sample: Sequence[str], path: str, *, is_whole_file: bool
) -> str:
    """Returns the delimiter of a file, if there can be only one: ``, ; | \\t``.

    It divides every row of the sample into the same number of fields, more
    than one. If no candidate does (a row may be wrong, which the reader then
    says), it is the only one that divides the first row; if none divides
    that, the file has one column, and the answer is a comma.

    Args:
        sample: The first lines of the file, each with its "\\n".
        path: For messages.
        is_whole_file: False: the last row of `sample` may be incomplete.
    """
    counts = {
        delimiter: _count_fields(sample, delimiter, is_whole_file=is_whole_file)
        for delimiter in _CANDIDATES
    }
    dividing = [d for d, (first, _) in counts.items() if first > 1]
    regular = [d for d in dividing if counts[d][1]]
    possible = regular or dividing
    if len(possible) > 1:
        names = " or ".join(_CANDIDATES[d] for d in possible)
        raise ValueError(
            "The delimiter of the .csv file is not clear from its first rows. "
            f"Received: {path}, which may be divided at {names}. Pass "
            f"--delimiter={_CANDIDATES[possible[0]]} or another."
        )
    return possible[0] if possible else ","


def _count_fields(
    sample: Sequence[str], delimiter: str, *, is_whole_file: bool
) -> tuple[int, bool]:
    """Returns the fields of the first row, and whether all rows have them."""
    reader = _csv_reader(sample, delimiter)
    counts: list[int] = []
    is_regular = True
    try:
        counts.extend(len(fields) for fields in reader if fields)
    except csv.Error:
        # A quote that is open at the end of a sample may be closed after it.
        is_regular = not is_whole_file and reader.line_num >= len(sample)
    if not counts:
        return 0, False
    return counts[0], is_regular and len(set(counts)) == 1


def _csv_reader(lines: Iterable[str], delimiter: str):
    """Returns a `csv.reader` that stops at what is not quoted correctly."""
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


def _split_plain(
    lines: Iterable[str], delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """Yields the number of a line and its fields; blank lines have none."""
    for number, text in enumerate(lines, start=1):
        text = text.removesuffix("\n").removesuffix("\r")
        yield number, text.split(delimiter) if text else []


def _split_csv(
    lines: Iterable[str], delimiter: str, path: str
) -> Iterator[tuple[int, list[str]]]:
    """The same for rows with quotes, which may go over several lines."""
    reader = _csv_reader(lines, delimiter)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise ValueError(
                "A row is not quoted correctly: a field that starts with "
                '" ends with ", and a " inside it is doubled. Received: '
                f"{error} in {path}, in the row that starts on line {line}. "
                "Correct the row, or save the file as .tsv (literal quotes)."
            ) from error
        if fields is None:
            return
        yield line, fields


def _as_records(
    rows: Iterable[tuple[int, list[str]]],
    path: str,
    has_header: bool,
    delimiter: str,
    text_format: TextFormat,
) -> Iterator[Record]:
    """Yields the names, then the rows, all of one length."""
    rows = drop_last_blanks(rows, path, num_headers=int(has_header))
    first = next(rows, None)
    if first is None:
        return
    line, names = first
    count = len(names)
    is_guarded = has_header and written_tables.is_header(names)
    if is_guarded:
        names = map(written_tables.unguard, names)
    if has_header:
        yield Record(line, tuple(names))
    else:
        yield Record(None, tuple(f"column_{i + 1}" for i in range(count)))
        rows = itertools.chain([first], rows)
    for row, (line, fields) in enumerate(rows, start=1):
        if len(fields) < count and text_format.keep_short_rows:
            yield Record(line, ())
            continue
        if len(fields) != count:
            as_in = "the header" if has_header else "the first row"
            raise ValueError(
                f"A row does not have {count} fields, as {as_in} has. "
                f"Received: {len(fields)} fields in {place(path, row, line)}. "
                f"Correct the row, or pass --delimiter; {delimiter!r} divides "
                "it now."
            )
        if is_guarded:
            fields = map(written_tables.unguard, fields)
        yield Record(line, tuple(fields))
