"""What a speed was measured on: printed beside every speed.

    python benchmarks/processor.py

prints it alone: the processor, its instruction sets of which speed depends,
whether TensorFlow computes with oneDNN, and the rate of the machine's own
float32 matrix product.
"""

import argparse
import os
import pathlib
import platform
import time

import numpy as np
import quick
import threadpoolctl

from tf_bert.system import onednn

# As Linux calls them, in the order in which processors got them.
_INSTRUCTIONS = (
    *("avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16"),
    *("avx_vnni", "amx_bf16", "amx_int8"),
)
# The variable that keeps oneDNN from using all of them.
LIMIT = "ONEDNN_MAX_CPU_ISA"
_SIZE = 2048  # Of the product: too large for caches, as a step's operands are.


def describe(num_threads: int | None = None) -> str:
    """Returns `machine`, and whether TensorFlow has oneDNN in this process.

    Args:
        num_threads: that were measured; None: all.
    """
    return f"{machine(num_threads)}; oneDNN {'on' if onednn.is_on() else 'off'}"


def machine(num_threads: int | None = None) -> str:
    """Returns one line about the processor and its instruction sets.

    Args:
        num_threads: that were measured; None: all.
    """
    flags = onednn.processor_flags()
    sets = [name.upper() for name in _INSTRUCTIONS if name in flags]
    cores, threads = _cores(), os.cpu_count() or 1
    line = (
        f"Processor: {_name()}, {cores} cores with {threads // cores} "
        f"thread{'s' * (threads > cores)} each, {num_threads or threads} "
        f"threads used; {' '.join(sets) or platform.machine()}"
    )
    if LIMIT in os.environ:
        line += f", of which oneDNN uses {os.environ[LIMIT]} at most"
    return line


def product_rate(num_threads: int) -> float:
    """Measures a float32 matrix product: the best of three in turn.

    Args:
        num_threads: of NumPy's library of linear algebra.

    Returns:
        GFLOP/s.
    """
    matrix = np.full((_SIZE, _SIZE), 0.5, np.float32)
    seconds = []
    with threadpoolctl.threadpool_limits(num_threads):
        for _ in range(3):
            begin = time.perf_counter()
            matrix @ matrix
            seconds.append(time.perf_counter() - begin)
    # Its threads wait for each other: what else the machine does slows it more
    # than a training step.
    return 2e-9 * _SIZE**3 / min(seconds)


def _name() -> str:
    return _of_cpuinfo("model name") or platform.processor() or "unknown"


def _cores() -> int:
    """Cores, not threads, as far as the system tells them apart."""
    per_socket, sockets = _of_cpuinfo("cpu cores"), _num_sockets()
    threads = os.cpu_count() or 1
    return min(threads, int(per_socket) * sockets) if per_socket else threads


def _num_sockets() -> int:
    return len({x for x in _cpuinfo() if x.startswith("physical id")}) or 1


def _of_cpuinfo(name: str) -> str:
    """The first value of a name, or nothing."""
    found = (x.partition(":") for x in _cpuinfo())
    return next((v.strip() for n, _, v in found if n.strip() == name), "")


def _cpuinfo() -> list[str]:
    path = pathlib.Path("/proc/cpuinfo")
    return path.read_text("utf-8").splitlines() if path.exists() else []


def main() -> None:
    """Prints the line of this machine, with the rate of its product."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    quick.add_flag(parser)
    repeats = 1 if parser.parse_args().quick else 5
    count = os.cpu_count() or 1
    product_rate(count)  # Its threads start with this.
    rate = np.median([product_rate(count) for _ in range(repeats)])
    print(f"{describe()}; float32 matrix product {rate:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
