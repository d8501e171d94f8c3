"""Feeds damaged files to the readers: a sentence or a right answer, no more.

    python benchmarks/fuzz_readers.py --reader=all --count=20000

Every input is a small good file with a few random changes, a function of
(--seed, the reader, its number). A reader must answer what another reading of
the same bytes gives, or refuse in a sentence (`ValueError` or
`FileNotFoundError` with "Received: "), within --seconds, and in 64 MiB of
memory and 50 times the input's size. Anything else is a failure: the input is
kept below --failures_dir, and the exit status is 1.

Prints one line per reader; `--quick` takes 20 inputs for each. With --reference
(needs the extra [reference]) what the reader of .bin files answers is compared
with PyTorch's answer, where PyTorch has one.
"""

import argparse
import collections
import dataclasses
import multiprocessing
import os
import pathlib
import random
import resource
import sys
import tempfile
import time
from typing import Any

import mutations
import quick
from absl import logging
from fuzzed_readers import READERS, Reader, expect_torch

BASE_BYTES = 64 << 20
BYTES_PER_BYTE = 50
OUTCOMES = ("answer", "refusal", "failure")


@dataclasses.dataclass
class Counts:
    """What came of the inputs of one reader."""

    outcomes: collections.Counter
    failures: list[str]
    slowest: float
    num_bytes: int

    def line(self, reader: str) -> str:
        """Returns one line to print."""
        counts = ", ".join(f"{self.outcomes[x]} {x}s" for x in OUTCOMES)
        return (
            f"{reader}: {self.outcomes.total()} inputs: {counts}; slowest "
            f"{self.slowest:.2f} s; memory grew by {self.num_bytes >> 20} MiB"
        )


def make_input(reader: Reader, name: str, seed: int, number: int) -> bytes:
    """Returns one damaged file."""
    rng = random.Random(f"{seed} {name} {number}")
    data, damage = rng.choice(reader.seeds())
    return rng.choice((mutations.damage, damage))(rng, data)


def fuzz(
    name: str,
    reader: Reader,
    *,
    count: int,
    seed: int = 0,
    seconds: float = 10.0,
    failures_dir: str,
) -> Counts:
    """Runs a reader over damaged files.

    Args:
        name: of the reader.
        reader: what is fuzzed.
        count: inputs.
        seed: of the damage.
        seconds: the longest that one input may take.
        failures_dir: where inputs are kept that fail; made when needed.
    """
    counts = Counts(collections.Counter(), [], 0.0, 0)
    with tempfile.TemporaryDirectory() as folder:
        worker = _Worker(reader, os.path.join(folder, reader.file))
        for number in range(count):
            data = make_input(reader, name, seed, number)
            outcome, reason, elapsed, grown = worker.run(data, seconds)
            counts.outcomes[outcome] += 1
            counts.slowest = max(counts.slowest, elapsed)
            counts.num_bytes = max(counts.num_bytes, grown)
            if outcome == "failure":
                path = pathlib.Path(failures_dir, f"{name}-{seed}-{number}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                counts.failures.append(f"{path}: {reason}")
        worker.stop()
    return counts


class _Worker:
    """A process that reads, and is started anew when it ends or hangs."""

    def __init__(self, reader: Reader, path: str):
        self._reader = reader
        self._path = path
        self._start()

    def run(self, data: bytes, seconds: float) -> tuple[str, str, float, int]:
        """Returns the outcome, its reason, seconds and growth of memory."""
        start = time.monotonic()
        self._pipe.send_bytes(data)
        try:
            answer = self._pipe.recv() if self._pipe.poll(seconds) else None
        except EOFError:
            self._process.join()
            answer = ("failure", f"crash {self._process.exitcode}", 0)
            self._start()
        if answer is None:
            self.stop()
            answer = ("failure", f"no end within {seconds:g} seconds", 0)
            self._start()
        outcome, reason, grown = answer
        return outcome, reason, time.monotonic() - start, grown

    def stop(self) -> None:
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._reader, self._path), daemon=True
        )
        self._process.start()
        theirs.close()
        self._pipe.recv()  # Ready: what it loads first takes no input's time.


def _serve(pipe: Any, reader: Reader, path: str) -> None:
    logging.set_verbosity(logging.ERROR)
    for (
        data,
        _,
    ) in reader.seeds():  # What is loaded at the first use, is not new.
        pathlib.Path(path).write_bytes(data)
        _judge(reader, data, path)
    pipe.send("ready")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while True:
        data = pipe.recv_bytes()
        pathlib.Path(path).write_bytes(data)
        outcome, reason = _judge(reader, data, path)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
        pipe.send((outcome, reason, grown << 10))


def _judge(reader: Reader, data: bytes, path: str) -> tuple[str, str]:
    """Returns the outcome of one input, and its reason."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    used = pages * resource.getpagesize()
    limit = used + BASE_BYTES + BYTES_PER_BYTE * len(data)
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    try:
        value = reader.read(path)
    except (ValueError, FileNotFoundError) as error:
        if "Received: " in str(error):
            return "refusal", str(error)
        return "failure", f"no sentence: {error!r:.300}"
    # Whatever it is, it is what this program looks for.
    except BaseException as error:
        return "failure", f"{error!r:.300}"
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    expected = reader.expect(data)
    if expected is not None and value != expected:
        return "failure", f"wrong answer: {value!r:.200}, not {expected!r:.200}"
    return "answer", ""


def main() -> int:
    """Parses the command line, fuzzes, prints; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--reader", choices=[*READERS, "all"], default="all")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--failures_dir", default="fuzz_failures")
    parser.add_argument("--reference", action="store_true")
    quick.add_flag(parser)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.count = 20
    names = list(READERS) if arguments.reader == "all" else [arguments.reader]
    num_failures = 0
    for name in names:
        reader = READERS[name]
        if arguments.reference and name == "bin":
            reader = dataclasses.replace(reader, expect=expect_torch)
        counts = fuzz(
            name,
            reader,
            count=arguments.count,
            seed=arguments.seed,
            seconds=arguments.seconds,
            failures_dir=arguments.failures_dir,
        )
        print(counts.line(name), *counts.failures[:20], sep="\n", flush=True)
        num_failures += len(counts.failures)
    return 1 if num_failures else 0


if __name__ == "__main__":
    sys.exit(main())
