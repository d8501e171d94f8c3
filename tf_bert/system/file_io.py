"""Files on this machine and on ``gs://``, read and written the same way.

A write is all or nothing: a reader sees the old file or the whole new one,
never a part; on this machine also after a power cut, see `durable`. Paths with
a scheme (``gs://bucket/name``) go through `remote_files`; TensorFlow is
imported only for them, so that work on local files does not wait for it.

A missing file is a `FileNotFoundError`, wherever it was looked for. Of a path
with a scheme every function may raise what `remote_files.explained` does.
"""

import contextlib
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from tf_bert.system import durable, remote_files

PathLike = str | os.PathLike[str]

# Two characters at least, so that a Windows drive is not a scheme.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_remote(path: PathLike) -> bool:
    """Returns whether `path` has a scheme, as ``gs://bucket/name`` does.

    Example:
        >>> is_remote("gs://bucket/model"), is_remote("/tmp/model")
        (True, False)
    """
    return _SCHEME.match(os.fspath(path)) is not None


def read_bytes(path: PathLike) -> bytes:
    """Returns the content of a file."""
    with open_binary_reader(path) as file:
        return file.read()


def read_text(path: PathLike) -> str:
    """Returns the content of a UTF-8 file, line ends as they are."""
    return read_bytes(path).decode("utf-8")


@contextlib.contextmanager
def open_binary_reader(path: PathLike) -> Iterator[BinaryIO]:
    """Opens a file for reading and seeking.

    A remote one is fetched whole, into the folder for temporary files.
    """
    if not is_remote(path):
        with open(path, "rb") as file:
            yield file
        return
    with tempfile.TemporaryFile(prefix="tf_bert_") as file:
        remote_files.download(os.fspath(path), file)
        file.seek(0)
        yield file


def write_bytes(path: PathLike, data: bytes) -> None:
    """Replaces a file by `data`, atomically; its folder must exist."""
    with open_binary_writer(path) as file:
        file.write(data)


def write_text(path: PathLike, text: str) -> None:
    """Replaces a file by `text` in UTF-8, atomically, line ends as given."""
    write_bytes(path, text.encode("utf-8"))


@contextlib.contextmanager
def open_binary_writer(path: PathLike) -> Iterator[BinaryIO]:
    """Opens a file that takes its place only when the block ends well.

    For content that is too large to hold twice. If the block raises, `path`
    is as it was before. Its folder must exist.
    """
    if is_remote(path):
        # Closing a remote file publishes what was written so far, after an
        # error too. So it is written here first and sent as one object.
        with tempfile.TemporaryDirectory(prefix="tf_bert_") as folder:
            staged = os.path.join(folder, "staged")
            with open(staged, "xb") as file:
                yield file
            remote_files.upload(staged, os.fspath(path))
        return
    target = pathlib.Path(path)
    # Not `tempfile`: its files are readable by their owner alone.
    temporary = durable.beside(target)
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        durable.replace_file(temporary, target)
    except OSError as error:
        # A disk that is full says nothing, and the temporary name is ours.
        if error.filename in (None, str(temporary)):
            error.filename = os.fspath(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def open_folder_writer(
    path: PathLike, *, last: str | None = None
) -> Iterator[str]:
    """Yields an empty folder, which becomes `path` when the block ends well.

    If the block raises, `path` is as it was before; its parent must exist. On
    this machine the old folder is there until the new one is, see
    `durable.replace_folder`; behind a link, where it leads to. Elsewhere a
    folder cannot be renamed: the old one is removed and the new files are
    copied, those of sub-folders first, so that a folder without its own files
    is unfinished.

    Args:
        last: On `gs://`, the file without which the folder is nothing to its
            readers: the first that is removed, and the last that is copied.

    Example:
        >>> path = os.path.join(tempfile.mkdtemp(), "folder")
        >>> with open_folder_writer(path) as folder:
        ...     write_text(os.path.join(folder, "a"), "")
        ...     print(exists(path))
        False
        >>> list_dir(path)
        ['a']
    """
    if is_remote(path):
        with tempfile.TemporaryDirectory(prefix="tf_bert_") as folder:
            yield folder
            _replace_remote(os.fspath(path), folder, last)
        return
    target = pathlib.Path(path).resolve()
    restore_folders(target.parent)
    temporary = durable.beside(target)
    temporary.mkdir()
    try:
        yield str(temporary)
        durable.replace_folder(temporary, target)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)


