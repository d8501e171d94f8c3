"""The workers that TF_CONFIG names. No TensorFlow.

TensorFlow reads this environment variable by itself, and waits without an end,
or dies, where it is wrong. Here it is checked first.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

_EXAMPLE = (
    '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": '
    '"worker", "index": 0}}'
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Several workers, of which this process is one.

    They are counted from 0; worker 0 is the chief, which alone writes files.

    Args:
        has_chief_job: whether TF_CONFIG names worker 0 as a job `chief`
            instead of the first of the workers.
    """

    addresses: tuple[str, ...]
    index: int
    has_chief_job: bool = False

    @property
    def is_chief(self) -> bool:
        """Whether this is the chief."""
        return self.index == 0

    def __len__(self) -> int:
        return len(self.addresses)

    def name(self, index: int) -> str:
        """What a worker is called in messages.

        Example:
            >>> Cluster(("a:1", "b:1"), 0).name(1)
            'worker 1 (b:1)'
        """
        return f"worker {index} ({self.addresses[index]})"

    def place(self, index: int) -> tuple[str, int]:
        """Returns host and port of a worker.

        Example:
            >>> Cluster(("a:1", "[::1]:2"), 0).place(1)
            ('::1', 2)
        """
        host, _, port = self.addresses[index].rpartition(":")
        return host.strip("[]"), int(port)

    def of_task(self, job: str, task: int) -> int:
        """Returns the index of what TensorFlow calls `/job:<job>/task:<task>`.

        Example:
            >>> cluster = Cluster(("a:1", "b:1"), 0, has_chief_job=True)
            >>> cluster.of_task("chief", 0), cluster.of_task("worker", 0)
            (0, 1)
        """
        return task + (self.has_chief_job and job == "worker")


def read_cluster(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """Returns the workers of TF_CONFIG; None if there is at most one.

    Example:
        >>> read_cluster({}) is None
        True
        >>> cluster = read_cluster({"TF_CONFIG": _EXAMPLE})
        >>> len(cluster), cluster.index
        (2, 0)
    """
    text = environment.get("TF_CONFIG", "")
    if not text.strip():
        return None
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _wrong(f"it is not JSON ({error})", text) from error
    if not isinstance(content, dict):
        raise _wrong("it is not a JSON object", text)
    # As on platforms that set it for a single machine, too.
    if not content.get("cluster"):
        return None
    jobs = _read_jobs(content, text)
    chiefs, workers = jobs.get("chief", []), jobs.get("worker", [])
    addresses = (*chiefs, *workers)
    job, task = _read_task(content, jobs, text)
    if len(addresses) == 1:
        return None
    index = task + (len(chiefs) if job == "worker" else 0)
    return Cluster(addresses, index, has_chief_job=bool(chiefs))


def _read_jobs(content: dict[str, Any], text: str) -> dict[str, list[str]]:
    """Returns the addresses of each job."""
    jobs = content["cluster"]
    if not isinstance(jobs, dict):
        raise _wrong("its cluster is not an object", text)
    for job, addresses in jobs.items():
        if job not in ("chief", "worker"):
            raise _wrong(f"a job must be chief or worker, not {job!r}", text)
        if not isinstance(addresses, list):
            raise _wrong(f"the addresses of {job!r} are not a list", text)
        for address in addresses:
            if not _is_address(address):
                raise _wrong(f"{address!r} is not host:port", text)
    if len(jobs.get("chief", [])) > 1:
        raise _wrong("it names more than one chief", text)
    addresses = [address for job in jobs.values() for address in job]
    if len(set(addresses)) < len(addresses):
        raise _wrong("it names an address twice", text)
    return jobs


def _is_address(address: Any) -> bool:
    if not isinstance(address, str):
        return False
    host, _, port = address.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 2**16


def _read_task(
    content: dict[str, Any], jobs: dict[str, list[str]], text: str
) -> tuple[str, int]:
    """Returns the job and the number of this process in it."""
    task = content.get("task")
    if not isinstance(task, dict):
        raise _wrong("it has no task", text)
    job, index = task.get("type"), task.get("index")
    if job not in jobs:
        raise _wrong(f"its task type {job!r} is not in the cluster", text)
    if not isinstance(index, int) or isinstance(index, bool):
        raise _wrong(f"its task index {index!r} is not an integer", text)
    if not 0 <= index < len(jobs[job]):
        raise _wrong(
            f"its task index {index} is not in [0, {len(jobs[job])})", text
        )
    return job, index


def _wrong(reason: str, text: str) -> ValueError:
    return ValueError(
        "The environment variable TF_CONFIG does not say who the workers are: "
        f"{reason}. Received: TF_CONFIG={text}. Correct it, as in {_EXAMPLE}, "
        "or pass --distribution=one_device to use this machine alone."
    )
