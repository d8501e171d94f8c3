"""Data files as streams of bytes: local or remote, compressed or not.

One path may stand for several files, by a pattern such as `part-*.csv`.
"""

import contextlib
import glob
import gzip
import os
import re
import stat
from collections.abc import Iterator
from typing import BinaryIO

from tf_bert.data.readers import fetched_files
from tf_bert.system import file_io, remote_files


def find_files(path: str) -> tuple[str, ...]:
    """Returns the files that a path or a pattern stands for, sorted.

    A name with `*`, `?` or `[` in it that exists as it is means that file.
    """
    if re.search(r"[*?[]", path) and not _exists(path):
        is_remote = file_io.is_remote(path)
        paths = (remote_files.glob if is_remote else glob.glob)(path)
        if not paths:
            raise FileNotFoundError(
                "No file matches the pattern. Received: "
                f"path={path!r} (current folder: {os.getcwd()}). Correct the "
                "--*_file flag that holds it."
            )
    else:
        paths = [path]
    for each in paths:
        _check_is_file(each)
    return tuple(sorted(paths))


@contextlib.contextmanager
def open_binary(path: str) -> Iterator[BinaryIO]:
    """Opens a file for reading, as it is; a remote one is fetched once."""
    if file_io.is_remote(path):
        file = fetched_files.open_fetched(path)
    else:
        try:
            file = open(path, "rb")
        except PermissionError as error:
            raise _permission_error(path) from error
    with file:
        yield file


@contextlib.contextmanager
def open_decompressed(path: str) -> Iterator[BinaryIO]:
    """Opens a file for reading; the content of a `.gz` file is unpacked.

    What is wrong with a `.gz` file shows as it is read.
    """
    with open_binary(path) as file:
        if not path.lower().endswith(".gz"):
            yield file
            return
        with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
            yield unpacked


def _exists(path: str) -> bool:
    """Whether there is such a name, even if it is a link to nowhere."""
    if file_io.is_remote(path):
        return file_io.exists(path)
    return os.path.lexists(path)


def _check_is_file(path: str) -> None:
    if file_io.is_remote(path):
        is_dir = file_io.is_dir(path)
        is_file = not is_dir
        if not file_io.exists(path):
            raise _not_found_error(path, "")
    else:
        mode = _local_mode(path)
        is_dir, is_file = stat.S_ISDIR(mode), stat.S_ISREG(mode)
    if is_dir:
        raise ValueError(
            f"The data file is a folder. Received: path={path!r}. Pass "
            "the file itself, or a pattern such as "
            f"'{path.rstrip('/')}/*.csv'; a folder that holds a task goes to "
            "--data_dir."
        )
    if not is_file:
        # Data is read more than once, which a pipe does not allow.
        raise ValueError(
            "The data file is a device or a pipe, which cannot be read twice. "
            f"Received: path={path!r}. Write the rows to a file first; texts "
            "to predict may come from standard input (--predict_file=-)."
        )


def _local_mode(path: str) -> int:
    try:
        return os.stat(path).st_mode
    except PermissionError as error:
        raise _permission_error(path) from error
    except OSError as error:
        # Too many links, a name that is too long, ...: nothing to read there.
        reason = f": {error.strerror}"
        if os.path.islink(path):
            reason = f": a link to {os.readlink(path)!r}, which leads nowhere"
        elif isinstance(error, FileNotFoundError):
            reason = ""
        raise _not_found_error(path, reason) from error


def _not_found_error(path: str, reason: str) -> FileNotFoundError:
    return FileNotFoundError(
        f"There is no such data file. Received: path={path!r}{reason} (current "
        f"folder: {os.getcwd()}). Correct --data_dir or the --*_file flag "
        "that names it."
    )


def _permission_error(path: str) -> PermissionError:
    return PermissionError(
        "A data file, or its folder, may not be read. "
        f"Received: path={path!r}. Change the rights (chmod +r), or correct "
        "--data_dir or the --*_file flag that names it."
    )
