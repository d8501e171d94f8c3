"""One thing that an inspection finds, and how it is put into words."""

import dataclasses
import functools
from collections.abc import Iterable, Sequence

from tf_bert.system import plurals

# Files have many thousands of rows.
counted = functools.partial(plurals.counted, separator=",")

_ROWS_LISTED = 5


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something to know before training.

    Attributes:
        severity: "error": a training stops at it. "warning": its result, or
            its score, is worse or wrong. "note": good to know.
    """

    severity: str
    subject: str
    message: str
    action: str


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """Returns findings by severity; equally severe ones keep their order."""
    severities = ("error", "warning", "note")
    return sorted(found, key=lambda x: severities.index(x.severity))


def listed(rows: Sequence[int]) -> str:
    """Returns the first few row numbers.

    Example:
        >>> listed([3]), listed([1, 2, 3, 4, 5, 6])
        ('row 3', 'rows 1, 2, 3, 4, 5, ...')
    """
    first = ", ".join(map(str, rows[:_ROWS_LISTED]))
    more = ", ..." if len(rows) > _ROWS_LISTED else ""
    return f"row{'s' if len(rows) > 1 else ''} {first}{more}"
