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
from collections.abc import Callable, Iterator
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


def meet(
    cluster: Cluster,
    about: Any,
    find_differences: FindDifferences,
    *,
    seconds: float = SECONDS,
) -> None:
    """Waits until all workers are there, and have come for the same.

    Args:
        cluster: of the workers.
        about: JSON; what this worker is about to do.
        find_differences: called by worker 0, on JSON that was read.
        seconds: > 0. How long worker 0 waits for the others, and these for
            worker 0.

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
    if cluster.is_chief:
        _receive_all(cluster, about, find_differences, seconds)
    else:
        _visit(cluster, about, seconds)


def _receive_all(
    cluster: Cluster,
    about: Any,
    find_differences: FindDifferences,
    seconds: float,
) -> None:
    """Receives all other workers, and answers them when all are there."""
    visitors: dict[int, socket.socket] = {}
    error = None
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listen(cluster))
        for visitor in _arrivals(listener, seconds):
            stack.enter_context(visitor)
            hello = _read(visitor, _SECONDS_OF_A_MESSAGE)
            # Something else may knock at a port.
            if hello is None or not {"index", "cluster", "about"} <= set(hello):
                continue
            visitors = {i: v for i, v in visitors.items() if _is_open(v)}
            error = _objection(cluster, hello, set(visitors))
            error = error or _differences(hello, about, find_differences)
            if error is None:
                visitors[hello["index"]] = visitor
            if error is not None or len(visitors) == len(cluster) - 1:
                _answer([*visitors.values(), visitor], error)
                break
        else:
            error = _missing(cluster, set(visitors), seconds)
            _answer(visitors.values(), error)
    if error is not None:
        raise RendezvousFailed(error)


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
            "The port of a worker must be free on its machine. Received: "
            f"{cluster.name(cluster.index)} ({error.strerror}). End what uses "
            "it, such as an earlier run, or name another port in TF_CONFIG."
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
        with connection.makefile("rb") as file:
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
    cluster: Cluster, hello: dict[str, Any], present: set[int]
) -> str | None:
    """Returns what is wrong with the TF_CONFIG of a worker."""
    index = hello["index"]
    found = None
    if hello["cluster"] != list(cluster.addresses):
        found = f"worker {index} with cluster {hello['cluster']}"
    elif index in present:
        found = f"two workers with index {index}"
    if found is None:
        return None
    return (
        "TF_CONFIG must be the same on all workers, but for the index of the "
        f"task, which must differ. Received: {found}, where worker 0 has "
        f"cluster {list(cluster.addresses)}. Correct it, and start all "
        "workers again."
    )


def _differences(
    hello: dict[str, Any], about: Any, find_differences: FindDifferences
) -> str | None:
    """Returns what is wrong with the settings of a worker."""
    found = find_differences(about, hello["about"])
    if not found:
        return None
    return (
        "All workers must be started with the same flags. Received: worker "
        f"{hello['index']}, which differs from worker 0 in {'; '.join(found)}. "
        "Give it the same, and start all workers again."
    )


def _missing(cluster: Cluster, present: set[int], seconds: float) -> str:
    names = [
        cluster.name(index)
        for index in range(1, len(cluster))
        if index not in present
    ]
    return (
        f"All workers must come within {seconds:g} seconds. Received: nothing "
        f"from {', '.join(names)}. See what is said there, and whether worker "
        f"0 can be reached from there at {cluster.addresses[0]}; then start "
        "all workers again."
    )


def _answer(visitors: Any, error: str | None) -> None:
    """Lets all visitors go, and waits until they are gone."""
    answer = json.dumps({"error": error}).encode() + b"\n"
    for visitor in visitors:
        visitor.settimeout(_SECONDS_OF_A_MESSAGE)
        with contextlib.suppress(OSError):
            visitor.sendall(answer)
    for visitor in visitors:
        # Who closes first keeps the port busy for a while: not this side.
        with contextlib.suppress(OSError):
            visitor.recv(1)


def _visit(cluster: Cluster, about: Any, seconds: float) -> None:
    """Tells worker 0 that this one is here, and waits for its answer."""
    hello = {
        "index": cluster.index,
        "cluster": cluster.addresses,
        "about": about,
    }
    with _connect(cluster, seconds) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(json.dumps(hello).encode() + b"\n")
        # Worker 0 decides when the time is over; it may have come later.
        answer = _read(connection, 2 * seconds)
    if answer is None or "error" not in answer:
        raise _unreachable(cluster, "it does not wait for workers")
    if answer["error"] is not None:
        raise RendezvousFailed(answer["error"])


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
        "Worker 0 must wait for the others, at an address that they reach. "
        f"Received: {cluster.name(0)}: {reason}. Correct TF_CONFIG, or see "
        "what worker 0 says; then start all workers again."
    )
