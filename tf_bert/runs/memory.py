"""Where memory runs out: a sentence with the flags that make it fit.

On a GPU TensorFlow says that its memory is full. On a processor it does where
the system refuses it some; where that has promised more than there is, it
kills the process instead, and nothing can be said.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_bert.config import Config
from tf_bert.config.all_settings import SETTINGS
from tf_bert.config.setting import Changes, Setting
from tf_bert.runs import cost
from tf_bert.runs.cost import MemoryEstimate, size_text
from tf_bert.runs.schedule import plan_training
from tf_bert.system import limits
from tf_bert.training.devices import device_counts

if TYPE_CHECKING:
    from tf_bert.runs.build import Run
    from tf_bert.runs.classifier import Classifier

# What a step may take of the memory that is there, for it is an estimate.
_SHARE = 0.8
# Times that a setting is made smaller to find a value that fits.
_MOST_CHANGES = 6

_GO_ON = (
    "What was saved before is whole. {same}the command goes on from it; with "
    "another flag it is another training, and needs another --output_dir, or "
    "--overwrite_output_dir."
)

# From a configuration to what it needs; a ValueError if it cannot be.
Estimate = Callable[[Config], MemoryEstimate]


class OutOfMemory(OSError):
    """There is not enough memory for what a run computes."""


@contextlib.contextmanager
def explained_steps(run: "Run") -> Iterator[None]:
    """A time of training, in which memory that runs out is said in a sentence.

    Raises:
        OutOfMemory: instead of TensorFlow's and Python's own errors.
    """
    with _explained(
        "a step of the training",
        run.config,
        lambda config: step_memory(run, config),
        run.classifier.strategy,
        _GO_ON,
    ):
        yield


@contextlib.contextmanager
def explained_outputs(
    classifier: "Classifier", config: Config
) -> Iterator[None]:
    """A time of evaluation or prediction, likewise."""
    with _explained(
        "a batch of an evaluation or prediction",
        config,
        lambda config: outputs_memory(classifier, config),
        classifier.strategy,
        "What was saved before is whole.",
    ):
        yield


def step_memory(run: "Run", config: Config) -> MemoryEstimate:
    """Estimates what the largest training step holds on each device.

    Args:
        config: of `run`, or one that differs in flags that decide on memory.

    Raises:
        ValueError: if its batch cannot be divided.
    """
    model, strategy = run.classifier.model, run.classifier.strategy
    device_counts.check_count(
        config, strategy.num_replicas_in_sync, trains=True
    )
    plan = run.schedule.plan
    if config is not run.config:
        lengths = run.tokenized["train"].lengths
        shorter = np.minimum(lengths, config.max_seq_length)
        plan = plan_training(config, shorter, strategy)
    largest = int(cost.computed_tokens(plan).argmax())
    return cost.estimate_memory(
        model.config,
        num_parameters=count_parameters(model.weights_by_path().values()),
        num_updated=num_updated(run),
        num_rows=int(plan.num_rows[largest]),
        width=int(plan.widths[largest]),
        num_pulled=count_parameters(run.optimizer.priors().values()),
        # Of the stages the first is the embeddings, and the last the pooler.
        num_frozen_blocks=min(
            max(model.bert.num_frozen_stages - 1, 0),
            model.config.num_hidden_layers,
        ),
        precision=config.precision,
        num_mixed=count_parameters(run.mixout.state().values())
        if run.mixout
        else 0,
        num_averaged=count_parameters(run.average.state().values())
        if run.average
        else 0,
        remat=config.remat,
    )


def outputs_memory(classifier: "Classifier", config: Config) -> MemoryEstimate:
    """Estimates what a batch without a gradient holds, if its texts are long.

    Raises:
        ValueError: if its batch cannot be divided.
    """
    model, count = classifier.model, classifier.strategy.num_replicas_in_sync
    device_counts.check_count(config, count, trains=False)
    return cost.estimate_memory(
        model.config,
        num_parameters=count_parameters(model.weights_by_path().values()),
        num_updated=0,
        num_rows=config.eval_batch_size // count,
        width=config.max_seq_length,
        num_frozen_blocks=model.config.num_hidden_layers,
        precision=config.precision,
    )


def num_updated(run: "Run") -> int:
    """Returns the number of parameters that get a gradient."""
    # Here, for predictions load nothing that trains.
    from tf_bert.training.training_loop import trained_variables

    return count_parameters(
        trained_variables(run.classifier.model, run.embedding_rows)
    )


def count_parameters(variables: Iterable[Any]) -> int:
    """Returns the number of parameters."""
    return sum(math.prod(variable.shape) for variable in variables)


@contextlib.contextmanager
def _explained(
    what: str,
    config: Config,
    estimate: Estimate,
    strategy: tf.distribute.Strategy,
    advice: str,
) -> Iterator[None]:
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        needed = estimate(config)
        ways = list(_ways(config, estimate, needed.total, _room(strategy)))
        same = [x.flag for x in ways if not x.changes_result]
        reason = " ".join(str(error).split())[:200]
        raise OutOfMemory(
            f"There is not enough memory for {what}. Received: about "
            f"{size_text(needed.total)} needed, {size_text(needed.activations)}"
            f" of them for activations ({reason}). {_choice(ways)}. "
            + advice.format(
                same=f"With {' or '.join(same)} alone "
                if same
                else "With more memory "
            )
        ) from error


@dataclasses.dataclass(frozen=True)
class _Way:
    """A flag that saves memory, and what is needed with it, in bytes."""

    flag: str
    needed: int
    fits: bool
    changes_result: bool


def _ways(
    config: Config, estimate: Estimate, needed: int, available: int | None
) -> Iterator[_Way]:
    """Yields each flag that saves memory, with the first value that fits."""
    # It was not enough, whatever the system says that there is.
    room = _SHARE * min(needed, available or needed)
    for setting in SETTINGS.values():
        best = needed
        for value, total in _smaller(setting, config, estimate):
            if total < best:
                best, flag = total, f"--{setting.name}={value}"
            if total <= room:
                break
        if best < needed:
            yield _Way(
                flag.removesuffix("=True"),
                best,
                best <= room,
                setting.changes is Changes.RESULT,
            )


def _smaller(
    setting: Setting, config: Config, estimate: Estimate
) -> Iterator[tuple[object, int]]:
    """Yields values of a setting that need less and less, and how much."""
    if setting.with_less_memory is None:
        return
    for _ in range(_MOST_CHANGES):
        now = config.value_of(setting.name)
        value = None if now is None else setting.with_less_memory(now)
        if value == now:
            return
        try:
            config = dataclasses.replace(config, **{setting.name: value})
            yield value, estimate(config).total
        except ValueError:
            return  # It cannot be, beside the other flags.


def _choice(ways: list[_Way]) -> str:
    """Says which flags to pass, the one that needs least first."""
    chosen = [way for way in ways if way.fits] or ways
    if not chosen:
        return "Pass a smaller model, such as --init_checkpoint=minilm-l6"
    flags = [
        f"{way.flag} (about {size_text(way.needed)})"
        for way in sorted(chosen, key=lambda way: way.needed)
    ]
    if chosen[0].fits:
        return f"Pass one of {', '.join(flags)}"
    return f"Pass several of {', '.join(flags)}, or a smaller model"


def _room(strategy: tf.distribute.Strategy) -> int | None:
    """Bytes that a device has had in use at most, or that the machine has."""
    device = strategy.extended.worker_devices[0]
    if "GPU" in device.upper():
        name = device.rpartition("device:")[2]
        return tf.config.experimental.get_memory_info(name)["peak"]
    return limits.memory_bytes() if "CPU" in device.upper() else None
