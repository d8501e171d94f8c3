"""Tests of tf_bert/trials/runners/ray_runner.py on a real cluster of two nodes.

So small a model is computed alike by any number of threads: what differs is
the runner's doing.
"""

import contextlib
import ipaddress
import json
import os
import pathlib
import re
import signal
import socket
import time

import pytest

pytestmark = pytest.mark.large

ROOT = pathlib.Path(__file__).parents[3]
RAY = {"trial_runner": "ray"}


@pytest.fixture(scope="module")
def cluster():
    from ray import cluster_utils

    cluster = cluster_utils.Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "num_gpus": 0,
            "include_dashboard": False,
        },
    )
    yield cluster
    cluster.shutdown()


def parent_of(process: int) -> int:
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"PPid:\s+(\d+)", status)[1])


def busy_workers(raylets: set[int]) -> dict[int, int]:
    """Returns node -> process that runs a trial, as process ids.

    Args:
        raylets: the nodes.
    """
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::run_for_cluster"):
                worker = int(path.parent.name)
                found[parent_of(worker)] = worker
        except (FileNotFoundError, ProcessLookupError):
            continue
    return {node: found[node] for node in raylets & found.keys()}


def raylet_of(node) -> int:
    (process,) = node.all_processes["raylet"]
    return process.process.pid


def descendants(process: int) -> set[int]:
    children = pathlib.Path(f"/proc/{process}/task/{process}/children")
    found = set(map(int, children.read_text().split()))
    return found.union(*map(descendants, found))


def listened_on(processes: set[int]) -> set:
    """Returns the IP addresses that some processes listen on."""
    inodes = set()
    for process in processes:
        for path in pathlib.Path(f"/proc/{process}/fd").glob("*"):
            with contextlib.suppress(FileNotFoundError):
                inodes.add(os.readlink(path))
    found = set()
    for table in ("tcp", "tcp6"):
        lines = pathlib.Path("/proc/net", table).read_text().splitlines()[1:]
        for _, local, _, state, *_, inode in (
            line.split()[:10] for line in lines
        ):
            if state == "0A" and f"socket:[{inode}]" in inodes:
                found.add(parse_address(local.split(":")[0]))
    return found


def parse_address(text: str):
    """Reads an IP address as Linux shows it: words of 4 bytes, reversed."""
    words = [bytes.fromhex(word)[::-1] for word in re.findall(".{8}", text)]
    address = ipaddress.ip_address(b"".join(words))
    return getattr(address, "ipv4_mapped", None) or address


def wait_until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("It did not happen.")
        time.sleep(0.02)


class TestRunOnRay:
    def test_a_sweep_survives_a_killed_worker_and_a_killed_node(
        self,
        cluster,
        start_sweep,
        wait_for_trials,
        local_sweep,
        sweep_content,
        tmp_path,
    ):
        node = cluster.add_node(num_cpus=1, num_gpus=0)
        cluster.wait_for_nodes()
        raylets = {raylet_of(cluster.head_node), raylet_of(node)}
        folder = tmp_path / "sweep"
        process = start_sweep(folder, ray_address=cluster.address, **RAY)
        wait_for_trials(process, folder, 1)
        wait_until(lambda: busy_workers(raylets).keys() == raylets)
        finished = wait_for_trials(process, folder, 1)
        worker = busy_workers(raylets)[raylet_of(cluster.head_node)]
        os.kill(worker, signal.SIGKILL)
        cluster.remove_node(node, allow_graceful=False)
        status, error = process.wait(), process.error()

        assert status == 0, error
        assert finished < 6
        assert sweep_content(folder) == sweep_content(local_sweep)
        # Ray's own lines are in its files.
        for line in error.splitlines():
            assert re.match(
                r"\d of 8: |(train|validation|test|labels): "
                "|F1 and average precision are of class "
                r"|\d+ of the \d+ test examples are copies of training ",
                line,
            )

    def test_control_c_leaves_a_cluster_that_was_there_idle(
        self, cluster, start_sweep, wait_for_trials, reviews, tmp_path
    ):
        folder = tmp_path / "sweep"
        process = start_sweep(
            folder,
            ray_address=cluster.address,
            train_file=os.path.relpath(reviews / "train.csv", ROOT),
            **RAY,
        )
        wait_for_trials(process, folder, 1)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait() == 130
        assert (
            process.error().splitlines()[-1].startswith("Interrupted. What has")
        )
        assert cluster.remaining_processes_alive()
        wait_until(lambda: not busy_workers({raylet_of(cluster.head_node)}))
        # Workers found the file, whose path is relative to the command's.
        for path in folder.glob("trials/*.json"):
            assert json.loads(path.read_text())["status"] == "ok"

    def test_a_cluster_of_the_sweep_is_for_this_machine_and_ends_with_it(
        self, start_sweep, wait_for_trials, tmp_path
    ):
        """Ctrl-C ends it; until then no other machine can reach it."""
        folder = tmp_path / "sweep"
        process = start_sweep(folder, **RAY)
        wait_for_trials(process, folder, 1)
        started = descendants(process.pid)
        addresses = listened_on({process.pid, *started})
        assert addresses
        assert all(address.is_loopback for address in addresses), addresses
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait() == 130
        wait_until(
            lambda: not any(os.path.exists(f"/proc/{p}") for p in started)
        )

    def test_what_no_machine_has_is_refused_before_anything_is_written(
        self, cluster, finish_sweep, tmp_path
    ):
        folder = tmp_path / "sweep"
        status, error = finish_sweep(
            folder, ray_address=cluster.address, num_gpus_per_trial=1, **RAY
        )
        assert status == 2
        assert error.splitlines()[-1] == (
            "ValueError: No machine of the Ray cluster has what a trial "
            "asks for. Received: num_cpus_per_trial=1, num_gpus_per_trial=1 "
            "(machines: 1 CPUs and 0 GPUs). Pass smaller ones, or another "
            "--ray_address."
        )
        assert not folder.exists()

    def test_a_cluster_that_is_not_there_is_one_sentence(
        self, finish_sweep, tmp_path
    ):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
            status, error = finish_sweep(
                tmp_path / "sweep", ray_address=address, **RAY
            )
        assert status == 2
        (line,) = (x for x in error.splitlines() if "Error" in x)
        assert line == (
            "ConnectionError: Could not connect to a Ray cluster, or start "
            f"one. Received: ray_address={address} ([Errno 111] "
            "Connection refused). Correct --ray_address, start Ray there (ray "
            "start --head), or leave the flag out to use this machine alone."
        )
        assert error.splitlines()[-1] == line
