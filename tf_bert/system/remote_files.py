"""What ``tf.io.gfile`` leaves undone on ``gs://``: whole reads, clear errors.

TensorFlow's client sends a request that failed again by itself, with growing
pauses (status 429 and 5xx, connections that broke), until it gives up. Its
errors become Python's own here. What it gets wrong is put right:

* ``isdir`` is False, and ``listdir`` finds no folder, whatever went wrong;
* what it has learned about an object is believed for 5 seconds, so that of
  one that was replaced meanwhile the old length may be read;
* a name that cannot be resolved is an error at once;
* ``makedirs`` never ends in a bucket that is missing.
"""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from absl import logging

if TYPE_CHECKING:
    import tensorflow as tf

_Result = TypeVar("_Result")

# What TensorFlow adds to a message where an operation, such as one that writes
# for TensorBoard, has met the error.
_OF_OPERATION = re.compile(r"^\{\{.*?\}\}|\[Op:\w+\]( name: \S*)?")

# Seconds before each further attempt; in sum more than the 5 seconds for
# which the client believes what it knows.
_PAUSES = (1, 2, 4, 8)
_CHUNK = 1 << 24

_NO_RIGHT = (
    PermissionError,
    "You have no right to read or write this path",
    "Sign in (`gcloud auth application-default login`; on Colab "
    "`google.colab.auth.authenticate_user()`) with an account that may read "
    "and write there, or correct the path",
)
_LATER = (
    "Check the network, and give the same command again later, without "
    "--overwrite_output_dir: what was saved before is whole"
)
# Name of the error of TensorFlow -> ours, what happened, and the correction.
_SENTENCES: dict[str, tuple[type[Exception], str, str]] = {
    "NotFoundError": (
        FileNotFoundError,
        "There is no such file, folder or bucket",
        "Correct the path, or check your rights to read it",
    ),
    "PermissionDeniedError": _NO_RIGHT,
    "UnauthenticatedError": _NO_RIGHT,
    "InvalidArgumentError": (
        ValueError,
        "This is not a valid path, as gs://bucket/folder/name is",
        "Correct the path",
    ),
    "UnimplementedError": (
        ValueError,
        "A path must be on this machine or begin with gs://",
        "Correct the path",
    ),
    "ResourceExhaustedError": (
        OSError,
        "There is no room on this machine for a copy of what is written",
        "Free some space in the folder for temporary files (TMPDIR)",
    ),
    "AbortedError": (
        ConnectionError,
        "The storage did not answer, though it was asked again and again",
        _LATER,
    ),
}
_OTHERWISE = (ConnectionError, "The storage gave a wrong answer", _LATER)
# Also a client says of a file of this machine that it is a folder.
_REFUSED = (OSError, "This cannot be done with the path", "Correct it")


