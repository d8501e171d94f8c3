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
_WORD_KINDS = (Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN)
_REMEDIES = {
    "label": "Fill in the label, or delete the row.",
    "group": "Fill it in (for a row that belongs with no other, by a name of "
    "its own), or leave out --group_column.",
}


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
            f"A row has no text in `{name}`. Received: "
            f"{_described(name, row.fields[index], kind)} in {row.place}. "
            f"{remedy}"
        )


def word_of(table: Table, row: Row, index: int, meaning: str) -> str:
    """Returns the "label" or the "group" of a row, stripped."""
    word = row.fields[index].strip()
    kind = row.kinds[index] if row.kinds else Kind.TEXT
    is_missing = not word or (kind is Kind.NUMBER and _is_nan(word))
    if kind in _WORD_KINDS and not is_missing:
        return word
    name = table.columns[index]
    raise ValueError(
        f"A row has no {meaning}: `{name}` holds no word, number or boolean. "
        f"Received: {_described(name, word, kind)} in {row.place}. "
        f"{_REMEDIES[meaning]}"
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
