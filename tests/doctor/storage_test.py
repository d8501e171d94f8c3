"""Tests of tf_bert/doctor/storage.py: memory, disks, and gs://."""

import os
import subprocess
import sys

import gcs_server
import pytest
from broken_machine import ROOT

from tf_bert.doctor import storage

MINILM = 90_000_000


def limit(root, num_bytes: int) -> str:
    """Makes the folders of a container that may have so much memory."""
    group = root / "sys" / "fs" / "cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text(f"{num_bytes}\n", encoding="utf-8")
    process = root / "proc" / "self"
    process.mkdir(parents=True)
    (process / "cgroup").write_text("0::/\n", encoding="utf-8")
    return str(root)


@pytest.mark.parametrize(
    "memory, weights, status",
    [
        (1_400_000_000, MINILM, "ok"),
        (1_300_000_000, MINILM, "error"),
        (1_300_000_000, None, "ok"),
        (999_000_000, None, "error"),
    ],
)
def test_a_container_with_little_memory(tmp_path, memory, weights, status):
    check = storage.check_memory(weights, limit(tmp_path, memory))
    assert check.status == status
    if status == "ok":
        assert check.summary == f"{memory / 1e9:.1f} GB for this process"


def test_a_disk_with_room_and_nothing_is_left_there(tmp_path):
    folder = tmp_path / "runs" / "new"
    check = storage.check_disk({"output": str(folder), "cache": None}, 1000)
    assert check.status == "ok"
    assert check.summary.endswith(" GB free for output")
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "file").touch()
    folders = {"output": str(tmp_path / "file" / "run")}
    (finding,) = storage.check_disk(folders, None).findings
    assert finding.severity == "error"
    assert "This path leads to no file or folder" in finding.why


# In a file system of its own, of which nobody else sees anything.
SMALL_DISK = """
mount -t tmpfs -o size={size} small {folder} || exit 77
{remount}
exec {python} -c "
from tf_bert.doctor import doctor_report, storage
folders = {{'output': '{folder}/run', 'cache': '{folder}'}}
doctor_report.show([storage.check_disk(folders, {weights})], as_json=False)
"
"""


def on_small_disk(folder, size="4m", remount="", weights=None) -> str:
    """Returns what is said of a file system that is made for it."""
    script = SMALL_DISK.format(
        size=size,
        folder=folder,
        remount=remount.format(folder=folder),
        weights=weights,
        python=sys.executable,
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        pytest.skip(f"Nobody may mount anything here: {done.stderr}")
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "size, remount, reason",
    [
        ("64k", "", "The disk is full"),
        ("4m", "mount -o remount,ro {folder}", "The rights of a file or folde"),
    ],
)
def test_a_disk_that_is_full_or_may_not_be_written(
    tmp_path, size, remount, reason
):
    text = on_small_disk(tmp_path, size, remount)
    assert f"Nothing can be written in {tmp_path} (output). why: {reason}" in (
        text
    )
    assert "--output_dir=ANOTHER" in text
    assert "mend: export TF_BERT_CACHE=ANOTHER_FOLDER" in text
    assert text.endswith("A training cannot start: 2 errors.")


@pytest.mark.parametrize(
    "weights, end", [(1_000_000, "cannot start: 1 error."), (None, "warnings.")]
)
def test_a_disk_without_the_room(tmp_path, weights, end):
    text = on_small_disk(tmp_path, weights=weights)
    needed = "With this model up to 8 MB" if weights else "BERT-base up to 3.5"
    assert f"4 MB are free in {tmp_path} (output)" in text
    assert needed in text
    assert text.endswith(end)


@pytest.fixture
def server(monkeypatch):
    """A storage on loopback, to which the processes of the doctor go."""
    with gcs_server.GcsServer(["bucket"]) as server:
        server.objects["bucket"]["train.csv"] = b"text,label\n"
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        yield server


def test_patterns_are_not_asked_for():
    paths = ["gs://b/x", None, "/here", "gs://b/part-*.csv", "minilm-l6"]
    assert storage.remote_paths(paths) == ["gs://b/x"]


@pytest.mark.large  # Each loads TensorFlow.
def test_a_probe_is_written_read_and_removed_again(server):
    check = storage.check_remote("gs://bucket/run", ["gs://bucket/train.csv"])
    assert check.status == "ok"
    assert check.summary == "written, read and removed; 1 input found"
    assert list(server.objects["bucket"]) == ["train.csv"]
    kinds = {request.kind for request in server.requests}
    assert {"upload", "read", "delete"} <= kinds


@pytest.mark.large
@pytest.mark.parametrize(
    "kind, doing, left",
    [
        ("begin_upload", "write", 0),
        ("read", "read", 1),
        ("delete", "remove", 1),
    ],
)
def test_a_right_that_is_missing(server, kind, doing, left):
    server.faults.append(gcs_server.Fault(kind, "doctor", 403, times=None))
    (finding,) = storage.check_remote("gs://bucket/run", []).findings
    assert finding.severity == "error"
    assert finding.what.startswith(f"Could not {doing} gs://bucket/run/doctor_")
    assert "You have no right" in finding.why
    assert ("is left there" in finding.why) == (doing == "remove")
    assert finding.command == "gcloud auth application-default login"
    assert len(server.objects["bucket"]) == 1 + left


@pytest.mark.large
def test_nobody_is_signed_in(server, monkeypatch):
    monkeypatch.delenv("GOOGLE_AUTH_TOKEN_FOR_TESTING")
    monkeypatch.setenv("HOME", "/nonexistent")
    (finding,) = storage.check_remote("gs://bucket/run", []).findings
    assert finding.severity == "error"
    assert "401" in finding.why
    assert finding.command == "gcloud auth application-default login"


@pytest.mark.large
@pytest.mark.parametrize(
    "output_dir, inputs, what",
    [
        ("gs://missing/run", [], "Could not write gs://missing/run/doctor_"),
        (None, ["gs://bucket/gone.csv"], "Could not find gs://bucket/gone.csv"),
    ],
)
def test_a_bucket_or_an_input_that_is_not_there(
    server, output_dir, inputs, what
):
    (finding,) = storage.check_remote(output_dir, inputs).findings
    assert finding.what.startswith(what)
    assert finding.command.startswith("gcloud storage ls gs://")


@pytest.mark.large
def test_a_storage_that_does_not_answer(server):
    server.faults.append(gcs_server.Fault(status=503, times=None))
    (finding,) = storage.check_remote("gs://bucket/run", []).findings
    assert "did not answer" in finding.why
    assert finding.command.startswith("curl ")
