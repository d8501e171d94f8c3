"""The Ray cluster that trials run on: one that is there, or one of our own."""

import contextlib
import importlib
import ipaddress
import math
import os
import socket
from collections.abc import Iterator
from typing import Any

from tf_bert.config import Config
from tf_bert.system import limits, native_log

# Whether Ray may have more than this machine; on Linux it may by default.
_CLUSTERS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
# Seconds. Ray itself tries for minutes.
_CONNECT_TIMEOUT = 10


@contextlib.contextmanager
def connected(config: Config) -> Iterator[None]:
    """Connects this process with the cluster, for as long as it is needed.

    Without `ray_address` one is started on this machine, where nothing but
    this machine reaches it, and ended with what runs in it. Of a cluster that
    was there, what this process began is ended.

    Raises:
        ValueError: if Ray is not installed, or no machine of the cluster has
            what a trial asks for, or Ray would listen to other machines.
        ConnectionError: if there is no cluster at the address.
    """
    if config.ray_address is None:
        # Read when Ray is imported: a Ray that knows of no other machines
        # listens on the loopback address alone. Whoever reaches its ports can
        # run what he likes.
        os.environ[_CLUSTERS] = "0"
    ray = _import_ray()
    with _explained(config.ray_address):
        _check_address(config.ray_address)
        # Its C++ prints warnings while it tries.
        with native_log.quieted():
            _initialize(ray, config.ray_address)
    try:
        if config.ray_address is None:
            _check_is_local(ray)
        _check_resources(config)
        yield
    finally:
        ray.shutdown()


def num_slots(config: Config) -> int:
    """Returns how many trials the cluster has room for, were it empty."""
    return sum(_num_fitting(x, config) for x in _machines())


def _machines() -> list[dict[str, float]]:
    """What each machine that is there has."""
    nodes = _import_ray().nodes()
    return [node["Resources"] for node in nodes if node["Alive"]]


def _import_ray() -> Any:
    # Read when Ray is imported or starts its processes. Hidden GPUs are the
    # matter of `trial_worker.make_workbench`.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "error")
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ValueError(
            "Ray is not installed. Received: trial_runner=ray "
            f"({error}). Run: pip install 'tf_bert[ray]'; or pass "
            "--trial_runner=local."
        ) from error


def _initialize(ray: Any, address: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "error"}
    if address is None:
        # "local": whatever RAY_ADDRESS is.
        ray.init(
            address="local",
            num_cpus=limits.num_cpus(),
            include_dashboard=False,
            **quiet,
        )
    else:
        ray.init(address=address, **quiet)


def _check_is_local(ray: Any) -> None:
    """Refuses a cluster of our own that other machines can reach."""
    (node,) = ray.nodes()
    address = node["NodeManagerAddress"]
    if not ipaddress.ip_address(address).is_loopback:
        raise ValueError(
            "Ray listens to other machines, without a password. Received: "
            f"address {address} of the cluster that was started here. Import "
            f"ray after tf_bert's trials have begun, or set {_CLUSTERS}=0 "
            "before; or pass the --ray_address of a cluster of yours."
        )


def _check_address(address: str | None) -> None:
    """Raises `OSError` if nothing answers."""
    host, _, port = (address or "").rpartition(":")
    if host and "//" not in host and port.isdigit():
        place = (host.strip("[]"), int(port))
        socket.create_connection(place, _CONNECT_TIMEOUT).close()


@contextlib.contextmanager
def _explained(address: str | None) -> Iterator[None]:
    try:
        yield
    # Another version of Ray or Python is a RuntimeError.
    except (OSError, ValueError, RuntimeError, OverflowError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise ConnectionError(
            "Could not connect to a Ray cluster, or start one. Received: "
            f"ray_address={address} ({lines[0]}). Correct --ray_address, "
            "start Ray there (ray start --head), or leave the flag out to "
            "use this machine alone."
        ) from error


def _check_resources(config: Config) -> None:
    if num_slots(config):
        return
    machines = [
        f"{x.get('CPU', 0):g} CPUs and {x.get('GPU', 0):g} GPUs"
        for x in _machines()
    ]
    raise ValueError(
        "No machine of the Ray cluster has what a trial asks for. "
        f"Received: num_cpus_per_trial={config.num_cpus_per_trial:g}, "
        f"num_gpus_per_trial={config.num_gpus_per_trial:g} (machines: "
        f"{'; '.join(machines)}). Pass smaller ones, or another --ray_address."
    )


def _num_fitting(resources: dict[str, float], config: Config) -> int:
    """How many trials fit on a machine."""
    asked = {
        "CPU": config.num_cpus_per_trial,
        "GPU": config.num_gpus_per_trial,
    }
    return min(
        # 0.3 / 0.1 is a little less than 3.
        math.floor(resources.get(name, 0) / number + 1e-9)
        for name, number in asked.items()
        if number
    )
