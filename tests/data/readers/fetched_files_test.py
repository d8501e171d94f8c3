"""Tests of tf_bert/data/readers/fetched_files.py.

``file://`` stands for ``gs://``: it takes the same way through TensorFlow.
"""

import gzip
import io
import os

import pytest

from tf_bert.data.readers import data_files, fetched_files


@pytest.fixture
def path(tmp_path):
    (tmp_path / "data").write_bytes(bytes(range(200)) * 500)
    return f"file://{tmp_path}/data"


def test_it_is_read_from_anywhere_by_several_at_a_time(path, tmp_path):
    content = (tmp_path / "data").read_bytes()
    (tmp_path / "other").write_bytes(b"other")
    with (
        fetched_files.open_fetched(path) as first,
        fetched_files.open_fetched(f"file://{tmp_path}/other") as other,
        fetched_files.open_fetched(path) as second,
    ):
        assert first.read(10) == content[:10]
        assert second.seek(-7, io.SEEK_END) == len(content) - 7
        assert second.read() == content[-7:]
        assert second.read() == b""
        assert second.seek(50) == 50
        assert first.read1(100_000) + first.read() == content[10:]
        assert second.seek(-20, io.SEEK_CUR) == second.tell() == 30
        assert second.read(5) == content[30:35]
        assert other.read() == b"other"


def test_it_is_fetched_once_until_it_changes(path, tmp_path):
    file = tmp_path / "data"
    old, status = file.read_bytes(), file.stat()
    with fetched_files.open_fetched(path) as reader:
        # As if nobody had touched it, which nobody could then tell.
        file.write_bytes(b"x" * len(old))
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        with data_files.open_binary(path) as again:
            assert again.read() == old
        file.write_bytes(b"new")
        with data_files.open_binary(path) as again:
            assert again.read() == b"new"
        assert reader.read() == old


def test_a_compressed_one_is_unpacked(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"text" * 9999))
    with data_files.open_decompressed(f"file://{tmp_path}/a.gz") as file:
        assert file.read() == b"text" * 9999
