"""How long it takes until something happens: predictions, and a training.

    python benchmarks/start_up.py --data_dir=../shared/data

times `--mode=predict` of ten sentences of SST-2 with MiniLM-L6, as whole
commands, in turn with the text-classification pipeline of transformers doing
the same in a process of its own (PyTorch, extra [reference]; `--no_torch`
leaves it out). Then it prints the parts of that time, and of the time to the
first step of a training. All numbers are medians of `--repeats` times: the
machine may be shared. `--quick` is one repeat with a tiny checkpoint.
"""

import argparse
import contextlib
import gc
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import numpy as np
import predict_throughput
import processor
import quick

_TORCH = """
import csv, sys
import transformers

classify = transformers.pipeline("text-classification", sys.argv[1], top_k=None)
with open(sys.argv[2], encoding="utf-8", newline="") as file:
    texts = [row["text"] for row in csv.DictReader(file)]
for output in classify(texts, batch_size=32, truncation=True, max_length=128):
    print(output)
"""


class FirstStepTaken(Exception):
    """Ends a training whose first step is over."""


class Parts:
    """Seconds of the parts of this process, in the order of their ends."""

    def __init__(self):
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Times what is inside, less the parts that are inside of it."""
        known = sum(self.seconds.values())
        start = time.perf_counter()
        try:
            yield
        finally:
            inside = sum(self.seconds.values()) - known
            seconds = time.perf_counter() - start - inside
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def timed(self, owner: Any, name: str, part: str) -> Any:
        """A patch of a function that times its calls."""
        function: Callable = getattr(owner, name)

        def wrapper(*args, **kwargs):
            with self.part(part):
                return function(*args, **kwargs)

        return mock.patch.object(owner, name, wrapper)


def work(arguments: list[str]) -> None:
    """Runs the program in parts, and prints these as JSON, last."""
    begun = float(os.environ["START_UP_BEGUN"])
    parts = Parts()
    parts.seconds["Python"] = time.time() - begun
    with parts.part("flags"):
        from tf_bert import run
        from tf_bert.system import lean_tensorflow
    with parts.part("TensorFlow, Keras, transformers"):
        lean_tensorflow.load()
    with parts.part("tensorflow-text"):
        import tensorflow_text  # noqa: F401
    with parts.part("this package"):
        from tf_bert.checkpoints import load
        from tf_bert.models.sequence_classification import (
            TFBertForSequenceClassification as Model,
        )
        from tf_bert.runs import predictions

        if "--mode=predict" not in arguments:
            from tf_bert import finetune  # noqa: F401
            from tf_bert.training.training_loop import TrainingLoop
    patches = [
        parts.timed(Model, "from_pretrained", "building the model"),
        parts.timed(load, "load_weights", "reading the weights"),
        parts.timed(predictions, "predict_on_texts", "tracing and first rows"),
    ]
    if "--mode=predict" not in arguments:
        take_steps = TrainingLoop.take_steps

        def first_step(*args):
            with parts.part("tracing and first step"):
                take_steps(*args)
            raise FirstStepTaken

        patches.append(
            mock.patch.object(TrainingLoop, "take_steps", first_step)
        )
    with contextlib.ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        stack.enter_context(contextlib.suppress(FirstStepTaken))
        with parts.part("everything else"):
            run.main(arguments)
    gc.freeze()  # As run.py does at its end.
    print(json.dumps({"parts": parts.seconds, "ended": time.time()}))


def time_parts(arguments: Sequence[str]) -> dict[str, float]:
    """Starts `work` in a process of its own; returns seconds by part."""
    begun = time.time()
    process = subprocess.run(
        [sys.executable, __file__, "--worker", *arguments],
        env={**os.environ, "START_UP_BEGUN": str(begun)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    ended = time.time()
    found = json.loads(process.stdout.splitlines()[-1])
    parts = found["parts"] | {"exit": ended - found["ended"]}
    return parts | {"total": ended - begun}


def time_command(command: Sequence[str]) -> float:
    """Returns the seconds of a whole process."""
    start = time.perf_counter()
    subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - start


def compare(ours: Sequence[str], others: Sequence[str], repeats: int) -> str:
    """Lets two commands take turns, once each for nothing."""
    seconds = [
        [time_command(command) for command in (ours, others)]
        for _ in range(repeats + 1)
    ]
    a, b = np.array(seconds)[1:].T
    return (
        f"Ten rows: {np.median(a):.1f} s; PyTorch's pipeline "
        f"{np.median(b):.1f} s; median of {repeats} paired ratios "
        f"{np.median(a / b):.2f}"
    )


def table(title: str, arguments: Sequence[str], repeats: int) -> str:
    """Returns the parts as a table."""
    runs = [time_parts(arguments) for _ in range(repeats)]
    lines = [f"| {title} | seconds |", "|---|---:|"]
    lines += [
        f"| {name} | {np.median([run.get(name, 0.0) for run in runs]):.2f} |"
        for name in runs[0]
    ]
    return "\n".join(lines)


def main() -> None:
    """Prints the comparison and the tables, or works for who does."""
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no_torch", action="store_true")
    quick.add_flag(parser)
    options = parser.parse_args()
    repeats, flags = options.repeats, ["--init_checkpoint=minilm-l6"]
    if options.quick:
        repeats, flags = 1, quick.flags()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        file, *_ = predict_throughput.write_files(folder, options.data_dir, 60)
        run = predict_throughput.train_once(folder, flags)
        predict = ["--mode=predict", f"--output_dir={run}"]
        predict.append(f"--predict_file={file}")
        train = [f"--train_file={folder / 'train.csv'}", *flags]
        train += [f"--output_dir={folder / 'new'}", "--overwrite_output_dir"]
        if not options.no_torch:
            ours = [sys.executable, "-m", "tf_bert.run", *predict]
            others = [sys.executable, "-c", _TORCH, str(run / "model"), file]
            print(compare(ours, others, repeats), flush=True)
        print(table("predict ten rows", predict, repeats), flush=True)
        print(table("train until the first step", train, repeats))
    print(processor.describe())


if __name__ == "__main__":
    main()
