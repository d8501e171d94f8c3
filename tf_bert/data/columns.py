"""The columns of a table that a task needs, found by their flags."""

from collections.abc import Mapping

from tf_bert.data.tables import Row, Table, open_table, uses_header


def open_with_columns(
    path: str, columns: Mapping[str, str | None]
) -> tuple[Table, list[int]]:
    """Opens a file and finds its columns (flag -> name, number or None)."""
    table = open_table(path, has_header=uses_header(columns))
    given = [column for column in columns.values() if column is not None]
    return table, [table.column_index(column) for column in given]


def check_texts(table: Table, row: Row, indices: list[int]) -> None:
    for index in indices:
        if not row.fields[index].strip():
            name = table.columns[index]
            raise ValueError(
                f"`{name}` must hold a text in every row. Received: "
                f"{name}={row.fields[index]!r} in {table.path}, row "
                f"{row.number} (line {row.line}). Fill in the text, or delete "
                "the row."
            )
