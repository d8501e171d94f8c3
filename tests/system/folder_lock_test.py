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


def test_another_process_is_refused_and_touches_nothing(folder, holder):
    before = contents(folder)
    lock = FolderLock(str(folder))
    message = f"where process {holder.pid} is at work. Wait for its end"
    with pytest.raises(FileExistsError, match=message):
        lock.check_free()
    with pytest.raises(FileExistsError, match=message):
        with lock.held():
            pytest.fail("Two are in.")
    assert contents(folder) == before


def test_one_that_is_killed_leaves_no_lock_nor_does_its_child(folder, holder):
    holder.kill()
    holder.wait()
    os.kill(holder.child, 0)  # It is there.
    lock = FolderLock(str(folder))
    lock.check_free()
    with lock.held():
        pass


def test_another_machine_is_named(folder, holder):
    (folder / ".process").write_text("12 far\n")
    with pytest.raises(FileExistsError, match="process 12 of far is at work"):
        FolderLock(str(folder)).check_free()


def test_to_look_makes_nothing(folder):
    FolderLock(str(folder)).check_free()
    assert not folder.exists()


def test_it_may_be_held_again_and_is_free_to_who_holds_it(folder):
    lock = FolderLock(str(folder))
    for _ in range(2):
        with lock.held():
            lock.check_free()
            assert (folder / ".process").exists()
        assert not (folder / ".process").exists()


def test_it_is_free_after_an_error(folder):
    with pytest.raises(KeyboardInterrupt):
        with FolderLock(str(folder)).held():
            raise KeyboardInterrupt
    FolderLock(str(folder)).check_free()


def test_there_is_none_on_gs():
    lock = FolderLock("gs://bucket/run")
    lock.check_free()
    with lock.held(), lock.held():
        pass
