"""What the operating system refuses, as sentences for the user."""

import errno

_NO_ROOM = (
    "There must be room on the disk for what a run writes",
    "This file was not written; what was saved before is whole. Free some "
    "space and give the same command again, without --overwrite_output_dir, "
    "to continue from the last state that was saved; or pass another "
    "--output_dir.",
)
_NO_RIGHT = (
    "Input files must be readable, and `output_dir` writable",
    "Change the rights of the path, or pass another one: of what is written, "
    "by --output_dir.",
)
_NO_WAY = (
    "A path must lead to a file or a folder, through folders",
    "Correct the path: of what is written, by --output_dir.",
)
# Of errors that the user can correct: what must hold, and how to correct it.
_SENTENCES = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: _NO_ROOM,
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.ENOENT: _NO_WAY,
    errno.ENOTDIR: _NO_WAY,
    errno.EISDIR: _NO_WAY,
    errno.EEXIST: _NO_WAY,
    errno.ELOOP: _NO_WAY,
    errno.ENAMETOOLONG: _NO_WAY,
}


def explain(error: OSError) -> str | None:
    """Returns a sentence about an error of the operating system.

    Args:
        error: as Python raised it, or one of this package, whose message is
            a sentence already.

    Returns:
        The message to show; None if the user cannot correct what happened.

    Example:
        >>> print(explain(FileNotFoundError("`train_file` must be a file.")))
        `train_file` must be a file.
        >>> explain(ConnectionResetError(errno.ECONNRESET, "Reset by peer"))
    """
    if error.errno is None:
        return str(error)
    if error.errno not in _SENTENCES:
        return None
    must, correction = _SENTENCES[error.errno]
    path = f"path={error.filename!r}" if error.filename else "no path"
    return f"{must}. Received: {path} ({error.strerror}). {correction}"