class _Unfinished(Exception):
    """A read that brought less or more than the object has by now."""


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Turns errors of TensorFlow's file systems about a path into Python's.

    Raises:
        FileNotFoundError, PermissionError, ValueError, ConnectionError,
            OSError: See `_SENTENCES`.
    """
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        raise explain(error, path) from error


def explain(error: "tf.errors.OpError", path: str) -> Exception:
    """Returns Python's own error for one of TensorFlow's file systems."""
    name = type(error).__name__
    reason = " ".join(_OF_OPERATION.sub("", error.message).split())
    kind, what, correction = _SENTENCES.get(name, _OTHERWISE)
    if name == "FailedPreconditionError" and "libcurl" not in reason:
        kind, what, correction = _REFUSED
    return kind(f"{what}. Received: path={path!r} ({reason}). {correction}.")


def exists(path: str) -> bool:
    """Returns whether `path` is an object or a folder."""
    return _call(path, lambda gfile: gfile.exists(path))


def is_dir(path: str) -> bool:
    """Returns whether `path` is a folder; an error is one."""
    import tensorflow as tf

    def ask(gfile: Any) -> bool:
        # Not `isdir`, which is False if there was no answer.
        try:
            return gfile.stat(path).is_directory
        except tf.errors.NotFoundError:
            return False

    return _call(path, ask)


def list_dir(path: str) -> list[str]:
    """Returns the names in a folder, as the client gives them."""
    return _in_folder(path, lambda gfile: gfile.listdir(path))


def remove_tree(path: str) -> None:
    """Removes a folder and all that is in it."""
    _in_folder(path, lambda gfile: gfile.rmtree(path))


def stat(path: str) -> Any:
    """Returns `length`, `mtime_nsec` and `is_directory` of a path."""
    return _call(path, lambda gfile: gfile.stat(path))


def make_dirs(path: str) -> None:
    """Makes a folder and its parents; on ``gs://`` there is nothing to make.

    There a folder is what the names of objects have in common. The client's
    `makedirs` writes empty objects, needs the right to read the bucket itself,
    and never ends for a bucket that is missing (TensorFlow 2.21).
    """
    if path.startswith("gs://"):
        return
    _call(path, lambda gfile: gfile.makedirs(path))


def remove_file(path: str) -> None:
    """Removes an object."""
    _call(path, lambda gfile: gfile.remove(path))


def glob(pattern: str) -> list[str]:
    """Returns the paths that match a pattern, sorted."""
    return sorted(_call(pattern, lambda gfile: gfile.glob(pattern)))


def download(path: str, target: BinaryIO) -> None:
    """Copies an object into a seekable file, from its place to its end.

    It is read to its end, not to the length that it had before, and the two
    must agree; otherwise it is read again. Its bytes are not compared with
    the hash that the storage keeps, which the client does not give.
    """

    start = target.tell()

    def copy(gfile: Any) -> None:
        target.seek(start)
        target.truncate()
        num_bytes = 0
        with gfile.GFile(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                target.write(chunk)
                num_bytes += len(chunk)
        length = gfile.stat(path).length
        if num_bytes != length:
            raise _Unfinished(f"{num_bytes} of {length} bytes were read")

    _call(path, copy)


def upload(source: str, path: str) -> None:
    """Sends a file of this machine as one object, and checks its length.

    The storage shows the object when it has all of it, and not before.
    """

    def send(gfile: Any) -> None:
        gfile.copy(source, path, overwrite=True)
        length, expected = gfile.stat(path).length, os.path.getsize(source)
        if length != expected:
            raise _Unfinished(f"{length} of {expected} bytes are there")

    _call(path, send)


def _in_folder(path: str, function: Callable[[Any], _Result]) -> _Result:
    """Calls what finds no folder, whatever goes wrong."""
    import tensorflow as tf

    def checked(gfile: Any) -> _Result:
        try:
            return function(gfile)
        except tf.errors.NotFoundError as error:
            # This one says what really went wrong.
            if not gfile.stat(path).is_directory:
                raise
            raise _Unfinished(error.message) from error

    return _call(path, checked)


def _call(path: str, function: Callable[[Any], _Result]) -> _Result:
    """Calls a function with ``tf.io.gfile``, again where that may help."""
    import tensorflow as tf

    pauses = list(_PAUSES)
    while True:
        try:
            with explained(path):
                return function(tf.io.gfile)
        except _Unfinished as error:
            reason = str(error)
            if not pauses:
                raise ConnectionError(
                    "A file was not read or written whole. Received: path="
                    f"{path!r} ({reason}, {len(_PAUSES) + 1} times). Let no "
                    "other program write it; then give the command again."
                ) from error
        except ConnectionError as error:
            # Of an aborted request the client has tried long enough.
            given_up = isinstance(error.__cause__, tf.errors.AbortedError)
            if given_up or not pauses:
                raise
            reason = error.__cause__.message
        pause = pauses.pop(0)
        logging.warning("%s: %s. Again in %d s.", path, reason, pause)
        time.sleep(pause)
