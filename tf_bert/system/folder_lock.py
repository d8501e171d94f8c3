"""One process at a time in the folder of a run or a sweep.

The kernel holds the lock, so that one that is killed leaves none. No
TensorFlow.
"""

import contextlib
import os
import platform
from collections.abc import Iterator

import filelock

from tf_bert.system import file_io

# Never removed: whoever waits for it would lock a file that is gone.
_LOCK = ".lock"
# Who holds it. Not in the file itself, which nobody else can read on Windows.
_PROCESS = ".process"
# Another command may hold it for the moment in which it looks.
_SECONDS = 1.0


class FolderLock:
    """Keeps other processes from writing where one is at work.

    On `gs://` there are no locks: nothing is kept out there. The folder need
    not exist.
    """

    def __init__(self, path: str):
        self._path = path
        self._is_held = False

    def check_free(self) -> None:
        """Raises a FileExistsError if another process works here.

        Touches nothing.
        """
        has_lock = not file_io.is_remote(self._path) and file_io.exists(
            self._join(_LOCK)
        )
        if not has_lock or self._is_held:
            return
        # Who may not write to the lock may not write here: `check_writable`
        # has a sentence for it.
        with contextlib.suppress(PermissionError):
            self._acquire().release()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The time in which no other process gets in; makes the folder.

        Raises:
            FileExistsError: if another process is at work here.
        """
        if file_io.is_remote(self._path):
            yield
            return
        file_io.make_dirs(self._path)
        lock = self._acquire()
        try:
            self._is_held = True
            file_io.write_text(
                self._join(_PROCESS), f"{os.getpid()} {platform.node()}\n"
            )
            yield
        finally:
            self._is_held = False
            # It may be gone with the folder, which somebody has removed.
            with contextlib.suppress(FileNotFoundError):
                file_io.remove_file(self._join(_PROCESS))
            lock.release()

    def _acquire(self) -> filelock.BaseFileLock:
        lock = filelock.FileLock(self._join(_LOCK))
        try:
            lock.acquire(timeout=_SECONDS, poll_interval=0.02)
        except filelock.Timeout as error:
            raise FileExistsError(
                "Another process works in this folder. Received: output_dir="
                f"{self._path}, where process {self._process()} is at work. "
                "Wait for its end, or pass another --output_dir."
            ) from error
        return lock

    def _process(self) -> str:
        """The id of who holds the lock, and where, if that is not here."""
        path = self._join(_PROCESS)
        if not file_io.exists(path):
            return "(just starting)"
        number, _, machine = file_io.read_text(path).strip().partition(" ")
        is_here = machine in ("", platform.node())  # Earlier versions: "".
        return number if is_here else f"{number} of {machine}"

    def _join(self, name: str) -> str:
        return os.path.join(self._path, name)
