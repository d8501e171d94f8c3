"""Tests of tf_bert/system/remote_files.py, by TensorFlow's client for gs://."""

import os
import pathlib

import gcs_client
import gcs_server
import pytest
import tensorflow as tf

from tf_bert.checkpoints.fetch import resolve
from tf_bert.system import file_io, remote_files

Fault = gcs_server.Fault


@pytest.mark.parametrize(
    "theirs, reason, ours, advice",
    [
        ("NotFound", "why\n\tnot", FileNotFoundError, "Correct the path"),
        ("PermissionDenied", "why not", PermissionError, "gcloud auth"),
        ("InvalidArgument", "why not", ValueError, "gs://bucket"),
        ("Aborted", "why not", ConnectionError, "command again later"),
        ("Internal", "why not", ConnectionError, "command again later"),
        ("ResourceExhausted", "why not", OSError, "TMPDIR"),
        ("FailedPrecondition", "why not", OSError, "Correct it"),
        # A name that is not resolved.
        ("FailedPrecondition", "libcurl 6", ConnectionError, "later"),
    ],
)
def test_an_error_is_python_s_own_and_a_sentence(theirs, reason, ours, advice):
    error = getattr(tf.errors, f"{theirs}Error")(None, None, reason)
    explained = remote_files.explain(error, "gs://b")
    assert type(explained) is ours
    received = f". Received: path='gs://b' ({' '.join(reason.split())}). "
    assert received in str(explained)
    assert advice in str(explained)
    # So that the program prints it.
    assert getattr(explained, "errno", None) is None


def test_what_an_operation_adds_to_a_message_is_left_out():
    error = tf.errors.AbortedError(
        None, None, "{{function_node __wrapped__X}} why not [Op:X] name: "
    )
    assert "Received: path='gs://b' (why not). " in str(
        remote_files.explain(error, "gs://b")
    )


def test_another_scheme_is_refused():
    with pytest.raises(ValueError, match="begin with gs://.*s4://b/x"):
        file_io.read_bytes("s4://b/x")


def contents(gcs: gcs_server.GcsServer, folder: str) -> dict[str, bytes]:
    """Returns what lies in a folder: name there -> content."""
    prefix = folder.removeprefix("gs://bucket/") + "/"
    return {
        name.removeprefix(prefix): data
        for name, data in gcs.objects["bucket"].items()
        if name.startswith(prefix)
    }


def put(gcs: gcs_server.GcsServer, path: str, data: bytes) -> None:
    """Puts an object in, as another program does."""
    gcs.objects["bucket"][path.removeprefix("gs://bucket/")] = data


@pytest.mark.large
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *(("read", 503), ("read", 429), ("read", 0)),
        *(("upload", 503), ("upload", 0), ("stat", 429), ("list", 0)),
    ],
)
def test_one_fault_of_each_kind_is_survived(
    gcs, on_gcs, gcs_folder, kind, status
):
    data = os.urandom(300_000)
    gcs.faults.append(Fault(kind, status=status))
    on_gcs(file_io.write_bytes, f"{gcs_folder}/file", data)
    assert on_gcs(file_io.list_dir, gcs_folder) == ["file"]
    assert on_gcs(file_io.read_bytes, f"{gcs_folder}/file") == data
    assert contents(gcs, gcs_folder) == {"file": data}
    assert gcs.faults[0].times == 0


