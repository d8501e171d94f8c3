"""The workers wait for each other, before TensorFlow does. No TensorFlow.

TensorFlow itself waits for an hour, without a word of who is missing, and
deaf to Ctrl-C. So before it starts, every worker tells worker 0, at the very
address that TensorFlow will use, that it is there and what it is about to
train; worker 0 answers all at once, when the last has come or none can come.
Nothing here knows who connects: a message is believed only as far as it has
been checked, and what is no message of a worker holds nobody up.
"""

import contextlib
import errno
import ipaddress
import json
import select
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


class _NoWorker(ValueError):
    """What came, or did not come, is not what a worker says."""


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
    with _listening(cluster) as listeners:
        for visitor in _arrivals(listeners, seconds):
            stack.enter_context(visitor)
            try:
                hello = _read_hello(visitor, cluster, about)
            except _NoWorker as stranger:
                # Something else may knock at a port.
                logging.warning("%s", stranger)
                _answer([visitor], str(stranger))
                visitor.close()
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


@contextlib.contextmanager
def _listening(cluster: Cluster) -> Iterator[list[socket.socket]]:
    """Opens the port of this worker, which TensorFlow uses afterwards."""
    with contextlib.ExitStack() as stack:
        try:
            listeners = _listen(cluster)
        except OSError as error:
            raise RendezvousFailed(
                f"Could not open the port of {cluster.name(cluster.index)}: "
                f"{error.strerror}. End the program that uses it, such as an "
                "earlier run, or name another port in TF_CONFIG."
            ) from error
        yield [stack.enter_context(listener) for listener in listeners]


def _listen(cluster: Cluster) -> list[socket.socket]:
    """Listens on each of the addresses that this worker's name has here."""
    listeners = []
    for family, place in _places(cluster):
        try:
            listeners.append(socket.create_server(place, family=family))
        except OSError as error:
            # Behind a mapped port or a service it is not of this machine.
            if error.errno != errno.EADDRNOTAVAIL:
                raise
    if listeners:
        return listeners
    logging.warning(
        "The other workers know this machine by a name that it does not have "
        "itself (%s): listening for them on all of its addresses, as "
        "TensorFlow will.",
        cluster.addresses[cluster.index],
    )
    _, port = cluster.place(cluster.index)
    if socket.has_dualstack_ipv6():
        return [
            socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True
            )
        ]
    return [socket.create_server(("", port))]


def _places(cluster: Cluster) -> Iterable[tuple[int, tuple]]:
    """Returns the family and the place of each address of this worker's name.

    None if it is not known here; and none that leads to this machine alone, as
    its own name does on Debian, while other workers have other names.
    """
    host, port = cluster.place(cluster.index)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    hosts = {cluster.place(i)[0] for i in range(len(cluster))}
    return dict.fromkeys(
        (family, place)
        for family, *_, place in found
        if len(hosts) == 1 or not ipaddress.ip_address(place[0]).is_loopback
    )


def _arrivals(
    listeners: list[socket.socket], seconds: float
) -> Iterator[socket.socket]:
    """Yields those who come, for some seconds."""
    deadline = time.monotonic() + seconds
    for listener in listeners:
        listener.setblocking(False)  # One may come, and leave at once.
    while (left := deadline - time.monotonic()) > 0:
        for listener in select.select(listeners, [], [], left)[0]:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                yield listener.accept()[0]


def _read_hello(
    visitor: socket.socket, cluster: Cluster, about: Any
) -> dict[str, Any]:
    """Returns what a worker says of itself, of the types it should have.

    Raises:
        _NoWorker: if it is not that.
    """
    hello = _read(visitor, _SECONDS_OF_A_MESSAGE)
    index = hello.get("index")
    is_known = type(index) is int and 0 < index < len(cluster)
    if not (is_known and isinstance(hello.get("cluster"), list)):
        raise _no_worker(f"index={index!r}, cluster={hello.get('cluster')!r}")
    if type(hello.get("about")) is not type(about):
        raise _no_worker(f"about={hello.get('about')!r}")
    return hello


def _read(connection: socket.socket, seconds: float) -> dict[str, Any]:
    """Returns the JSON object on a line that comes within some seconds.

    Raises:
        _NoWorker: if none does.
    """
    line = _read_line(connection, seconds)
    try:
        content = json.loads(line)
    # Brackets in a thousand brackets.
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise _no_worker(repr(line))
    return content


def _read_line(connection: socket.socket, seconds: float) -> bytes:
    """Returns a line; what came before the time or the connection ended.

    What comes behind the line stays where it is.
    """
    deadline = time.monotonic() + seconds
    line = b""
    with contextlib.suppress(OSError):
        while not line.endswith(b"\n") and len(line) < _MAX_BYTES:
            connection.settimeout(max(deadline - time.monotonic(), 1e-3))
            seen = connection.recv(_MAX_BYTES - len(line), socket.MSG_PEEK)
            if not seen or time.monotonic() > deadline:
                break
            line += connection.recv(seen.find(b"\n") + 1 or len(seen))
    return line


def _no_worker(received: str) -> _NoWorker:
    return _NoWorker(
        "What came to the port of worker 0 is no message of a worker of this "
        f"run. Received: {received[:200]}. Start the workers with the same "
        "version of tf_bert and the same TF_CONFIG, and let nothing else use "
        "their ports."
    )


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
    try:
        # Worker 0 decides when the time is over; it may have come later.
        error = _read(connection, 2 * seconds).get("error", "")
    except _NoWorker:
        error = ""
    if error is None:
        return connection
    connection.close()
    if error and isinstance(error, str):
        raise RendezvousFailed(error)
    raise _unreachable(cluster, "it does not wait for workers")


def _connect(cluster: Cluster, seconds: float) -> socket.socket:
    place = cluster.place(0)
    deadline = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(place, _SECONDS_OF_A_MESSAGE)
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
