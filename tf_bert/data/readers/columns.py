"""The columns of a table that a task needs, found by their flags."""

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.records import Kind
from tf_bert.data.readers.table_formats import (
    Row,
    Table,
    open_table,
    uses_header,
)

_NO_VALUE = (Kind.NULL, Kind.MISSING)
_LABEL_KINDS = (Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN)


def open_with_columns(
    path: str,
    text_format: TextFormat | None = None,
    **columns: str | None,
) -> tuple[Table, list[int]]:
    """Opens a file and finds its columns (flag -> name, number or None)."""
    table = open_table(
        path, has_header=uses_header(columns), text_format=text_format
    )
    given = [column for column in columns.values() if column is not None]
    return table, [table.column_index(column) for column in given]


def check_texts(table: Table, row: Row, indices: list[int]) -> None:
    """Refuses a row without a text in one of these columns."""
    for index in indices:
        kind = row.kinds[index] if row.kinds else Kind.TEXT
        if kind is Kind.TEXT and row.fields[index].strip():
            continue
        name = table.columns[index]
        remedy = "Fill in the text, or delete the row."
        if kind is not Kind.TEXT and kind not in _NO_VALUE:
            remedy = (
                "Write it as a string, or correct --text_column or "
                "--text_pair_column."
            )
        raise ValueError(
            f"`{name}` must hold a text in every row. Received: "
            f"{_described(name, row.fields[index], kind)} in {row.place}. "
            f"{remedy}"
        )


def label_of(table: Table, row: Row, index: int) -> str:
    """Returns the label of a row, stripped.

    Raises:
        ValueError: It is null, no number (NaN), a list, a date, ...; an
            empty text is refused by `LabelColumn`.
    """
    label = row.fields[index].strip()
    kind = row.kinds[index] if row.kinds else Kind.TEXT
    if kind in _LABEL_KINDS and not (kind is Kind.NUMBER and _is_nan(label)):
        return label
    name = table.columns[index]
    raise ValueError(
        f"`{name}` must hold a label in every row: a word, a number or a "
        f"boolean. Received: {_described(name, label, kind)} in {row.place}. "
        "Fill in the label, or delete the row."
    )


def group_of(table: Table, row: Row, index: int) -> str:
    """Returns the group of a row, stripped.

    Raises:
        ValueError: It is empty, null, no number (NaN), a list, a date, ...
    """
    group = row.fields[index].strip()
    kind = row.kinds[index] if row.kinds else Kind.TEXT
    is_missing = not group or (kind is Kind.NUMBER and _is_nan(group))
    if kind in _LABEL_KINDS and not is_missing:
        return group
    name = table.columns[index]
    raise ValueError(
        f"`{name}` must name a group in every row, by a word or a number. "
        f"Received: {_described(name, group, kind)} in {row.place}. Fill it "
        "in (for a row that belongs with no other, by a name of its own), or "
        "leave out --group_column."
    )


def _is_nan(number: str) -> bool:
    return number.lower().lstrip("+-") == "nan"


def _described(name: str, field: str, kind: Kind) -> str:
    if kind in _NO_VALUE:
        return f"{name}={kind.value}"
    if len(field) > 40:
        field = f"{field[:40]}..."
    return f"{name}={field!r}" + (
        "" if kind is Kind.TEXT else f", {kind.value},"
    )
