"""A few real steps on state that is thrown away: how fast, how much memory.

Runs the model with the training's own loop, on batches of its own plan, with
a learning rate of 0: nothing is learned and nothing is saved. No cache of
frozen features is made: frozen layers run in each step.
"""

import dataclasses
import sys
import time

import numpy as np
import tensorflow as tf

from tf_bert.data.batches.batch_plan import Plan
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.runs import build, cost
from tf_bert.system import limits

_TIMED_STEPS = 5
# Steps are left out once this is over, but for the first one.
_MAX_SECONDS = 20.0


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What this machine needs; everything a clock or a machine decides.

    Attributes:
        num_cpus: that this process may keep busy.
        tokens_per_second: of training, padding included.
        training_seconds: of all steps of the plan, at this speed.
        evaluation_seconds: of all evaluations, at the speed of a sample.
        peak_bytes: most memory in use so far: of the GPU, else of the whole
            process; None where the system does not tell. The step with the
            most tokens is among those that ran.
    """

    device: str
    num_cpus: int
    timed_steps: int
    tokens_per_second: float
    training_seconds: float
    evaluation_seconds: float
    peak_bytes: int | None

    @property
    def total_seconds(self) -> float:
        """Training and evaluation; without saving and the baselines."""
        return self.training_seconds + self.evaluation_seconds


def measure(run: build.Run) -> Measurement | None:
    """Runs some steps and some evaluation, and extrapolates by tokens."""
    try:
        timed_steps, tokens_per_second = _time_training(run)
    except tf.errors.ResourceExhaustedError:
        return None
    total_tokens = int(cost.computed_tokens(run.schedule.plan).sum())
    device = run.classifier.model.trainable_variables[0].value.device
    return Measurement(
        device=device.rpartition("device:")[2] or device,
        num_cpus=limits.num_cpus(),
        timed_steps=timed_steps,
        tokens_per_second=tokens_per_second,
        training_seconds=total_tokens / tokens_per_second,
        evaluation_seconds=_evaluation_seconds(run),
        peak_bytes=_peak_bytes(device),
    )


def physical_memory() -> int | None:
    """Bytes of memory for a step; None where the system does not tell.

    Of a container they are its own.

    A GPU's memory is not told: on a GPU, running a step shows if it is enough.
    """
    if sys.platform == "win32" or tf.config.list_physical_devices("GPU"):
        return None
    return limits.memory_bytes()


def _time_training(run: build.Run) -> tuple[int, float]:
    """Returns the number of steps timed, and tokens per second."""
    tokens = cost.computed_tokens(run.schedule.plan)
    first = _traced_steps(run, tokens)
    spread = np.linspace(
        0, run.schedule.plan.num_steps - 1, _TIMED_STEPS
    ).astype(int)
    steps = np.array([*first, *spread])
    plan = _select(run.schedule.plan, steps)
    rates = np.zeros(plan.num_steps, np.float32)
    batches = run.batches_of(plan, rates).iterate()
    for place in range(len(first)):
        run.loop.take_steps(*batches.at(place, 1))
    seconds, timed_tokens, timed_steps = 0.0, 0, 0
    for place in range(len(first), len(steps)):
        before = run.loop.seconds
        run.loop.take_steps(*batches.at(place, 1))
        seconds += run.loop.seconds - before
        timed_tokens += int(tokens[steps[place]])
        timed_steps += 1
        if seconds > _MAX_SECONDS:
            break
    return timed_steps, timed_tokens / seconds


def _traced_steps(run: build.Run, tokens: np.ndarray) -> list[int]:
    """Steps that are not timed, for they bring the tracing; one is the largest.

    Where shapes are fixed, each has a trace.
    """
    _, firsts = np.unique(run.batches.shapes(), return_index=True)
    others = firsts.tolist() if len(firsts) > 1 else []
    return [int(tokens.argmax()), *others]


def _select(plan: Plan, steps: np.ndarray) -> Plan:
    """Returns the plan of some steps alone, in the order given."""
    return dataclasses.replace(
        plan,
        examples=plan.examples[steps],
        places=plan.places[steps],
        num_rows=plan.num_rows[steps],
        widths=plan.widths[steps],
    )


def _evaluation_seconds(run: build.Run) -> float:
    """Times two batches of a split; extrapolates to all evaluations."""
    # Validation at each evaluation, and both once more with the chosen weights.
    passes = {"validation": len(run.schedule.evaluation_steps) + 1, "test": 1}
    passes = {name: n for name, n in passes.items() if name in run.tokenized}
    if not passes:
        return 0.0
    tokens = sum(
        n * int(run.tokenized[name].lengths.sum()) for name, n in passes.items()
    )
    inference = run.classifier.inference
    sample = _first_rows(
        run.tokenized[next(iter(passes))], 2 * inference.batch_size
    )
    inference.logits(sample)  # Traces.
    start = time.perf_counter()
    inference.logits(sample)
    seconds = time.perf_counter() - start
    return seconds * tokens / int(sample.lengths.sum())


def _first_rows(examples: TokenizedExamples, count: int) -> TokenizedExamples:
    row_splits = examples.row_splits[: count + 1]
    return TokenizedExamples(
        examples.ids[: row_splits[-1]],
        row_splits,
        examples.first_lengths[:count],
        examples.labels[:count],
    )


def _peak_bytes(device: str) -> int | None:
    if "GPU" in device:
        name = device.rpartition("device:")[2]
        return tf.config.experimental.get_memory_info(name)["peak"]
    if sys.platform == "linux":
        # Not `ru_maxrss`, which begins at what the parent process had.
        with open("/proc/self/status", "rb") as file:
            (line,) = (x for x in file if x.startswith(b"VmHWM:"))
        return 1024 * int(line.split()[1])
    if sys.platform == "darwin":
        import resource  # Not on Windows.

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
