"""Tests of tf_bert/system/folder_lock.py, in one process and with another."""

import os
import pathlib
import signal
import subprocess
import sys
import textwrap

import pytest

from tf_bert.system import folder_lock
from tf_bert.system.folder_lock import FolderLock


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(folder_lock, "_SECONDS", 0.1)


@pytest.fixture
def folder(tmp_path) -> pathlib.Path:
    return tmp_path / "run"


@pytest.fixture
def holder(folder):
    """Another process that holds the lock until it is killed."""
    program = f"""
        import os, sys, time
        from tf_bert.system.folder_lock import FolderLock
        with FolderLock({str(folder)!r}).held():
            # It lives on when the process is killed.
            child = os.fork()
            if not child:
                time.sleep(60)
                os._exit(0)
            print(child, flush=True)
            time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
    )
    process.child = int(process.stdout.readline())
    yield process
    process.kill()
    os.kill(process.child, signal.SIGKILL)
    process.communicate()  # To the end of what the child may write, too.


def contents(folder):
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def test_another_process_is_refused_until_it_is_killed(folder, holder):
    before = contents(folder)
    lock = FolderLock(str(folder))
    message = f"where process {holder.pid} is at work. Wait for its end"
    with pytest.raises(FileExistsError, match=message):
        lock.check_free()
    with pytest.raises(FileExistsError, match=message):
        with lock.held():
            pytest.fail("Two are in.")
    assert contents(folder) == before
    (folder / ".process").write_text("12 far\n")  # Another machine is named.
    with pytest.raises(FileExistsError, match="process 12 of far is at work"):
        lock.check_free()
    # One that is killed leaves no lock, nor does its child.
    holder.kill()
    holder.wait()
    os.kill(holder.child, 0)  # It is there.
    lock.check_free()
    with lock.held():
        pass


def test_to_look_makes_nothing(folder):
    FolderLock(str(folder)).check_free()
    assert not folder.exists()


def test_it_may_be_held_again_after_an_error_too(folder):
    lock = FolderLock(str(folder))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), lock.held():
            lock.check_free()  # It is free to who holds it.
            assert (folder / ".process").exists()
            raise KeyboardInterrupt
        assert not (folder / ".process").exists()
    FolderLock(str(folder)).check_free()


def test_there_is_none_on_gs():
    lock = FolderLock("gs://bucket/run")
    lock.check_free()
    with lock.held(), lock.held():
        pass
