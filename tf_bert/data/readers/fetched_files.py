"""Data files of ``gs://``, each fetched once by a process.

They are read again and again: for their columns, for their rows, to be checked
and to be predicted.
"""

import functools
import io
import os
import tempfile
import threading
from typing import BinaryIO, NamedTuple

from tf_bert.system import file_io, remote_files


def open_fetched(path: str) -> BinaryIO:
    """Opens a remote file for reading and seeking.

    It is fetched whole into the folder for temporary files, and stays there
    until the process ends. It is fetched again when it has changed since, by
    its size or time.
    """
    return _fetched(os.getpid()).open(path)


@functools.cache
def _fetched(process: int) -> "_Fetched":
    """What this process has fetched; one that was forked has its own."""
    del process
    return _Fetched()


class _Fetched:
    """Copies of remote files, behind each other in one that has no name.

    So nothing is left of a process that is killed, and no number of files is
    too large.
    """

    def __init__(self):
        self._file = tempfile.TemporaryFile(prefix="tf_bert_")
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}

    def open(self, path: str) -> BinaryIO:
        with self._lock:
            version = file_io.size_and_mtime(path)
            place = self._places.get(path)
            if place is None or place.version != version:
                place = self._fetch(path, version)
        return io.BufferedReader(_Part(self._file, place.start, place.end))

    def _fetch(self, path: str, version: tuple[int, int]) -> "_Place":
        start = self._file.seek(0, os.SEEK_END)
        remote_files.download(path, self._file)
        # Not by the size, which may be that of before.
        place = _Place(version, start, self._file.seek(0, os.SEEK_END))
        self._file.flush()
        self._places[path] = place
        return place


class _Place(NamedTuple):
    """Where a copy is, and size and time of what it was made of."""

    version: tuple[int, int]
    start: int
    end: int


class _Part(io.RawIOBase):
    """Some bytes of a file that others read too, each from its own place."""

    def __init__(self, file: BinaryIO, start: int, end: int):
        super().__init__()
        self._file = file
        self._start, self._size = start, end - start
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = (0, self._position, self._size)[whence]
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:
        count = max(0, min(len(buffer), self._size - self._position))
        data = os.pread(
            self._file.fileno(), count, self._start + self._position
        )
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
