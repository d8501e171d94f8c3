"""Tests of tf_bert/system/os_errors.py."""

import errno
import os
import tempfile

from absl.testing import parameterized

from tf_bert.system import os_errors


def raised(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return error
    raise RuntimeError("No error.")


class ExplainTest(parameterized.TestCase):
    def test_a_sentence_stays(self):
        error = FileNotFoundError("`x` must be a file. Received: x=''.")
        self.assertEqual(os_errors.explain(error), str(error))

    def test_names_the_path_and_what_the_system_says(self):
        message = os_errors.explain(raised(os.mkdir, "/dev/null/run"))
        self.assertRegex(
            message,
            "leads to no.*Received: path='/dev/null/run' "
            r"\(Not a directory\). Correct the path.*--output_dir",
        )

    def test_a_full_disk_has_no_path(self):
        """Linux has a device that is always full."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "full")
            os.symlink("/dev/full", path)
            with open(path, "wb", buffering=0) as file:
                error = raised(file.write, b"x")
        self.assertEqual(error.errno, errno.ENOSPC)
        self.assertRegex(
            os_errors.explain(error),
            r"disk is full.*Received: no path \(No space left.*Free some",
        )

    @parameterized.parameters(
        errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS
    )
    def test_says_how_to_go_on(self, number):
        error = OSError(number, os.strerror(number), "runs/x/config.json")
        self.assertRegex(
            os_errors.explain(error),
            r"Received: path='runs/x/config.json' \(.*--output_dir",
        )

    @parameterized.parameters(errno.ECONNRESET, errno.EIO, errno.ENOMEM)
    def test_what_nobody_can_correct_is_not_explained(self, number):
        self.assertIsNone(os_errors.explain(OSError(number, "x")))
