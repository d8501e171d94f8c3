"""A table: its cells once, written as HTML (by the template) and as TSV."""

import dataclasses
from collections.abc import Sequence


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


def _one_line(cell: str) -> str:
    return " ".join(cell.split())
