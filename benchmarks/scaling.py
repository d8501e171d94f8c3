"""Training speed and memory: processes, steps of a call, rematerialisation.

    python benchmarks/scaling.py

Trains MiniLM on the reviews that come with the package, for some steps in
each of several ways, which take turns so that what else the machine does meets
all of them; prints examples per second relative to one process, the default
length of a call of the loop and no rematerialisation, and the peak memory.
Each way is a process of its own, or two that share the work by
MultiWorkerMirroredStrategy over loopback. On one machine two processes share
its cores: that they are no faster than one says nothing of two machines.
`--quick` takes one and two processes, some steps and a tiny checkpoint.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import processor
import quick

ROOT = pathlib.Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))
import worker_processes  # noqa: E402

_FLAGS = (
    "--flagfile=flags/quickstart.flags",
    "--output_dir=runs/scaling",
    "--num_train_epochs=100",
    "--nocompare_baselines",
)
# Name -> further flags, and the number of processes.
_WAYS = {
    "one process": ((), 1),
    "two processes": (("--distribution=multi_worker",), 2),
    "1 step a call": (("--steps_per_loop=1",), 1),
    "32 steps a call": (("--steps_per_loop=32",), 1),
    "batches of 128": (("--train_batch_size=128",), 1),
    "batches of 128, --remat": (("--train_batch_size=128", "--remat"), 1),
}
# Way -> what it is compared with.
_PEERS = {name: "one process" for name in _WAYS} | {
    "batches of 128, --remat": "batches of 128"
}


def measure(flags: list[str], num_examples: int) -> dict[str, float]:
    """Trains in this process; returns examples per second and MiB."""
    from tf_bert.config import Config, parse
    from tf_bert.runs import build
    from tf_bert.training.devices import workers

    config = Config(**parse.parse(flags))
    with workers.joined(config) as team:
        run = build.build(config, strategy=team.strategy)
        before = _peak_mib()
        speed = _speed(run, team, num_examples)
        return {"speed": speed, "mib": _peak_mib() - before}


def _speed(run: Any, team: Any, num_examples: int) -> float:
    """Examples per second; all workers take calls of the same length."""
    from tf_bert.training.steps_per_execution import StepsPerExecution

    config, batches = run.config, run.batches.iterate(0)
    per_call = StepsPerExecution()
    step, seconds, done = 0, 0.0, 0
    # The first half finds how many, and traces.
    half = -(-num_examples // config.train_batch_size)
    while step < 2 * half:
        most = config.steps_per_loop or per_call.num_steps
        most = int(team.of_each([min(most, half - step % half)])[0, 0])
        iterator, count = batches.at(step, most)
        start = time.perf_counter()
        run.loop.take_steps(iterator, count)
        taken = time.perf_counter() - start
        per_call.adapt(count, taken)
        if step >= half:
            seconds += taken
            done += int(
                run.schedule.plan.num_examples[step : step + count].sum()
            )
        step += count
    return done / seconds


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_way(name: str, num_examples: int, more: list[str]) -> dict[str, float]:
    """Measures one way; of several processes, the first one's numbers."""
    flags, num_processes = _WAYS[name]
    command = [sys.executable, __file__, f"--num_examples={num_examples}"]
    command += ["--child", *_FLAGS, *flags, *more]
    environments = [{}] if num_processes == 1 else _cluster(num_processes)
    processes = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for environment in environments
    ]
    outputs = [process.communicate()[0] for process in processes]
    return json.loads(outputs[0].splitlines()[-1])


def _cluster(number: int) -> list[dict[str, str]]:
    """The environments of workers on free ports of this machine."""
    workers = worker_processes.free_addresses(number)
    return [
        {
            "TF_CONFIG": json.dumps(
                {
                    "cluster": {"worker": workers},
                    "task": {"type": "worker", "index": index},
                }
            )
        }
        for index in range(number)
    ]


def main() -> None:
    """Prints the table, or in a child process its numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num_examples", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    quick.add_flag(parser)
    parser.add_argument("--child", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(measure(options.child, options.num_examples)))
        return
    ways, more = list(_WAYS), []
    if options.quick:
        ways, more = ways[:2], [*quick.flags(), "--num_train_steps=8"]
        options.num_examples, options.repeats = 32, 1
    found = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name in ways:
            found[name].append(run_way(name, options.num_examples, more))
    print(f"{processor.describe()}\n")
    print("| | examples per second | against | ratio | peak MiB of training |")
    print("|---|---:|---|---:|---:|")
    for name, results in found.items():
        peer = _PEERS[name]
        ratio = statistics.median(
            mine["speed"] / other["speed"]
            for mine, other in zip(results, found[peer], strict=True)
        )
        speed = statistics.median(r["speed"] for r in results)
        mib = statistics.median(r["mib"] for r in results)
        print(f"| {name} | {speed:.0f} | {peer} | {ratio:.2f} | {mib:.0f} |")


if __name__ == "__main__":
    main()
