"""The workers wait for each other, before TensorFlow does. No TensorFlow.

TensorFlow itself waits for an hour, without a word of who is missing, and
deaf to Ctrl-C. So before it starts, every worker tells worker 0, at the very
address that TensorFlow will use, that it is there and what it is about to
train; worker 0 answers all at once, when the last has come or none can come.
"""

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from absl import logging

from tf_bert.training.devices.cluster import Cluster

# Long enough to start some machines by hand.
SECONDS = 300.0
_SECONDS_BETWEEN_TRIES = 0.2
_SECONDS_OF_A_MESSAGE = 10.0
_MAX_BYTES = 2**20

# From what worker 0 and another are about to do, to how these differ.
FindDifferences = Callable[[Any, Any], list[str]]


class RendezvousFailed(ConnectionError):
    """The workers cannot start together."""


@contextlib.contextmanager
def met(
    cluster: Cluster,
    about: Any,
    find_differences: FindDifferences,
    *,
    seconds: float = SECONDS,
) -> Iterator[dict[int, socket.socket]]:
    """A time that begins when all workers are there, and come for the same.

    Args:
        about: JSON; what this worker is about to do.
        find_differences: called by worker 0, on JSON that was read.
        seconds: > 0. How long worker 0 waits for the others, and these for
            worker 0.

    Yields:
        The number of a worker -> a connection to it, open until the end:
        worker 0 has one to each of the others, and these have one to it.

    Raises:
        RendezvousFailed: if a worker is missing, or was started with other
            settings. All that are there raise it.
    """
    logging.info(
        "%s of %d waits for the others.",
        cluster.name(cluster.index).capitalize(),
        len(cluster),
    )
    about = json.loads(json.dumps(about))
    with contextlib.ExitStack() as stack:
        if cluster.is_chief:
            visitors = _receive_all(
                cluster, about, find_differences, seconds, stack
            )
            yield visitors
            _wait_for_end(visitors.values())
        else:
            yield {0: stack.enter_context(_visit(cluster, about, seconds))}


def _receive_all(
    cluster: Cluster,
    about: Any,
    find_differences: FindDifferences,
    seconds: float,
    stack: contextlib.ExitStack,
) -> dict[int, socket.socket]:
    """Receives all other workers, and answers them when all are there.

    Returns the connections to them, which `stack` closes.
    """
    visitors: dict[int, socket.socket] = {}
    error = None
    with _listen(cluster) as listener:
        for visitor in _arrivals(listener, seconds):
            stack.enter_context(visitor)
            hello = _read(visitor, _SECONDS_OF_A_MESSAGE)
            # Something else may knock at a port.
            if hello is None or not {"index", "cluster", "about"} <= set(hello):
                continue
            visitors = {i: v for i, v in visitors.items() if _is_open(v)}
            error = _objection(
                cluster,
                hello,
                set(visitors),
                find_differences(about, hello["about"]),
            )
            if error is None:
                visitors[hello["index"]] = visitor
            if error is not None or len(visitors) == len(cluster) - 1:
                _answer({*visitors.values(), visitor}, error)
                break
        else:
            error = _missing(cluster, set(visitors), seconds)
            _answer(visitors.values(), error)
    if error is not None:
        _wait_for_end(visitors.values())
        raise RendezvousFailed(error)
    return visitors


def _listen(cluster: Cluster) -> socket.socket:
    """Opens the port of this worker, which TensorFlow uses afterwards."""
    port = int(cluster.addresses[cluster.index].rpartition(":")[2])
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True
            )
        return socket.create_server(("", port))
    except OSError as error:
        raise RendezvousFailed(
            f"Could not open the port of {cluster.name(cluster.index)}: "
            f"{error.strerror}. End the program that uses it, such as an "
            "earlier run, or name another port in TF_CONFIG."
        ) from error


