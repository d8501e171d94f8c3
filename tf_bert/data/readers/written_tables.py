"""The tables that this program writes, and how their files are read again.

Tabs divide the fields, as in any .tsv. A field with a tab, a quote or a line
break is in double quotes, as spreadsheets and pandas read it; in other .tsv
files quotes are text. A text that a spreadsheet would compute as a formula has
an apostrophe before it, which the reader takes away: "=1+1" is written
"'=1+1", and "'=1+1" itself "''=1+1". Numbers are left as they are.
"""

import itertools
import re
from collections.abc import Iterable, Sequence

# The columns of predictions, by which a file of them is known.
PREDICTED_LABEL = "predicted_label"
PREDICTED_SCORE = "predicted_score"
PROBABILITY = "probability_"  # Before the label.

_NEEDS_QUOTES = re.compile('[\t\n\r"]')
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.A | re.I)


def line_of(fields: Iterable[str]) -> str:
    """Returns a row with quotes where they are needed.

    Not by `csv.writer`: before Python 3.13 it leaves a carriage return
    without quotes, and `csv.reader` takes that for the end of the row.
    """
    quoted = (
        '"' + field.replace('"', '""') + '"'
        if _NEEDS_QUOTES.search(field)
        else field
        for field in fields
    )
    return "\t".join(quoted) + "\n"


def guard(field: str) -> str:
    """Returns a field that no spreadsheet takes for a formula.

    Example:
        >>> [guard(field) for field in ("=1+1", "- cheap", "-1.5e-3", "'s")]
        ["'=1+1", "'- cheap", '-1.5e-3', "'s"]
    """
    if _FORMULA.match(field) and not _NUMBER.fullmatch(field):
        return f"'{field}"
    return field


def unguard(field: str) -> str:
    """Returns what `guard` was given."""
    if field.startswith("'") and _FORMULA.match(field):
        return field[1:]
    return field


def is_header(names: Sequence[str]) -> bool:
    """Whether a table with these columns is one of predictions."""
    return PREDICTED_SCORE in names or any(
        name == PREDICTED_LABEL and after.startswith(PROBABILITY)
        for name, after in itertools.pairwise(names)
    )
