"""Files and folders of this machine that take the place of others.

Whatever ends the process, a power cut too, the old one is there until the new
one is, whole: what gets a name has reached the disk before, and then the name.
"""

import contextlib
import ctypes
import errno
import os
import pathlib
import re
import sys
import uuid

# What a process that was killed leaves: a new file or folder that may not be
# whole, and an old folder that is. A file `x` has it as `.x.<digits>.tmp`.
_UNFINISHED = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{32}\.(tmp|old)")
# Some file systems cannot sync a folder, and some users not read one.
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)
# Of Linux: paths count from the current folder; exchange two names.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def beside(target: pathlib.Path) -> pathlib.Path:
    """Returns a new name beside `target`, for what will take its place."""
    return target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")


def is_unfinished(name: str) -> bool:
    """Whether a file or folder was left by a process that was killed."""
    return _UNFINISHED.fullmatch(name) is not None


def replace_file(new: pathlib.Path, target: pathlib.Path) -> None:
    """Gives a file, which is on the disk, its name."""
    os.replace(new, target)
    sync(target.parent)


def replace_folder(new: pathlib.Path, target: pathlib.Path) -> None:
    """Gives a folder its name; what had that is afterwards called `new`.

    Linux exchanges two names at once, on most file systems. Elsewhere it takes
    three renames, between the first two of which there is no `target`: if the
    process ends there, `restore_folders` puts the old one back.

    Args:
        new: of `beside`.
    """
    _sync_tree(new)
    if not target.exists():
        new.rename(target)
    elif not _exchange(new, target):
        old = new.with_suffix(".old")
        target.rename(old)
        try:
            new.rename(target)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                old.rename(target)
            raise
        old.rename(new)
    sync(target.parent)


def restore_folders(folder: str) -> None:
    """Puts back the folders in one that were about to be replaced."""
    for old in pathlib.Path(folder).glob(".*.old"):
        match = _UNFINISHED.fullmatch(old.name)
        if match and not old.with_name(match["name"]).exists():
            old.rename(old.with_name(match["name"]))


def make_dirs(path: str) -> None:
    """Makes a folder and its parents; it may be there already."""
    folder = pathlib.Path(path)
    missing = [
        each for each in (folder, *folder.parents) if not os.path.exists(each)
    ]
    os.makedirs(path, exist_ok=True)
    for each in missing:
        sync(each.parent)


def sync(path: str | os.PathLike[str]) -> None:
    """Waits until a file, or the names in a folder, are on the disk.

    As far as they can be: Windows syncs neither, for they are opened to be
    read.
    """
    if os.name == "nt":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def _sync_tree(folder: pathlib.Path) -> None:
    """Syncs a folder and all that is in it, whoever has written that."""
    for parent, _, files in os.walk(folder):
        for name in files:
            sync(os.path.join(parent, name))
        sync(parent)


def _exchange(first: pathlib.Path, second: pathlib.Path) -> bool:
    """Exchanges two names at once; False where that cannot be done.

    Why not, plain renames say too.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "renameat2"):  # A C library of before 2018, or musl.
        return False
    paths = os.fsencode(first), os.fsencode(second)
    status = libc.renameat2(
        _AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE
    )
    return status == 0
