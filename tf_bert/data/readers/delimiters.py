"""How the lines of a `.csv` file become fields, and what divides these.

Spreadsheets of many countries write semicolons or tabs under that name.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from tf_bert.data.readers.text_encoding import MAX_LINE_CHARACTERS

_CANDIDATES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


def csv_reader(lines: Iterable[str], delimiter: str):
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
    reader = csv_reader(sample, delimiter)
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
