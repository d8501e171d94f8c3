"""Tables of plain text: cells in columns, for terminals and text files."""

from collections.abc import Container, Sequence

_GAP = "  "


def align(
    rows: Sequence[Sequence[str]],
    *,
    left: Container[int] = (0,),
    has_rule: bool = False,
) -> list[str]:
    """Returns one line for each row, with the cells of a column lined up.

    Args:
        rows: As many cells each; the first row is the heading.
        left: The columns, counted from 0, whose cells stand to the left, as
            words do; those of the others, numbers, stand to the right.
        has_rule: Whether a line of dashes stands below the heading.

    Example:
        >>> rows = [["", "rows"], ["train", "900"]]
        >>> print("\\n".join(align(rows, has_rule=True)))
               rows
        -----------
        train   900
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    heading, *others = [
        _GAP.join(
            cell.ljust(width) if index in left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rule = "-" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    return [heading, *[rule] * has_rule, *others]
