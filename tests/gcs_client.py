"""What the process of the fixture `on_gcs` is asked to do."""

import contextlib
import io


def run_main(*arguments: str) -> tuple[int, str]:
    """Runs the program; returns its status and what it wrote on stderr."""
    from tf_bert import run

    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        status = run.main(arguments)
    return status, errors.getvalue()


def fill(path: str, text: str) -> None:
    """Replaces a folder by one with `a/b`, `c` and `last`."""
    import os

    from tf_bert import gfile_io

    with gfile_io.open_folder_writer(path, last="last") as folder:
        os.mkdir(f"{folder}/a")
        for name in ("a/b", "c", "last", "z"):
            gfile_io.write_text(f"{folder}/{name}", text)


def predict(run: str, texts: list[str]) -> list[str]:
    """Returns the labels that a finished run gives."""
    import tf_bert

    return list(tf_bert.Model(run).predict(texts).labels)
