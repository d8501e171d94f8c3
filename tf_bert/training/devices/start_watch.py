"""Watches the other workers while TensorFlow starts. No TensorFlow.

From the rendezvous until all have registered, TensorFlow waits for every
worker, for up to an hour, in native code: meanwhile no thread and no signal
handler of Python runs. So a process of its own looks whether the connections
of the rendezvous stay open, and ends this one when another worker is lost.
A start may take minutes where devices are many or slow: it is not ended for
that, but only where another worker cannot be reached for long.
"""

import contextlib
import ctypes
import os
import selectors
import signal
import socket
from collections.abc import Iterator, Mapping

from tf_bert.training.devices.cluster import Cluster

# Between two looks at what takes so long.
SECONDS = 60.0
# In a row that find a worker out of reach: then this process ends.
_MOST_LOOKS = 10
_SECONDS_TO_CONNECT = 5.0
_READY = b"ready\n"


@contextlib.contextmanager
def watched(
    cluster: Cluster, connections: Mapping[int, socket.socket]
) -> Iterator[None]:
    """A time in which this process ends if another worker is lost.

    It says which one, and ends with status 2. At the end of the time the
    others are told that this worker is ready.

    Args:
        connections: of worker 0 to each of the others by its number, and of
            each of these to worker 0.
    """
    reader, writer = os.pipe()
    own = os.getpid()
    with _status_2_at_sigint():
        watcher = os.fork()
        if watcher == 0:
            os.close(writer)
            _watch(cluster, connections, reader, own)
        try:
            yield
        finally:
            os.close(writer)
            os.waitpid(watcher, 0)
            os.close(reader)
            # After an error, too: all workers have it, not this one alone.
            for connection in connections.values():
                with contextlib.suppress(OSError):
                    connection.sendall(_READY)


@contextlib.contextmanager
def _status_2_at_sigint() -> Iterator[None]:
    """A time in which SIGINT ends this process in native code, too.

    `_exit` of the C library takes the place of a handler, whose argument is
    the signal's number: it becomes the exit status, which is 2 for SIGINT.
    """
    c_library = ctypes.CDLL(None)
    c_library.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    c_library.signal.restype = ctypes.c_void_p
    handler = c_library.signal(
        signal.SIGINT, ctypes.cast(c_library._exit, ctypes.c_void_p)
    )
    try:
        yield
    finally:
        c_library.signal(signal.SIGINT, handler)
        signal.siginterrupt(signal.SIGINT, True)  # As Python has it.


def _watch(
    cluster: Cluster,
    connections: Mapping[int, socket.socket],
    end: int,
    parent: int,
) -> None:
    """The watching process: until `parent` closes `end`, or one is lost."""
    try:
        message = _wait(cluster, connections, end)
        if message is not None and os.getppid() == parent:
            os.write(2, f"{message}\n".encode())
            os.kill(parent, signal.SIGINT)
    finally:
        os._exit(0)


def _wait(
    cluster: Cluster, connections: Mapping[int, socket.socket], end: int
) -> str | None:
    """Returns what there is to be said; None if the parent goes on."""
    selector = selectors.DefaultSelector()
    selector.register(end, selectors.EVENT_READ)
    for index, connection in connections.items():
        selector.register(connection, selectors.EVENT_READ, index)
    num_looks = 0
    while True:
        events = selector.select(SECONDS)
        if not events:
            num_looks += 1
            unreachable = _unreachable(cluster)
            if unreachable and num_looks >= _MOST_LOOKS:
                return _never_started(cluster, unreachable, num_looks)
            _say_what_takes_long(unreachable, num_looks)
        for key, _ in events:
            if key.fileobj == end:
                return None
            said = _read(key.fileobj)
            if said == _READY:
                selector.unregister(key.fileobj)
                continue
            # Worker 0 says which of the others was lost.
            lost = _number(said, cluster, otherwise=key.data)
            for connection in connections.values():
                with contextlib.suppress(OSError):
                    connection.sendall(f"{lost}\n".encode())
            return (
                f"WorkerLost: Lost {cluster.name(lost)} before the training "
                "began. See why that worker ended, then start all workers "
                "again."
            )


def _unreachable(cluster: Cluster) -> list[str]:
    """Returns those whose TensorFlow does not answer here, and why."""
    found = []
    for index in set(range(len(cluster))) - {cluster.index}:
        place = cluster.place(index)
        try:
            socket.create_connection(place, _SECONDS_TO_CONNECT).close()
        except OSError as error:
            reason = error.strerror or "no answer"
            found.append(f"{cluster.name(index)}: {reason}")
    return found


def _never_started(
    cluster: Cluster, unreachable: list[str], num_looks: int
) -> str:
    return (
        f"WorkerLost: Could not start within {num_looks * SECONDS:g} seconds: "
        "not all workers can reach each other. Received: "
        f"{'; '.join(unreachable)}. Check that each can connect to the others' "
        f"addresses, {', '.join(cluster.addresses)}; then start all workers "
        "again."
    )


def _say_what_takes_long(unreachable: list[str], num_looks: int) -> None:
    what = "all workers are there, and TensorFlow prepares their devices"
    if unreachable:
        what = f"not reached from here so far: {'; '.join(unreachable)}"
    line = f"Still starting after {num_looks * SECONDS:g} seconds: {what}.\n"
    os.write(2, line.encode())


def _number(said: bytes, cluster: Cluster, *, otherwise: int) -> int:
    """Returns the worker that a line names; `otherwise` if it names none."""
    text = said.strip()
    is_one = text.isdigit() and int(text) < len(cluster)
    return int(text) if is_one else otherwise


def _read(connection: socket.socket) -> bytes:
    """Returns the line that has come; nothing if the connection is closed."""
    try:
        return connection.recv(len(_READY))
    except OSError:
        return b""
