"""What the operating system refuses, as sentences for the user."""

import errno

_NO_ROOM = (
    "The disk is full",
    "This file was not written; what was saved before is whole. Free some "
    "space and give the same command again, without --overwrite_output_dir, "
    "to continue from the last state that was saved; or pass another "
    "--output_dir.",
)
_NO_RIGHT = (
    "The rights of a file or folder do not allow this",
    "Change the rights of the path, or pass another one: of what is written, "
    "by --output_dir.",
)
_NO_WAY = (
    "This path leads to no file or folder",
    "Correct the path: of what is written, by --output_dir.",
)
# Of errors that the user can correct: what happened, and how to correct it.
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
    """Returns the message to show; None if the user cannot correct the error.

    That of an error of this package is a sentence already.

    Example:
        >>> print(explain(FileNotFoundError("There is no such file.")))
        There is no such file.
        >>> explain(ConnectionResetError(errno.ECONNRESET, "Reset by peer"))
    """
    if error.errno is None:
        return str(error)
    if error.errno not in _SENTENCES:
        return None
    what, correction = _SENTENCES[error.errno]
    path = f"path={error.filename!r}" if error.filename else "no path"
    return f"{what}. Received: {path} ({error.strerror}). {correction}"
