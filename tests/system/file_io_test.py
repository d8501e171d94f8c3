"""Tests of tf_bert/system/file_io.py, on plain paths and on ones with a scheme.

``file://`` stands for ``gs://``: it takes the same way through TensorFlow.
"""

import errno
import os
import pathlib
import subprocess
import sys

import pytest

from tf_bert.system import file_io


@pytest.fixture(params=["local", "scheme"])
def folder(request, tmp_path) -> str:
    return str(tmp_path) if request.param == "local" else f"file://{tmp_path}"


def test_what_is_written_is_read_back(folder):
    path = f"{folder}/file"
    for data in (b"first \x00\xff", b"", b"second"):
        file_io.write_bytes(path, data)
        assert file_io.read_bytes(path) == data
        assert file_io.size_and_mtime(path)[0] == len(data)


def test_text_is_utf_8_with_its_line_ends_kept(tmp_path):
    file_io.write_text(tmp_path / "file", "é\r\n漢\n")
    assert file_io.read_text(tmp_path / "file") == "é\r\n漢\n"
    assert file_io.read_bytes(tmp_path / "file") == "é\r\n漢\n".encode()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(folder):
    file_io.write_text(f"{folder}/file", "old")
    with pytest.raises(KeyError, match="stop"):
        with file_io.open_binary_writer(f"{folder}/file") as file:
            file.write(b"new")
            raise KeyError("stop")
    assert file_io.list_dir(folder) == ["file"]
    assert file_io.read_text(f"{folder}/file") == "old"


@pytest.mark.parametrize(
    "name, error, named",
    [
        # A full disk names none, and our temporary file means nothing.
        ("file", OSError(errno.ENOSPC, "full"), "file"),
        ("no/file", None, "no/file"),
        ("file", FileNotFoundError(errno.ENOENT, "gone", "other"), "other"),
    ],
)
def test_an_error_of_the_system_names_the_file(
    name, error, named, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError) as caught:
        with file_io.open_binary_writer(name):
            raise error
    assert caught.value.filename == named


def test_an_open_file_is_not_seen_before_it_is_complete(folder):
    path = f"{folder}/file"
    with file_io.open_binary_writer(path) as file:
        file.write(b"all")
        file.seek(0)  # As some who write do.
        file.write(b"A")
        file.flush()
        assert not file_io.exists(path)
    assert file_io.read_bytes(path) == b"All"


def test_a_folder_replaces_the_old_one_whole_or_not_at_all(folder):
    for names in (["a", "b"], ["c"]):
        with file_io.open_folder_writer(f"{folder}/x") as new:
            for name in names:
                os.makedirs(f"{new}/{name}")
                file_io.write_text(f"{new}/{name}/file", name)
            file_io.write_text(f"{new}/top", "top")
        assert file_io.list_dir(f"{folder}/x") == [*names, "top"]
        found = file_io.read_text(f"{folder}/x/{names[0]}/file")
        assert found == names[0]
    with pytest.raises(KeyError, match="stop"):
        with file_io.open_folder_writer(f"{folder}/x") as new:
            file_io.write_text(f"{new}/new", "")
            raise KeyError("stop")
    assert file_io.list_dir(folder) == ["x"]
    assert file_io.list_dir(f"{folder}/x") == ["c", "top"]


def test_folders(folder):
    file_io.make_dirs(f"{folder}/b/c")
    file_io.make_dirs(f"{folder}/b/c")
    file_io.write_text(f"{folder}/a", "")
    assert file_io.list_dir(folder) == ["a", "b"]
    assert file_io.is_dir(f"{folder}/b")
    assert not file_io.is_dir(f"{folder}/a")
    assert file_io.exists(f"{folder}/a")
    file_io.remove_tree(f"{folder}/b")
    assert not file_io.exists(f"{folder}/b")
    assert file_io.exists(f"{folder}/a")


def test_what_killed_writes_have_left_is_removed_and_nothing_else(tmp_path):
    script = (
        "import os, sys\nfrom tf_bert.system import file_io\n"
        "with file_io.open_binary_writer(sys.argv[1]):\n"
        "    with file_io.open_folder_writer(sys.argv[2]) as folder:\n"
        "        file_io.write_text(folder + '/half', '')\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    (tmp_path / "a").mkdir()
    for name in ("file", "model", ".hidden.tmp", "x.tmp"):
        file_io.write_text(tmp_path / "a" / name, "whole")
    before = set(tmp_path.rglob("*"))
    arguments = (tmp_path / "a" / "file", tmp_path / "a" / "folder")
    subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=pathlib.Path(__file__).parents[2],
        check=False,
    )
    assert len(set(tmp_path.rglob("*")) - before) == 3
    file_io.remove_unfinished(tmp_path)
    assert set(tmp_path.rglob("*")) == before
    file_io.remove_unfinished(tmp_path / "missing")


@pytest.mark.parametrize(
    "function",
    [
        file_io.read_bytes,
        file_io.list_dir,
        file_io.remove_tree,
        file_io.size_and_mtime,
    ],
)
def test_what_is_missing_is_python_s_own_error(folder, function):
    with pytest.raises(FileNotFoundError, match="missing"):
        function(f"{folder}/missing")


def test_a_folder_is_copied_with_its_subfolders(folder, tmp_path_factory):
    file_io.make_dirs(f"{folder}/sub")
    file_io.write_text(f"{folder}/a", "1")
    file_io.write_text(f"{folder}/sub/b", "2")
    local = tmp_path_factory.mktemp("local") / "new" / "copy"
    file_io.copy_to_local(folder, local)
    file_io.copy_to_local(f"{folder}/a", local / "c" / "d")
    copied = {
        path.relative_to(local).as_posix(): path.read_text()
        for path in local.rglob("*")
        if path.is_file()
    }
    assert copied == {"a": "1", "sub/b": "2", "c/d": "1"}


def test_a_new_file_has_the_rights_that_the_umask_gives(tmp_path):
    file_io.write_text(tmp_path / "ours", "")
    (tmp_path / "plain").write_text("")
    ours, plain = (os.stat(tmp_path / name) for name in ("ours", "plain"))
    assert ours.st_mode == plain.st_mode


@pytest.mark.parametrize(
    "path, expected",
    [
        ("gs://bucket/a", True),
        ("file:///a", True),
        ("/tmp/a", False),
        ("a//b", False),
        (r"C:\a", False),
        ("c://a", False),
        (pathlib.Path("a"), False),
    ],
)
def test_remote_is_what_has_a_scheme(path, expected):
    assert file_io.is_remote(path) == expected
