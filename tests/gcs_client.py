"""What the process of the fixture `on_gcs` is asked to do."""

import contextlib
import io
import os


def run_main(*arguments: str) -> tuple[int, str]:
    """Runs the program; returns its status and what it wrote on stderr."""
    from tf_bert import run

    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        status = run.main(arguments)
    return status, errors.getvalue()


def fill(path: str, text: str) -> None:
    """Replaces a folder by one with `a/b`, `c`, `last` and `z`."""
    from tf_bert.system import file_io

    with file_io.open_folder_writer(path, last="last") as folder:
        os.mkdir(f"{folder}/a")
        for name in ("a/b", "c", "last", "z"):
            file_io.write_text(f"{folder}/{name}", text)


def predict(folder: str, texts: list[str]) -> tuple[str, ...]:
    """Returns the labels that a model gives."""
    import tf_bert

    return tf_bert.predict(folder, texts).labels


def read_rows(path: str) -> list[tuple[str, ...]]:
    """Returns the rows of a data file."""
    from tf_bert.data.readers import table_formats

    table = table_formats.open_table(path, has_header=True)
    return [row.fields for row in table.rows()]


def expand(argument: str) -> list[str]:
    """Returns the flags that a flag file names."""
    from tf_bert.config import flag_files

    return flag_files.expand([argument])
