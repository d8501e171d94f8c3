"""Several workers of one run as processes of this machine, over loopback.

For the tests, and for the benchmarks that start workers.
"""

import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ROOT = pathlib.Path(__file__).parents[1]
_SECONDS_BETWEEN_LOOKS = 0.05


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a worker ended.

    Attributes:
        status: its exit status; -9 if it was killed by signal 9.
        output: all that it wrote to standard output.
        error: all that it wrote to standard error.
        seconds: from the start of `WorkerProcesses` to its end.
    """

    status: int
    output: str
    error: str
    seconds: float


def free_addresses(count: int) -> tuple[str, ...]:
    """Returns addresses of this machine whose ports are free."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return tuple(f"127.0.0.1:{port}" for port in ports)


def tf_config(addresses: Sequence[str], index: int) -> str:
    """Returns the TF_CONFIG of one of some workers."""
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": list(addresses)}, "task": task})


def run_command(*flags: str) -> list[str]:
    """Returns the command line of `python -m tf_bert.run`."""
    return [sys.executable, "-m", "tf_bert.run", *flags]


class WorkerProcesses:
    """Starts the workers; at the end of `with` none of them lives.

    Args:
        command: from the number of a worker to its command line.
        num_workers: >= 1.
        folders: that each worker is started in; None starts all in this one.
        environment: variables beside those of this process, TF_CONFIG and
            PYTHONPATH; which may name another TF_CONFIG.
        popen: starts a command as `subprocess.Popen` does.

    Attributes:
        processes: one of each worker.
    """

    def __init__(
        self,
        command: Callable[[int], Sequence[str]],
        num_workers: int,
        *,
        folders: Sequence[str | os.PathLike[str]] | None = None,
        environment: Mapping[str, str] | None = None,
        popen: Callable[..., Any] = subprocess.Popen,
    ):
        self.processes: list[subprocess.Popen] = []
        self._files = tempfile.TemporaryDirectory(prefix="tf_bert_workers_")
        self._start = time.monotonic()
        addresses = free_addresses(num_workers)
        for index in range(num_workers):
            with (
                open(self._path(index, "output"), "wb") as output,
                open(self._path(index, "error"), "wb") as error,
            ):
                self.processes.append(
                    popen(
                        command(index),
                        cwd=folders[index] if folders else None,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=error,
                        env={
                            **os.environ,
                            "PYTHONPATH": str(ROOT),
                            "TF_CONFIG": tf_config(addresses, index),
                            **(environment or {}),
                        },
                    )
                )

    def __enter__(self) -> "WorkerProcesses":
        return self

    def __exit__(self, *error) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        self._files.cleanup()

    def signal(self, index: int, number: int = signal.SIGKILL) -> None:
        """Sends a signal to one worker."""
        self.processes[index].send_signal(number)

    def error(self, index: int) -> str:
        """Returns what a worker wrote to standard error so far."""
        return self._read(index, "error")

    def wait_for(self, index: int, text: str, seconds: float = 300) -> None:
        """Waits until a worker has written a text to standard error.

        Raises:
            RuntimeError: if it ends or the time is over before.
        """
        deadline = time.monotonic() + seconds
        while text not in self.error(index):
            has_ended = self.processes[index].poll() is not None
            if has_ended or time.monotonic() > deadline:
                raise RuntimeError(f"No {text!r}: {self.error(index)}")
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def wait(self, seconds: float = 600) -> list[Ended]:
        """Waits until all have ended.

        Raises:
            RuntimeError: if they have not when the time is over.
        """
        deadline = time.monotonic() + seconds
        ended: dict[int, float] = {}
        while len(ended) < len(self.processes):
            for index, process in enumerate(self.processes):
                if index not in ended and process.poll() is not None:
                    ended[index] = time.monotonic() - self._start
            if time.monotonic() > deadline:
                rest = set(range(len(self.processes))) - set(ended)
                said = "\n".join(f"{i}: {self.error(i)}" for i in rest)
                raise RuntimeError(f"Still running: {said}")
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return [
            Ended(
                process.returncode,
                self._read(index, "output"),
                self._read(index, "error"),
                ended[index],
            )
            for index, process in enumerate(self.processes)
        ]

    def _path(self, index: int, kind: str) -> str:
        return os.path.join(self._files.name, f"{kind}_{index}.txt")

    def _read(self, index: int, kind: str) -> str:
        path = pathlib.Path(self._path(index, kind))
        return path.read_text(encoding="utf-8", errors="replace")