@pytest.mark.large
@pytest.mark.parametrize(
    "function, name, arguments",
    [
        (file_io.read_bytes, "file", ()),
        (file_io.is_dir, "", ()),  # As exists.
        (file_io.list_dir, "", ()),  # As remove_tree.
        (file_io.write_bytes, "file", (b"new" * 9999,)),
        (remote_files.glob, "*", ()),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
@pytest.mark.parametrize(
    "status, error, message",
    [
        (503, ConnectionError, "Received: path='gs://bucket/.*503.*later"),
        (0, ConnectionError, "Received: path='gs://bucket/.*libcurl.*later"),
        (403, PermissionError, "have no right.*gcloud auth"),
    ],
    ids=["503", "dropped", "403"],
)
def test_an_endless_fault_is_a_clear_error_and_changes_nothing(
    gcs, on_gcs, gcs_folder, function, name, arguments, status, error, message
):
    put(gcs, f"{gcs_folder}/file", b"old")
    gcs.faults.append(Fault(status=status, times=None))
    with pytest.raises(error, match=message):
        on_gcs(function, f"{gcs_folder}/{name}".rstrip("/"), *arguments)
    gcs.faults.clear()
    assert contents(gcs, gcs_folder) == {"file": b"old"}


@pytest.mark.large
@pytest.mark.parametrize(
    "function, arguments",
    [
        (file_io.read_bytes, ("gs://missing/x",)),
        (file_io.list_dir, ("gs://missing/x",)),
        (file_io.write_bytes, ("gs://missing/x", b"")),
        (file_io.read_bytes, ("gs://bucket/x",)),
        (file_io.remove_tree, ("gs://bucket/x",)),
        (file_io.size_and_mtime, ("gs://bucket/x",)),
    ],
)
def test_what_is_missing_is_not_found(gcs, on_gcs, function, arguments):
    with pytest.raises(FileNotFoundError, match=r"Received: path='gs://"):
        on_gcs(function, *arguments)


@pytest.mark.large
def test_an_upload_that_breaks_off_shows_nothing(gcs, on_gcs, gcs_folder):
    put(gcs, f"{gcs_folder}/file", b"old")
    gcs.faults.append(Fault("upload", status=0, times=None))
    with pytest.raises(ConnectionError):
        on_gcs(file_io.write_bytes, f"{gcs_folder}/file", b"x" * 300_000)
    assert contents(gcs, gcs_folder) == {"file": b"old"}


@pytest.mark.large
def test_what_another_program_has_replaced_is_read_whole(
    gcs, on_gcs, gcs_folder
):
    """Its old length is what the client believes for 5 seconds."""
    for data in (b"a" * 1000, b"b" * 5000, b"c" * 10):
        put(gcs, f"{gcs_folder}/file", data)
        assert on_gcs(file_io.read_bytes, f"{gcs_folder}/file") == data


@pytest.mark.large
def test_a_folder_is_replaced_and_its_last_file_is_last(
    gcs, on_gcs, gcs_folder
):
    on_gcs(gcs_client.fill, gcs_folder, "old")
    assert set(contents(gcs, gcs_folder)) == {"a/b", "c", "z", "last"}
    # As of a process that dies half way.
    gcs.faults.append(Fault("begin_upload", "/last$", status=403, times=None))
    with pytest.raises(PermissionError):
        on_gcs(gcs_client.fill, gcs_folder, "new")
    removed = [r.name for r in gcs.requests if r.kind == "delete"]
    assert removed[0].endswith("/last")
    assert contents(gcs, gcs_folder) == dict.fromkeys(["a/b", "c", "z"], b"new")


@pytest.mark.large
def test_a_large_checkpoint_is_read_once(gcs, on_gcs, gcs_folder, tmp_path):
    """In several parts; of itself the client would read 64 MiB at a time."""
    data = os.urandom(1 << 20) * 70
    put(gcs, f"{gcs_folder}/config.json", b"{}")
    put(gcs, f"{gcs_folder}/model.safetensors", data)
    for _ in range(2):  # The second time it is here already.
        folder = on_gcs(resolve.resolve, gcs_folder, cache_dir=str(tmp_path))
    assert pathlib.Path(folder, "model.safetensors").read_bytes() == data
    name = f"{gcs_folder.removeprefix('gs://bucket/')}/model.safetensors"
    reads = gcs.reads("bucket", name)
    assert sum(num_bytes for _, num_bytes in reads) == len(data)
    ends = [first + num_bytes for first, num_bytes in reads]
    assert [first for first, _ in reads] == [0, *ends[:-1]]
    # It clears so much memory for each object, however small that is.
    assert reads[0] == (0, 8 << 20)


@pytest.mark.large
def test_what_a_kill_has_left_of_a_copy_is_not_mistaken(
    gcs, on_gcs, gcs_folder, tmp_path
):
    """`.partial` is left, with a file of which the rest is missing."""
    data = os.urandom(200_000)
    put(gcs, f"{gcs_folder}/config.json", b"{}")
    put(gcs, f"{gcs_folder}/model.safetensors", data)
    gcs.faults.append(Fault("read", "safetensors", status=403))
    with pytest.raises(PermissionError):
        on_gcs(resolve.resolve, gcs_folder, cache_dir=str(tmp_path))
    (left,) = tmp_path.glob("remote/*.partial")
    (left / "model.safetensors").write_bytes(data[:100])
    folder = on_gcs(resolve.resolve, gcs_folder, cache_dir=str(tmp_path))
    assert pathlib.Path(folder, "model.safetensors").read_bytes() == data
    assert not left.exists()
