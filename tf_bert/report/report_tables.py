"""A table: its cells once, written as HTML (by the template) and as TSV."""

import dataclasses
from collections.abc import Sequence

NOT_DEFINED = "not defined"


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells as people read them.

    Attributes:
        name: of the TSV file, without its ending.
        caption: what it shows.
        header: one heading for each column.
        rows: as many cells each; the first one names its row.
        num_text_columns: the first so many hold text, the others numbers,
            which stand to the right.
    """

    name: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    num_text_columns: int = 1

    def __post_init__(self):
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    "A row must have one cell for each column. Received: "
                    f"{len(row)} cells, {len(self.header)} columns in "
                    f"{self.name}. Correct the rows."
                )

    def to_tsv(self) -> str:
        """Returns the header and the rows, tabs and line ends as spaces.

        Example:
            >>> Table("t", "", ("a", "b"), (("x", "1"),)).to_tsv()
            'a\\tb\\nx\\t1\\n'
        """
        lines = (self.header, *self.rows)
        return "".join("\t".join(map(_one_line, x)) + "\n" for x in lines)


def table(
    name: str,
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    num_text_columns: int = 1,
) -> Table:
    """Returns a table of any sequences; see `Table`."""
    return Table(
        name,
        caption,
        tuple(header),
        tuple(tuple(row) for row in rows),
        num_text_columns,
    )


def number(value: float | None, *, digits: int = 3, sign: str = "") -> str:
    """Returns a number for people.

    Args:
        value: finite; None: it has no value.
        digits: after the point.
        sign: "+": positive numbers have a sign too, as differences do.

    Example:
        >>> number(0.91666), number(None)
        ('0.917', 'not defined')
    """
    return NOT_DEFINED if value is None else f"{value:{sign}.{digits}f}"


def interval(
    ends: tuple[float | None, float | None] | None, *, sign: str = ""
) -> str:
    """Returns the two ends of an interval.

    Args:
        ends: lower and upper; None: it has none.
        sign: "+": positive numbers have a sign too, as differences do.

    Example:
        >>> interval((0.5, 0.75)), interval((-0.1, 0.2), sign="+")
        ('0.500 to 0.750', '-0.100 to +0.200')
    """
    if ends is None or None in ends:
        return NOT_DEFINED
    return f"{ends[0]:{sign}.3f} to {ends[1]:{sign}.3f}"


def p_value(value: float | None) -> str:
    """Returns a p-value; small ones as a bound.

    Example:
        >>> p_value(0.0123), p_value(1e-9)
        ('0.012', '< 0.001')
    """
    if value is not None and value < 0.001:
        return "< 0.001"
    return number(value)


def _one_line(cell: str) -> str:
    return " ".join(cell.split())