def _replace_remote(target: str, folder: str, last: str | None) -> None:
    if is_dir(target):
        if last is not None and exists(f"{target}/{last}"):
            remove_file(f"{target}/{last}")
        remove_tree(target)
    _copy_to_remote(folder, target, last)


def _copy_to_remote(folder: str, target: str, last: str | None = None) -> None:
    """Copies a folder of this machine, sub-folders before files."""
    make_dirs(target)
    entries = sorted(
        os.scandir(folder),
        key=lambda x: (x.is_file(), x.name == last, x.name),
    )
    for entry in entries:
        if entry.is_dir():
            _copy_to_remote(entry.path, f"{target}/{entry.name}")
        else:
            remote_files.upload(entry.path, f"{target}/{entry.name}")


def exists(path: PathLike) -> bool:
    """Returns whether `path` is a file or a folder."""
    if not is_remote(path):
        return os.path.exists(path)
    return remote_files.exists(os.fspath(path))


def is_dir(path: PathLike) -> bool:
    """Returns whether `path` is a folder."""
    if not is_remote(path):
        return os.path.isdir(path)
    return remote_files.is_dir(os.fspath(path))


def list_dir(path: PathLike) -> list[str]:
    """Returns the names in a folder, sorted, folders without a final slash."""
    if not is_remote(path):
        return sorted(os.listdir(path))
    names = remote_files.list_dir(os.fspath(path))
    return sorted(name.rstrip("/") for name in names)


def size_and_mtime(path: PathLike) -> tuple[int, int]:
    """Returns a file's size in bytes and its last change in nanoseconds.

    Together they tell whether a file is still the one seen before.
    """
    if not is_remote(path):
        status = os.stat(path)
        return status.st_size, status.st_mtime_ns
    status = remote_files.stat(os.fspath(path))
    return status.length, status.mtime_nsec


def make_dirs(path: PathLike) -> None:
    """Makes a folder and its parents; it may be there already.

    On `gs://` there are no folders without files: nothing is made there.
    """
    if not is_remote(path):
        durable.make_dirs(os.fspath(path))
        return
    remote_files.make_dirs(os.fspath(path))


def remove_tree(path: PathLike) -> None:
    """Removes a folder and all that is in it."""
    if not is_remote(path):
        shutil.rmtree(path)
        return
    remote_files.remove_tree(os.fspath(path))


def restore_folders(path: PathLike) -> None:
    """Puts back the folders in one that were about to be replaced.

    By a writer that was killed, where two folders cannot be exchanged at once.
    On `gs://` there is nothing to put back.
    """
    if not is_remote(path):
        durable.restore_folders(os.fspath(path))


def remove_unfinished(path: PathLike) -> None:
    """Removes what writes that were killed have left in a folder, or below.

    Nobody may be writing there; it need not exist. On `gs://` nothing is left:
    what is sent there is staged in the folder for temporary files.
    """
    if is_remote(path):
        return
    for folder, subfolders, files in os.walk(path):
        durable.restore_folders(folder)
        for name in filter(durable.is_unfinished, files):
            os.remove(os.path.join(folder, name))
        for name in filter(durable.is_unfinished, tuple(subfolders)):
            subfolders.remove(name)
            if os.path.exists(os.path.join(folder, name)):  # Not put back.
                shutil.rmtree(os.path.join(folder, name))


def remove_file(path: PathLike) -> None:
    """Removes a file."""
    if not is_remote(path):
        os.remove(path)
        return
    remote_files.remove_file(os.fspath(path))


def copy_to_local(remote_dir_or_file: PathLike, local: PathLike) -> None:
    """Copies a file or a folder, with its subfolders, to this machine.

    Each file is replaced atomically, the folder as a whole is not. What is
    in `local` already and not in the source stays. Missing folders are made;
    the source may be of this machine too.
    """
    source = os.fspath(remote_dir_or_file)
    if is_dir(source):
        os.makedirs(local, exist_ok=True)
        for name in list_dir(source):
            # A slash for gs:// on Windows as well.
            copy_to_local(
                f"{source.rstrip('/')}/{name}", os.path.join(local, name)
            )
        return
    os.makedirs(os.path.dirname(os.path.abspath(local)), exist_ok=True)
    with open_binary_writer(local) as target:
        if is_remote(source):
            remote_files.download(source, target)
        else:
            with open(source, "rb") as file:
                shutil.copyfileobj(file, target, length=1 << 24)
