"""Tests of tf_bert/system/file_io.py, on plain paths and on ones with a scheme.

``file://`` stands for ``gs://``: it takes the same way through TensorFlow.
"""

import errno
import os
import pathlib
import subprocess
import sys
import tempfile

from absl.testing import parameterized

from tf_bert.system import file_io

_ROOT = pathlib.Path(__file__).parents[2]


class FileIoTest(parameterized.TestCase):
    def _folder(self, kind: str) -> str:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        if kind == "local":
            return folder
        return f"file://{folder}"

    @parameterized.parameters("local", "scheme")
    def test_what_is_written_is_read_back(self, kind):
        path = f"{self._folder(kind)}/file"
        for data in (b"first \x00\xff", b"", b"second"):
            file_io.write_bytes(path, data)
            self.assertEqual(file_io.read_bytes(path), data)
            self.assertEqual(file_io.size_and_mtime(path)[0], len(data))

    def test_text_is_utf_8_with_its_line_ends_kept(self):
        path = f"{self._folder('local')}/file"
        file_io.write_text(path, "é\r\n漢\n")
        self.assertEqual(file_io.read_text(path), "é\r\n漢\n")
        self.assertEqual(file_io.read_bytes(path), "é\r\n漢\n".encode())

    @parameterized.parameters("local", "scheme")
    def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
        self, kind
    ):
        folder = self._folder(kind)
        file_io.write_text(f"{folder}/file", "old")
        with self.assertRaisesRegex(KeyError, "stop"):
            with file_io.open_binary_writer(f"{folder}/file") as file:
                file.write(b"new")
                raise KeyError("stop")
        self.assertEqual(file_io.list_dir(folder), ["file"])
        self.assertEqual(file_io.read_text(f"{folder}/file"), "old")

    def test_an_error_of_the_system_names_the_file(self):
        """A full disk names none, and our temporary file means nothing."""
        folder = self._folder("local")
        for path, error in (
            (f"{folder}/file", OSError(errno.ENOSPC, "full")),
            (f"{folder}/no/file", None),
        ):
            with self.assertRaises(OSError) as caught:
                with file_io.open_binary_writer(path):
                    raise error
            self.assertEqual(caught.exception.filename, path)

    def test_an_error_about_another_file_keeps_its_name(self):
        path = f"{self._folder('local')}/file"
        with self.assertRaises(OSError) as caught:
            with file_io.open_binary_writer(path):
                file_io.read_bytes("no")
        self.assertEqual(caught.exception.filename, "no")

    @parameterized.parameters("local", "scheme")
    def test_an_open_file_is_not_seen_before_it_is_complete(self, kind):
        path = f"{self._folder(kind)}/file"
        with file_io.open_binary_writer(path) as file:
            file.write(b"all")
            file.seek(0)  # As some who write do.
            file.write(b"A")
            file.flush()
            self.assertFalse(file_io.exists(path))
        self.assertEqual(file_io.read_bytes(path), b"All")

    @parameterized.parameters("local", "scheme")
    def test_a_folder_replaces_the_old_one_whole(self, kind):
        parent = self._folder(kind)
        for names in (["a", "b"], ["c"]):
            with file_io.open_folder_writer(f"{parent}/x") as folder:
                for name in names:
                    os.makedirs(f"{folder}/{name}")
                    file_io.write_text(f"{folder}/{name}/file", name)
                file_io.write_text(f"{folder}/top", "top")
            self.assertEqual(file_io.list_dir(f"{parent}/x"), [*names, "top"])
            self.assertEqual(
                file_io.read_text(f"{parent}/x/{names[0]}/file"), names[0]
            )
        self.assertEqual(file_io.list_dir(parent), ["x"])

    @parameterized.parameters("local", "scheme")
    def test_a_folder_that_fails_leaves_the_old_one_and_nothing_else(
        self, kind
    ):
        parent = self._folder(kind)
        with file_io.open_folder_writer(f"{parent}/x") as folder:
            file_io.write_text(f"{folder}/old", "")
        with self.assertRaisesRegex(KeyError, "stop"):
            with file_io.open_folder_writer(f"{parent}/x") as folder:
                file_io.write_text(f"{folder}/new", "")
                raise KeyError("stop")
        self.assertEqual(file_io.list_dir(parent), ["x"])
        self.assertEqual(file_io.list_dir(f"{parent}/x"), ["old"])

    @parameterized.parameters("local", "scheme")
    def test_folders(self, kind):
        folder = self._folder(kind)
        file_io.make_dirs(f"{folder}/b/c")
        file_io.make_dirs(f"{folder}/b/c")
        file_io.write_text(f"{folder}/a", "")
        self.assertEqual(file_io.list_dir(folder), ["a", "b"])
        self.assertTrue(file_io.is_dir(f"{folder}/b"))
        self.assertFalse(file_io.is_dir(f"{folder}/a"))
        self.assertTrue(file_io.exists(f"{folder}/a"))
        file_io.remove_tree(f"{folder}/b")
        self.assertFalse(file_io.exists(f"{folder}/b"))
        self.assertTrue(file_io.exists(f"{folder}/a"))

    def test_what_killed_writes_have_left_is_removed_and_nothing_else(self):
        folder = pathlib.Path(self._folder("local"))
        script = (
            "import os, sys\nfrom tf_bert.system import file_io\n"
            "with file_io.open_binary_writer(sys.argv[1]):\n"
            "    with file_io.open_folder_writer(sys.argv[2]) as folder:\n"
            "        file_io.write_text(folder + '/half', '')\n"
            "        os.kill(os.getpid(), 9)\n"
        )
        for name in ("a/file", "a/model", "a/.hidden.tmp", "a/x.tmp"):
            file_io.make_dirs(folder / "a")
            file_io.write_text(folder / name, "whole")
        before = set(folder.rglob("*"))
        for other in ("a/file", "a/new"):
            arguments = (folder / other, folder / "a" / "folder")
            subprocess.run(
                [sys.executable, "-c", script, *arguments],
                cwd=_ROOT,
                check=False,
            )
        self.assertLen(set(folder.rglob("*")) - before, 6)
        file_io.remove_unfinished(folder)
        self.assertEqual(set(folder.rglob("*")), before)
        file_io.remove_unfinished(folder / "missing")

    @parameterized.product(
        kind=("local", "scheme"),
        function=(
            file_io.read_bytes,
            file_io.list_dir,
            file_io.remove_tree,
            file_io.size_and_mtime,
        ),
    )
    def test_what_is_missing_is_python_s_own_error(self, kind, function):
        path = f"{self._folder(kind)}/missing"
        with self.assertRaisesRegex(FileNotFoundError, "missing"):
            function(path)

    @parameterized.parameters("local", "scheme")
    def test_a_folder_is_copied_with_its_subfolders(self, kind):
        source = self._folder(kind)
        file_io.make_dirs(f"{source}/sub")
        file_io.write_text(f"{source}/a", "1")
        file_io.write_text(f"{source}/sub/b", "2")
        local = pathlib.Path(self._folder("local"), "new", "copy")
        file_io.copy_to_local(source, local)
        copied = {
            path.relative_to(local).as_posix(): path.read_text()
            for path in local.rglob("*")
            if path.is_file()
        }
        self.assertEqual(copied, {"a": "1", "sub/b": "2"})
        file_io.copy_to_local(f"{source}/a", local / "c" / "d")
        self.assertEqual((local / "c" / "d").read_text(), "1")

    def test_a_new_file_has_the_rights_that_the_umask_gives(self):
        folder = pathlib.Path(self._folder("local"))
        file_io.write_text(folder / "ours", "")
        (folder / "plain").write_text("")
        self.assertEqual(
            os.stat(folder / "ours").st_mode, os.stat(folder / "plain").st_mode
        )

    @parameterized.parameters(
        ("gs://bucket/a", True),
        ("file:///a", True),
        ("/tmp/a", False),
        ("a//b", False),
        (r"C:\a", False),
        ("c://a", False),
        (pathlib.Path("a"), False),
    )
    def test_remote_is_what_has_a_scheme(self, path, expected):
        self.assertEqual(file_io.is_remote(path), expected)
