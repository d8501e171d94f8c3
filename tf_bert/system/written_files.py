"""The record of what was written into a folder, so that only that is removed.

No TensorFlow, unless the folder lies on `gs://`.
"""

import contextlib
import fnmatch
import glob
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from tf_bert.system import durable, file_io

FILE = ".written"

# Whatever lies in a folder, as deep as a run's own files do.
_ANY = tuple("/".join("*" * depth) for depth in range(1, 6))


class WrittenFiles:
    """What was written into a folder, by a record in the folder itself.

    The record is a hidden file, with one line for each pattern of paths, which
    is there before the files are. A pattern is compared part by part: `*`
    stands for a part of one name, as in `plots/*.png`.

    Args:
        path: of the folder, local or `gs://`; need not exist.
        unrecorded: patterns of what may have been written before there were
            records. They count where there is none.
        neither: patterns of what is not removed, and may be replaced.
        had_files: whether, without a record, files may be there that were
            written before there were records.
    """

    def __init__(
        self,
        path: str,
        *,
        unrecorded: Iterable[str],
        neither: Iterable[str],
        had_files: Callable[[], bool],
    ):
        self._path = path
        self._unrecorded = tuple(unrecorded)
        self._neither = tuple(neither)
        self._had_files = had_files

    def recorded(self) -> tuple[str, ...] | None:
        """Returns the patterns of the record; None if there is none."""
        path = self._join(FILE)
        if not file_io.exists(path):
            return None
        return tuple(filter(None, file_io.read_text(path).split("\n")))

    def patterns(self) -> tuple[str, ...]:
        """Returns the patterns of what may have been written here by us."""
        recorded = self.recorded()
        return self._unrecorded if recorded is None else recorded

    def record(self, *patterns: str) -> None:
        """Adds to the record what will be written; the folder exists.

        As `check_replaces_own`, it refuses what is not ours.
        """
        patterns = tuple(dict.fromkeys(patterns))
        self.check_replaces_own(patterns)
        known = self.recorded()
        if known is None and self._had_files():
            patterns = tuple(dict.fromkeys((*self._unrecorded, *patterns)))
        new = [x for x in patterns if x not in (known or ())]
        if new:
            self._append("".join(f"{pattern}\n" for pattern in new))

    def _append(self, text: str) -> None:
        path = self._join(FILE)
        if file_io.is_remote(path):
            before = file_io.read_text(path) if file_io.exists(path) else ""
            file_io.write_text(path, before + text)
            return
        # Another mode may add to it at the same time: what is appended by one
        # write is lost to neither.
        with open(path, "ab", buffering=0) as file:
            # The line before may have been cut off.
            text = f"\n{text}" if file.tell() else text
            file.write(text.encode())
            os.fsync(file.fileno())
        durable.sync(self._path)

    def of_others(self, patterns: Sequence[str] = _ANY) -> list[str]:
        """Returns the files that match and are not ours, hidden ones aside."""
        own = (*self.patterns(), *self._neither)
        if set(patterns) <= set(own):
            return []  # On gs:// a look at every file takes its time.
        return [
            file
            for file in self.matching(patterns)
            if not os.path.basename(file).startswith(".")
            and not _matches(file, own)
        ]

    def check_replaces_own(self, patterns: Sequence[str]) -> None:
        """Raises a FileExistsError if a file that matches is not ours."""
        others = self.of_others(patterns)
        if others:
            raise FileExistsError(
                "Files that no run has written would be replaced. Received: "
                f"output_dir={self._path} with {', '.join(others[:5])}. Move "
                "what you need to another folder, or pass another --output_dir."
            )

    @contextlib.contextmanager
    def open_folder_writer(
        self, name: str, *, last: str | None = None
    ) -> Iterator[str]:
        """`file_io.open_folder_writer` for a folder in this one.

        As `check_replaces_own`, it refuses to replace files of others.
        """
        self.check_replaces_own([f"{name}/{pattern}" for pattern in _ANY])
        path = self._join(name)
        with file_io.open_folder_writer(path, last=last) as temporary:
            yield temporary
            files = sorted(
                path.relative_to(temporary).as_posix()
                for path in pathlib.Path(temporary).rglob("*")
                if path.is_file()
            )
            self.record(*(glob.escape(f"{name}/{file}") for file in files))

    def matching(self, patterns: Iterable[str]) -> Iterator[str]:
        """Yields the files that match, by their paths below the folder."""
        if file_io.is_dir(self._path):
            yield from _matching(
                self._path, "", [x.split("/") for x in patterns]
            )

    def holds(self, path: str) -> bool:
        """Whether a file or folder is, or has, what may be removed."""
        if file_io.is_remote(path) != file_io.is_remote(self._path):
            return False
        if file_io.is_remote(path):
            below = path.rstrip("/").removeprefix(f"{self._path.rstrip('/')}/")
        else:
            below = os.path.relpath(
                os.path.realpath(path), os.path.realpath(self._path)
            ).replace(os.sep, "/")
        return _is_within(below, self.patterns())

    def remove_all(self, *, first: Sequence[str]) -> None:
        """Removes what is recorded, some files `first`, and the record."""
        files = list(self.matching(self.patterns()))
        self._remove([x for x in first if x in files])
        self._remove([x for x in files if x not in first])
        if self.recorded() is not None:
            file_io.remove_file(self._join(FILE))

    def remove(self, patterns: Iterable[str]) -> None:
        """Removes the files that match, and folders that have none left."""
        self._remove(list(self.matching(patterns)))

    def _remove(self, files: Iterable[str]) -> None:
        parents = set()
        for file in files:
            file_io.remove_file(self._join(file))
            while file := os.path.dirname(file):
                parents.add(file)
        for parent in sorted(parents, key=len, reverse=True):
            path = self._join(parent)
            # On gs:// a folder goes with its last file; a link is the user's.
            if not file_io.is_dir(path) or os.path.islink(path):
                continue
            if not file_io.list_dir(path):
                file_io.remove_tree(path)

    def _join(self, name: str) -> str:
        return os.path.join(self._path, name)


def _matching(
    folder: str, below: str, patterns: Sequence[Sequence[str]]
) -> Iterator[str]:
    for name in file_io.list_dir(os.path.join(folder, below)):
        rests = [x[1:] for x in patterns if fnmatch.fnmatchcase(name, x[0])]
        if not rests:
            continue
        path = f"{below}{name}"
        if not file_io.is_dir(os.path.join(folder, path)):
            if [] in rests:
                yield path
        elif deeper := [rest for rest in rests if rest]:
            yield from _matching(folder, f"{path}/", deeper)


def _matches(file: str, patterns: Iterable[str]) -> bool:
    depth = file.count("/")
    return _is_within(file, (x for x in patterns if x.count("/") == depth))


def _is_within(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path is that of a file that matches, or of a folder of such."""
    parts = path.split("/")
    return any(
        len(parts) <= pattern.count("/") + 1
        and all(map(fnmatch.fnmatchcase, parts, pattern.split("/")))
        for pattern in patterns
    )
