"""Tests of tf_bert/training/devices/start_watch.py, in processes that it ends.

That it ends with another worker is tested by whole runs, in
tests/workers_run_test.py.
"""

import os
import pathlib
import socket
import subprocess
import sys
import textwrap

from worker_processes import free_addresses

ROOT = pathlib.Path(__file__).parents[3]
PROGRAM = """
    import socket, sys, time
    from tf_bert.training.devices import start_watch
    from tf_bert.training.devices.cluster import Cluster

    start_watch.SECONDS = 0.1
    own, other = socket.socketpair()
    with start_watch.watched(Cluster(tuple(sys.argv[1:]), 0), {1: own}):
        time.sleep(3)  # Whatever takes so long.
    print("started")
"""


def start(addresses) -> subprocess.CompletedProcess:
    """Starts what takes thirty times as long as is waited for quietly."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), *addresses],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_a_start_may_take_long_where_all_can_be_reached():
    addresses = free_addresses(2)
    port = int(addresses[1].split(":")[1])
    with socket.create_server(("127.0.0.1", port)):
        process = start(addresses)
    assert (process.returncode, process.stdout) == (0, "started\n"), process
    first, *_ = process.stderr.splitlines()
    assert first == (
        "Still starting after 0.1 seconds: all workers are there, and "
        "TensorFlow prepares their devices."
    )


def test_who_cannot_be_reached_for_long_is_named():
    addresses = free_addresses(2)
    process = start(addresses)
    assert (process.returncode, process.stdout) == (2, ""), process
    first, *_, last = process.stderr.splitlines()
    reason = f"worker 1 ({addresses[1]}): Connection refused"
    assert first == (
        f"Still starting after 0.1 seconds: not reached from here so far: "
        f"{reason}."
    )
    assert last.startswith(
        "WorkerLost: Could not start within 1 seconds: not all workers can "
        f"reach each other. Received: {reason}. Check that each can"
    )
