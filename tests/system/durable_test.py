"""Tests of tf_bert/system/durable.py: whatever ends the process, and when."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.stored_config import stored_config
from tf_bert.system import file_io

# Replaces a folder again and again, and is killed before the first thing that
# it asks of the system, the second, ...: says what a reader finds each time.
_KILLED = """
import ctypes, json, os, signal, sys
from tf_bert.system import file_io

folder, can_exchange = sys.argv[1], sys.argv[2] == "True"
target = os.path.join(folder, "saved_model")
os.fsync = lambda descriptor: None  # Slow, and only a power cut needs it.
if not can_exchange:
    ctypes.CDLL = lambda name: object()  # A C library that knows no such call.

def replace(text):
    with file_io.open_folder_writer(target) as new:
        os.mkdir(os.path.join(new, "variables"))
        for name in ("variables/data", "saved_model.pb"):
            with open(os.path.join(new, name), "w") as file:
                file.write(text)

def found():
    if not os.path.isdir(target):
        return "nothing"
    names = ("variables/data", "saved_model.pb")
    return "/".join(open(os.path.join(target, name)).read() for name in names)

def replace_until(last):
    number = 0
    def count(event, arguments):
        nonlocal number
        number += event.split(".")[0] in ("open", "os", "shutil", "ctypes")
        if number > last:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    replace("new")
    os._exit(0)

seen, status, last = [], 9, 0
while status:
    replace("old")
    child = os.fork()
    if child == 0:
        replace_until(last)
    _, status = os.waitpid(child, 0)
    at_once = found()
    file_io.restore_folders(folder)
    restored = found()
    file_io.remove_unfinished(folder)
    seen.append([at_once, restored, found(), os.listdir(folder)])
    last += 1
print(json.dumps(seen))
"""


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_replaced_folder_is_there_whenever_its_writer_is_killed(
    can_exchange, tmp_path
):
    if can_exchange and sys.platform != "linux":
        pytest.skip("Only Linux exchanges two names at once.")
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, tmp_path, str(can_exchange)],
        cwd=pathlib.Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        check=True,
    )
    at_once, restored, cleaned, names = zip(
        *json.loads(done.stdout), strict=True
    )
    num_old = restored.count("old/old")
    assert restored == ("old/old",) * num_old + ("new/new",) * (
        len(restored) - num_old
    )
    assert 10 < num_old < len(restored)
    assert cleaned == restored
    assert set(map(tuple, names)) == {("saved_model",)}
    # The moment between two renames, where there is one.
    assert at_once.count("nothing") == (0 if can_exchange else 1)


def test_what_gets_a_name_is_on_the_disk_before_and_then_its_name(
    tmp_path, monkeypatch
):
    """Also files that others have written, as TensorFlow a SavedModel."""
    events = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(descriptor):
        fsync(descriptor)
        events.append(os.fstat(descriptor).st_ino)

    def noted_rename(source, target, *arguments, **keywords):
        rename(source, target, *arguments, **keywords)
        events.append(pathlib.Path(target).name)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, noted_rename)
    file_io.make_dirs(tmp_path / "run" / "sub")
    for parent in (tmp_path, tmp_path / "run"):
        assert parent.stat().st_ino in events
    events.clear()
    with file_io.open_folder_writer(tmp_path / "run" / "model") as new:
        (pathlib.Path(new) / "variables").mkdir()
        (pathlib.Path(new) / "variables" / "data").write_text("weights")
    file_io.write_text(tmp_path / "run" / "results", "{}")
    folder = tmp_path / "run" / "model"
    names = events.index("model"), events.index("results")
    for path in (folder, *folder.rglob("*")):
        assert events.index(path.stat().st_ino) < names[0]
    results = (tmp_path / "run" / "results").stat().st_ino
    assert names[0] < events.index(results) < names[1]
    parent = (tmp_path / "run").stat().st_ino
    assert events[names[0] + 1] == events[names[1] + 1] == parent


def test_a_folder_behind_a_link_is_replaced_where_it_is(tmp_path):
    (tmp_path / "large_disk").mkdir()
    (tmp_path / "model").symlink_to(tmp_path / "large_disk")
    for text in ("old", "new"):
        with file_io.open_folder_writer(tmp_path / "model") as new:
            file_io.write_text(f"{new}/file", text)
    assert (tmp_path / "model").is_symlink()
    assert (tmp_path / "large_disk" / "file").read_text() == "new"


def test_what_uses_a_run_puts_back_what_was_being_replaced(tmp_path):
    run = RunFolder(str(tmp_path))
    run.write_json("config.json", {"output_dir": "elsewhere"})
    run.write_json("all_results.json", {})
    (tmp_path / f".saved_model.{'0' * 32}.old" / "variables").mkdir(
        parents=True
    )
    stored_config(mode="export", output_dir=run.path)
    assert (tmp_path / "saved_model" / "variables").is_dir()
