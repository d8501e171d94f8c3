"""The program as processes that need not import TensorFlow first.

For tests that start it again and again, to kill it or to let it talk to
others: on a small machine the imports take longer than all that follows. One
process has done them, and is forked for each start.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO

ROOT = pathlib.Path(__file__).parents[1]
_MODULES = ("tf_bert.finetune", "tf_bert.trials.run_trials")


class WarmProgram:
    """Starts `python -m tf_bert.run` by forking; at the end of `with` no more.

    Example:
        >>> with WarmProgram() as program:  # doctest: +SKIP
        ...     process = program.start(["--mode=report", "--output_dir=x"])
        ...     status, error = process.wait(), process.error()
    """

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="tf_bert_warm_")
        self._address = os.path.join(self._folder.name, "socket")
        self._server = subprocess.Popen(
            [sys.executable, __file__, self._address],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self._number = 0
        deadline = time.monotonic() + 120
        while not os.path.exists(self._address):
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("The program could not be imported.")
            time.sleep(0.05)

    def __enter__(self) -> "WarmProgram":
        return self

    def __exit__(self, *error) -> None:
        self._server.kill()
        self._server.wait()
        self._folder.cleanup()

    def start(
        self,
        flags: Sequence[str],
        *,
        stdout: IO | None = None,
        stderr: IO | None = None,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> "Process":
        """Starts the program; it leads a process group of its own.

        Args:
            flags: its arguments.
            stdout: a file that is open for writing; None: nobody reads it.
            stderr: likewise; None: that of `Process.error`.
            cwd: its folder; None: this process's.
            env: its environment; None: this process's. What is read when
                TensorFlow is imported is not changed by it.
        """
        request = {
            "flags": list(flags),
            "cwd": os.fspath(cwd or os.getcwd()),
            "env": dict(os.environ if env is None else env),
        }
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        data = json.dumps(request).encode()
        self._number += 1
        path = pathlib.Path(self._folder.name, f"error_{self._number}")
        with open(os.devnull, "w") as nothing, open(path, "w") as error:
            files = [(stdout or nothing).fileno(), (stderr or error).fileno()]
            socket.send_fds(connection, [len(data).to_bytes(4, "big")], files)
        connection.sendall(data)
        return Process(connection, path)


class Process:
    """What `subprocess.Popen` is, as far as the tests need it.

    Args:
        connection: says the process's id, and when it has ended, its status.
        error: file of what it writes to standard error.

    Attributes:
        pid: of the process.
        returncode: None until it has ended, as far as was asked for.
    """

    def __init__(self, connection: socket.socket, error: pathlib.Path):
        self._connection = connection
        self._error = error
        self.pid = self._read_number()
        self.returncode: int | None = None

    def _read_number(self) -> int:
        return int.from_bytes(
            self._connection.recv(4, socket.MSG_WAITALL), "big"
        )

    def poll(self) -> int | None:
        """Returns the status if it has ended; -9 if signal 9 killed it."""
        if self.returncode is None:
            self._connection.setblocking(False)
            try:
                has_ended = self._connection.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                has_ended = b""
            finally:
                self._connection.setblocking(True)
            if has_ended:
                self.wait()
        return self.returncode

    def wait(self) -> int:
        """Waits for its end; returns the status."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(self._read_number())
            self._connection.close()
        return self.returncode

    def error(self) -> str:
        """Returns what it has written to standard error."""
        return self._error.read_text(encoding="utf-8")

    def send_signal(self, number: int) -> None:
        """Sends it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kills it."""
        self.send_signal(signal.SIGKILL)


def _serve(address: str) -> None:
    """Forks for each connection; in the program's process this returns."""
    listener = socket.socket(socket.AF_UNIX)
    # Under its name only once it listens.
    listener.bind(f"{address}.tmp")
    listener.listen()
    os.rename(f"{address}.tmp", address)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            break
        connection.close()
    # A keeper of one program: its parent, which says how it ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, files, *_ = socket.recv_fds(connection, 4, 2)
    data = connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(json.loads(data), files)
        return
    connection.sendall(pid.to_bytes(4, "big"))
    _, status = os.waitpid(pid, 0)
    connection.sendall(status.to_bytes(4, "big"))
    os._exit(0)


def _become(request: dict, files: Sequence[int]) -> None:
    """Makes this process what the shell would have started."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(files[0], 1)
    os.dup2(files[1], 2)
    for file in files:
        os.close(file)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv[1:] = request["flags"]


if __name__ == "__main__":
    import importlib

    sys.path.insert(0, str(ROOT))
    from tf_bert.system import lean_tensorflow

    with lean_tensorflow.without_garbage_collection():
        for module in _MODULES:
            importlib.import_module(module)
    _serve(sys.argv[1])
    from tf_bert import run

    sys.exit(run.main())