def _arrivals(
    listener: socket.socket, seconds: float
) -> Iterator[socket.socket]:
    """Yields those who come, for some seconds."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        listener.settimeout(left)
        with contextlib.suppress(TimeoutError):
            yield listener.accept()[0]


def _read(connection: socket.socket, seconds: float) -> Any:
    """Returns the JSON object on a line that comes; None if none does."""
    connection.settimeout(seconds)
    try:
        # Without a buffer: what comes behind the line stays there.
        with connection.makefile("rb", buffering=0) as file:
            content = json.loads(file.readline(_MAX_BYTES))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _is_open(visitor: socket.socket) -> bool:
    """Whether one that waits for the answer is still there."""
    visitor.setblocking(False)
    try:
        return bool(visitor.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _objection(
    cluster: Cluster,
    hello: dict[str, Any],
    present: set[int],
    found_differences: list[str],
) -> str | None:
    """Returns what is wrong with the TF_CONFIG or the flags of a worker."""
    index = hello["index"]
    if hello["cluster"] != list(cluster.addresses):
        found = f"worker {index} with cluster {hello['cluster']}"
    elif index in present:
        found = f"two workers with index {index}"
    elif found_differences:
        return (
            f"Worker {index} was started with other flags than worker 0. "
            f"Received: {'; '.join(found_differences)}. Start all workers "
            "again, with the same flags."
        )
    else:
        return None
    return (
        "TF_CONFIG must be the same on all workers but for the index of the "
        f"task, which must differ. Received: {found}, while worker 0 has "
        f"cluster {list(cluster.addresses)}. Correct it, then start all "
        "workers again."
    )


def _missing(cluster: Cluster, present: set[int], seconds: float) -> str:
    names = [
        cluster.name(index)
        for index in range(1, len(cluster))
        if index not in present
    ]
    return (
        f"Heard nothing from {', '.join(names)} within {seconds:g} seconds. "
        "See what is printed there, and whether worker 0 can be reached from "
        f"there at {cluster.addresses[0]}; then start all workers again."
    )


def _answer(visitors: Iterable[socket.socket], error: str | None) -> None:
    answer = json.dumps({"error": error}).encode() + b"\n"
    for visitor in visitors:
        visitor.settimeout(_SECONDS_OF_A_MESSAGE)
        with contextlib.suppress(OSError):
            visitor.sendall(answer)


def _wait_for_end(visitors: Iterable[socket.socket]) -> None:
    """Waits until all visitors are gone.

    Who closes first keeps the port busy for a while: not this side.
    """
    for visitor in visitors:
        with contextlib.suppress(OSError):
            while visitor.recv(_MAX_BYTES):
                pass


def _visit(cluster: Cluster, about: Any, seconds: float) -> socket.socket:
    """Tells worker 0 that this one is here, and waits for its answer.

    Returns the connection.
    """
    hello = {
        "index": cluster.index,
        "cluster": cluster.addresses,
        "about": about,
    }
    connection = _connect(cluster, seconds)
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(hello).encode() + b"\n")
    # Worker 0 decides when the time is over; it may have come later.
    answer = _read(connection, 2 * seconds)
    error = _unreachable(cluster, "it does not wait for workers")
    if answer is not None and "error" in answer:
        if answer["error"] is None:
            return connection
        error = RendezvousFailed(answer["error"])
    connection.close()
    raise error


def _connect(cluster: Cluster, seconds: float) -> socket.socket:
    host, _, port = cluster.addresses[0].rpartition(":")
    deadline = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(
                (host.strip("[]"), int(port)), _SECONDS_OF_A_MESSAGE
            )
        except OSError as error:
            if time.monotonic() > deadline:
                reason = error.strerror or "no answer"
                raise _unreachable(cluster, reason) from error
            time.sleep(_SECONDS_BETWEEN_TRIES)


def _unreachable(cluster: Cluster, reason: str) -> RendezvousFailed:
    return RendezvousFailed(
        f"Could not connect to {cluster.name(0)}: {reason}. Correct TF_CONFIG, "
        "or see what worker 0 prints; then start all workers again."
    )
