"""Tests of tf_bert/data/readers/data_files.py."""

import gzip
import os

from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.data.readers.data_files import (
    find_files,
    open_binary,
    open_decompressed,
)


class DataFilesTestCase(WithFolder):
    def path(self, name):
        return str(self.folder / name)

    def write(self, *names, content=b"x"):
        for name in names:
            (self.folder / name).write_bytes(content)


class FindFilesTest(DataFilesTestCase):
    @parameterized.parameters("a.csv", "link.csv")
    def test_a_path_or_a_link_is_one_file(self, name):
        self.write("a.csv")
        os.symlink("a.csv", self.path("link.csv"))
        self.assertEqual(find_files(self.path(name)), (self.path(name),))

    @parameterized.parameters("p-*.csv", "p-??.csv", "p-[01][0-9].csv")
    def test_a_pattern_is_its_files_in_the_order_of_their_names(self, pattern):
        self.write("p-10.csv", "p-02.csv", "q-01.csv", "p-01.tsv")
        self.assertEqual(
            find_files(self.path(pattern)),
            (self.path("p-02.csv"), self.path("p-10.csv")),
        )

    @parameterized.parameters("a*.csv", "a[1].csv", "a?.csv")
    def test_a_file_of_that_very_name_goes_first(self, name):
        self.write(name, "a1.csv", "ab.csv")
        self.assertEqual(find_files(self.path(name)), (self.path(name),))

    def test_remote_patterns(self):
        import tensorflow as tf

        for name in ("b", "a"):
            with tf.io.gfile.GFile(f"ram://find/{name}.csv", "w") as file:
                file.write("x")
        self.assertEqual(
            find_files("ram://find/*.csv"),
            ("ram://find/a.csv", "ram://find/b.csv"),
        )

    def test_a_pattern_without_files_is_refused(self):
        with self.assertRaisesRegex(
            FileNotFoundError, r"No file matches .*Received: path='.*/\*.csv'"
        ):
            find_files(self.path("*.csv"))

    @parameterized.parameters("nowhere.csv", "link.csv")
    def test_a_link_that_dangles_or_loops_is_refused(self, target):
        os.symlink(target, self.path("link.csv"))
        with self.assertRaisesRegex(
            FileNotFoundError,
            f"no such data file. .*path='.*link.csv': a link to '{target}', "
            "which leads nowhere",
        ):
            find_files(self.path("link.csv"))

    def test_a_name_that_cannot_be_is_refused(self):
        with self.assertRaisesRegex(
            FileNotFoundError, "no such data file. .*: File name too long"
        ):
            find_files(self.path("x" * 300 + ".csv"))

    @parameterized.parameters(
        (os.mkdir, "a.csv", r"is a folder. .*path='.*a.csv'.*a.csv/\*"),
        (os.mkdir, "*.csv", r"is a folder. .*path='.*a.csv'.*a.csv/\*"),
        (os.mkfifo, "a.csv", "a device or a pipe.*--predict_file=-"),
    )
    def test_what_is_no_ordinary_file_is_refused(self, make, name, message):
        make(self.path("a.csv"))
        with self.assertRaisesRegex(ValueError, message):
            find_files(self.path(name))


class PermissionTest(DataFilesTestCase):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)

    def assert_refused(self, function, path):
        is_root = os.geteuid() == 0  # Whom modes do not stop.
        if is_root:
            os.seteuid(65534)
        try:
            with self.assertRaisesRegex(
                PermissionError, f"may not be read.*path='{path}'"
            ):
                function(path)
        finally:
            if is_root:
                os.seteuid(0)

    def test_a_file(self):
        def read(path):
            with open_binary(path):
                pass

        self.write("a.csv")
        os.chmod(self.path("a.csv"), 0)
        self.assert_refused(read, self.path("a.csv"))

    def test_a_folder(self):
        os.mkdir(self.path("locked"), 0)
        self.assert_refused(find_files, self.path("locked/a.csv"))


class OpenTest(DataFilesTestCase):
    def test_gz_is_unpacked_and_all_else_is_not(self):
        packed = gzip.compress(b"text")
        self.write("a.csv", "a.csv.GZ", content=packed)
        with open_decompressed(self.path("a.csv")) as file:
            self.assertEqual(file.read(), packed)
        with open_decompressed(self.path("a.csv.GZ")) as file:
            self.assertEqual(file.read(), b"text")

    def test_remote_files_can_be_read_anywhere(self):
        import tensorflow as tf

        with tf.io.gfile.GFile("ram://open/a.bin", "wb") as file:
            file.write(b"0123456789\r\n\0")
        with open_binary("ram://open/a.bin") as file:
            self.assertEqual(file.seek(-3, os.SEEK_END), 10)
            self.assertEqual(file.read(), b"\r\n\0")
            file.seek(4)
            self.assertEqual(file.read(2), b"45")
