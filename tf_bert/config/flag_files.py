"""Reading flag files: flags and comments, each on a line of its own.

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
    of one flag the later wins. `seen` is the files that are being read.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a line is not a flag, or files name each other in a
            circle.
    """
    expanded = []
    for argument, path in with_values(arguments, "flagfile"):
        if path is None:
            expanded.append(argument)
            continue
        if path in seen:
            raise ValueError(
                "Flag files name each other in a circle. Received: "
                f"{' -> '.join((*seen, path))}. Remove one of the --flagfile "
                "lines."
            )
        expanded += expand(_read(path), seen=(*seen, path))
    return expanded


def joined_names(arguments: Sequence[str]) -> str:
    """Returns the names of the flag files, joined by `_`: what a run is of.

    Files that a flag file names do not count; "" if no file is given.

    Example:
        >>> joined_names(["--flagfile=a/zhang.flags", "--flagfile=rte.flags"])
        'zhang_rte'
    """
    paths = [x for _, x in with_values(arguments, "flagfile") if x is not None]
    return "_".join(
        os.path.splitext(os.path.basename(path))[0] for path in paths
    )


def with_values(
    arguments: Sequence[str], flag: str
) -> Iterator[tuple[str, str | None]]:
    """Yields each argument, with the value where it is of one flag.

    The value may be the next argument, as of any flag, and is "" at the end.
    """
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.partition("=")
        if name not in (f"--{flag}", f"-{flag}"):
            yield argument, None
        else:
            yield argument, value if equals else next(remaining, "")


def _read(path: str) -> list[str]:
    if not file_io.is_remote(path) and not os.path.isfile(path):
        raise FileNotFoundError(
            f"There is no such flag file. Received: flagfile={path!r}. Paths "
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
                    "A line of a flag file is neither a flag nor a comment. "
                    f"Received: {text!r} in {path}, line {number}. Write "
                    "--name=value, or put # first."
                )
            if " #" in text:
                raise ValueError(
                    "A comment in a flag file must be on a line of its own. "
                    f"Received: {text!r} in {path}, line {number}. Move the "
                    "comment to the line above."
                )
            flags.append(text)
    return flags
