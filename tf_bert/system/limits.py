"""How many processors and how much memory this process may use.

A container has the whole machine before its eyes and a part of it in its
hands: Linux keeps the limits in control groups, of version 2 or 1, and those
of the groups above hold too. TensorFlow, `os.cpu_count` and the system's size
of memory know nothing of them. Plain Python; importing it loads nothing.
"""

import math
import os
import pathlib
from collections.abc import Iterator

# What TensorFlow takes for its number of threads, read when it starts them.
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def num_cpus(root: str = "/") -> int:
    """Returns how many processors this process may keep busy, at least 1.

    The least of the machine's, those that it may run on, and the quota of its
    control groups, rounded up.

    Args:
        root: of the folders `proc` and `sys` that are read.
    """
    return max(1, math.ceil(min([_allowed_cpus(), *_cpu_quotas(root)])))


def memory_bytes(root: str = "/") -> int:
    """Returns the bytes of memory that this process may have.

    The least of the machine's and the limits of its control groups.

    Args:
        root: see `num_cpus`.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_memory_limits(root)])


def limit_threads(root: str = "/") -> None:
    """Keeps TensorFlow from starting more threads than it may keep busy.

    To be called before it is loaded. What the user has set stays.

    Args:
        root: see `num_cpus`.
    """
    if num_cpus(root) < _allowed_cpus():
        for name in _THREADS:
            os.environ.setdefault(name, str(num_cpus(root)))


def _allowed_cpus() -> int:
    """The processors that TensorFlow, too, sees."""
    # Not on macOS and Windows.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_quotas(root: str) -> Iterator[float]:
    for group in _groups(root, ""):
        quota, *period = _read(group / "cpu.max").split()[:2]
        if quota != "max" and period:
            yield int(quota) / int(period[0])
    for group in _groups(root, "cpu"):
        quota = int(_read(group / "cpu.cfs_quota_us", "-1"))
        if quota > 0:  # -1: none.
            yield quota / int(_read(group / "cpu.cfs_period_us"))


def _memory_limits(root: str) -> Iterator[int]:
    for group in _groups(root, ""):
        if (limit := _read(group / "memory.max")) != "max":
            yield int(limit)
    for group in _groups(root, "memory"):
        # Of no limit: a number that no machine has.
        if (limit := _read(group / "memory.limit_in_bytes")) != "max":
            yield int(limit)


def _groups(root: str, controller: str) -> Iterator[pathlib.Path]:
    """Yields the folders of the groups that hold for this process.

    These are its own, and those above up to the root of what is mounted: in
    a container that is often its group, whatever its path is outside.

    Args:
        controller: of version 1, which has a tree for each; "" for version 2,
            which has one for all.
    """
    system = pathlib.Path(root, "sys/fs/cgroup")
    # "4:memory:/path" of version 1, "0::/path" of version 2.
    for line in _read(pathlib.Path(root, "proc/self/cgroup"), "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller not in controllers.split(","):
            continue
        # A path from a group beside the one that is mounted begins with "..".
        parts = [part for part in path.split("/") if part not in ("", "..")]
        # Version 2 stands alone, or beside the trees of version 1.
        names = (controllers, controller) if controller else ("", "unified")
        for name in dict.fromkeys(names):
            for depth in range(len(parts) + 1):
                yield system.joinpath(name, *parts[:depth])


def _read(path: pathlib.Path, otherwise: str = "max") -> str:
    """Returns the text of a file; `otherwise` if there is none."""
    # Where there are no control groups, or none with this limit.
    return path.read_text("utf-8").strip() if path.is_file() else otherwise
