"""Reading flag files: every flag on a line of its own, comments likewise.

As absl reads them, but strict where absl is silent: it takes a comment behind
a value as part of the value, and an indented comment as an argument.
"""

import io
import os
from collections.abc import Iterator, Sequence

from tf_bert.system import file_io


def expand(
    arguments: Sequence[str], *, seen: tuple[str, ...] = ()
) -> list[str]:
    """Replaces each `--flagfile=PATH` by the flags in that file.

    Flag files may name further ones. Order is kept, so that of two settings
    of one flag the later wins.

    Args:
        arguments: of the command line, without the program.
        seen: files that are being read, to find a circle.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a line is no flag, or files name each other in circles.
    """
    expanded = []
    for argument, path in _with_paths(arguments):
        if path is None:
            expanded.append(argument)
            continue
        if path in seen:
            raise ValueError(
                "Flag files must not name each other in circles. Received: "
                f"{' -> '.join((*seen, path))}. Remove one of the --flagfile "
                "lines."
            )
        expanded += expand(_read(path), seen=(*seen, path))
    return expanded


def joined_names(arguments: Sequence[str]) -> str:
    """Returns the names of the flag files, joined by `_`: what a run is of.

    Args:
        arguments: as of `expand`. Files that a flag file names do not count.

    Returns:
        Without folders and endings; empty if no flag file is given.

    Example:
        >>> joined_names(["--flagfile=a/zhang.flags", "--flagfile=rte.flags"])
        'zhang_rte'
    """
    paths = [path for _, path in _with_paths(arguments) if path is not None]
    return "_".join(
        os.path.splitext(os.path.basename(path))[0] for path in paths
    )


def _with_paths(
    arguments: Sequence[str],
) -> Iterator[tuple[str, str | None]]:
    """Yields each argument, with the path where it names a flag file."""
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, path = argument.partition("=")
        if name not in ("--flagfile", "-flagfile"):
            yield argument, None
        else:
            yield argument, path if equals else next(remaining, "")


def _read(path: str) -> list[str]:
    if not file_io.is_remote(path) and not os.path.isfile(path):
        raise FileNotFoundError(
            f"`flagfile` must be a file. Received: flagfile={path!r}. Paths "
            "are relative to the current folder: correct --flagfile."
        )
    flags = []
    with file_io.open_binary_reader(path) as file:
        lines = io.TextIOWrapper(file, encoding="utf-8")
        for number, line in enumerate(lines, start=1):
            text = line.strip()
            if not text or line.startswith(("#", "//")):
                continue
            if not text.startswith("-"):
                raise ValueError(
                    "A line of a flag file must be a flag, or begin with # as "
                    f"a comment. Received: {text!r} in {path}, line {number}. "
                    "Write --name=value, or put # first."
                )
            if " #" in text:
                raise ValueError(
                    "A comment in a flag file must be on a line of its own. "
                    f"Received: {text!r} in {path}, line {number}. Move the "
                    "comment to the line above."
                )
            flags.append(text)
    return flags
