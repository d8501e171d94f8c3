"""Tests of tf_bert/system/os_errors.py."""

import errno
import os

import pytest

from tf_bert.system import os_errors


def test_a_sentence_stays():
    error = FileNotFoundError("`x` must be a file. Received: x=''.")
    assert os_errors.explain(error) == str(error)


@pytest.mark.parametrize(
    "number, said",
    [
        (errno.ENOSPC, "The disk is full. "),
        (errno.EDQUOT, "The disk is full. "),
        (errno.EFBIG, "The disk is full. "),
        (errno.EACCES, "The rights of "),
        (errno.EROFS, "The rights of "),
        (errno.ENOTDIR, "This path leads to no "),
    ],
)
def test_says_what_happened_to_which_path_and_how_to_go_on(number, said):
    reason = os.strerror(number)
    said_all = os_errors.explain(OSError(number, reason, "runs/config.json"))
    assert said_all.startswith(said)
    what, _, correction = said_all.partition(
        f"Received: path='runs/config.json' ({reason}). "
    )
    assert what
    assert "--output_dir" in correction


def test_a_full_disk_has_no_path():
    """Linux has a device that is always full."""
    with pytest.raises(OSError, match="No space") as caught:
        with open("/dev/full", "wb", buffering=0) as file:
            file.write(b"x")
    said = os_errors.explain(caught.value)
    assert "Received: no path (No space left" in said


@pytest.mark.parametrize("number", [errno.ECONNRESET, errno.EIO, errno.ENOMEM])
def test_what_nobody_can_correct_is_not_explained(number):
    assert os_errors.explain(OSError(number, "x")) is None
