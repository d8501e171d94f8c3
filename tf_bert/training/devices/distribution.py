"""Which devices a run uses. Every run goes through a `tf.distribute` strategy,
one device included, so that there is one training loop for all.

Another number of devices changes nothing but the dropout masks, of which each
device draws its own, and the last digits.
"""

import functools
import os
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf
from absl import logging

from tf_bert.config import Config
from tf_bert.training.devices import device_counts, tpu
from tf_bert.training.devices.cluster import Cluster, read_cluster


def get_strategy(
    config: Config, *, trains: bool = True
) -> tf.distribute.Strategy:
    """Returns the strategy for the devices of a run, and says which these are.

    Of the same devices it is the same object, for the life of the process.

    Args:
        config: of the run. With `distribution` auto it uses the largest
            number of devices that divides its batches.
    """
    strategy, description = _choose(config, trains=trains)
    logging.info("Running on %s.", description)
    if config.deterministic:
        # For the rest of the process: TensorFlow has no way back.
        tf.config.experimental.enable_op_determinism()
    if trains and not is_repeatable(config, strategy.extended.worker_devices):
        logging.info(
            "On GPUs the same command may end in other last digits each time. "
            "--deterministic asks for the same ones, and is slower."
        )
    return strategy


def is_repeatable(config: Config, devices: Iterable[str]) -> bool:
    """Whether the same command is to end in the same bits on these devices.

    Args:
        devices: as TensorFlow calls them, such as `/device:GPU:0`.
    """
    has_gpus = any("GPU" in device.upper() for device in devices)
    return config.deterministic or not has_gpus


def with_batch_size(config: Config) -> Config:
    """Returns the configuration with the batch size of one update.

    It may be given per device; how many there are is known here.
    """
    if config.per_device_train_batch_size is None:
        return config
    # Not of `get_strategy`, which says once in a run what it runs on.
    strategy, _ = _choose(config, trains=True)
    num_devices = strategy.num_replicas_in_sync
    resolved = config.for_devices(num_devices)
    logging.info(
        "An update takes %d examples: devices (%d) x examples of each at a "
        "time (%d) x parts (%d).",
        resolved.train_batch_size,
        num_devices,
        config.per_device_train_batch_size,
        config.gradient_accumulation_steps,
    )
    return resolved


def iterate(
    strategy: tf.distribute.Strategy,
    make_dataset: Callable[[range], tf.data.Dataset],
) -> Any:
    """Returns an iterator that gives each replica its elements.

    Args:
        make_dataset: from the numbers of some replicas, those that one
            machine feeds, to the dataset for them: step by step, replica by
            replica within a step. One machine alone feeds all.
    """
    if isinstance(strategy, tf.distribute.OneDeviceStrategy):
        # A distributed iterator has a tuner of its own, which nothing turns
        # off: in TensorFlow 2.21 its end waits for that, up to a minute.
        return iter(make_dataset(range(1)))

    def of_machine(context: tf.distribute.InputContext) -> tf.data.Dataset:
        count = context.num_replicas_in_sync // context.num_input_pipelines
        first = context.input_pipeline_id * count
        return make_dataset(range(first, first + count))

    return iter(strategy.distribute_datasets_from_function(of_machine))


def has_static_shapes(config: Config, strategy: tf.distribute.Strategy) -> bool:
    """Whether the shapes of all batches must be known when they are traced.

    On a TPU they must, and wherever XLA compiles the step.
    """
    return is_compiled(config, strategy) or isinstance(
        strategy, tf.distribute.TPUStrategy
    )


def is_compiled(config: Config, strategy: tf.distribute.Strategy) -> bool:
    """Whether the step is to be handed to XLA; a TPU's strategy does that."""
    is_tpu = isinstance(strategy, tf.distribute.TPUStrategy)
    return config.jit_compile == "true" and not is_tpu


def get_cluster(config: Config) -> Cluster | None:
    """Returns the workers that a run trains on; None for one machine alone."""
    if config.distribution not in ("auto", "multi_worker"):
        return None
    if config.distribution == "multi_worker" and "TF_CONFIG" not in os.environ:
        raise ValueError(
            "--distribution=multi_worker needs to know the workers. Received: "
            "no environment variable TF_CONFIG. Set it as docs/workers.md "
            "says, or leave out --distribution."
        )
    cluster = read_cluster()
    if cluster is not None and config.mode != "train":
        raise ValueError(
            f"Several workers can only train. Received: mode={config.mode} "
            f"and a TF_CONFIG that names {len(cluster)} workers. Unset it, "
            "or pass --distribution=one_device or mirrored, to use this "
            "machine alone."
        )
    return cluster


def _choose(
    config: Config, *, trains: bool
) -> tuple[tf.distribute.Strategy, str]:
    """Returns the strategy, and what it runs on in words."""
    is_auto = config.distribution == "auto"
    kind = config.distribution
    if is_auto:
        kind = _kind_by_itself(config, trains=trains)
    if kind == "one_device":
        device = _first_device()
        return _one_device(device), device
    if kind == "multi_worker":
        get_cluster(config)  # Raises what is wrong with it.
        strategy = _multi_worker()
        count = strategy.num_replicas_in_sync
        device_counts.check_count(config, count, trains=trains)
        return strategy, f"{count} devices of all workers"
    if kind == "tpu":
        of, machine = "cores of the TPU", tpu.connect(config)
        available = machine.num_cores
    else:
        of, devices = "devices of this machine", _devices()
        available = len(devices)
    if is_auto:
        count = device_counts.largest_count(config, available, trains=trains)
    else:
        count = available
        device_counts.check_count(config, count, trains=trains)
    description = f"{count} {of}"
    if count < available:
        description = (
            f"{count} of {available} {of}, the most that divide the batches"
        )
    if kind == "tpu":
        return _tpu(machine, count), description
    if is_auto and count == 1:
        return _one_device(devices[0]), description
    return _mirrored(devices[:count]), description


def _kind_by_itself(config: Config, *, trains: bool) -> str:
    """What `auto` means here."""
    # A finished model predicts on the machine that was asked.
    if trains and get_cluster(config) is not None:
        return "multi_worker"
    name = tpu.find(config)
    if name is not None and tpu.is_usable(name):
        return "tpu"
    has_several = len(tf.config.list_logical_devices("GPU")) > 1
    return "mirrored" if has_several else "one_device"


def _devices() -> tuple[str, ...]:
    """The GPUs, else what the CPU was divided into."""
    devices = tf.config.list_logical_devices("GPU")
    devices = devices or tf.config.list_logical_devices("CPU")
    return tuple(device.name for device in devices)


def _first_device() -> str:
    gpus = tf.config.list_logical_devices("GPU")
    return gpus[0].name if gpus else "/cpu:0"


# One object for the same devices: the collective operations of two strategies
# in one process get into each other's way.
@functools.cache
def _one_device(device: str) -> tf.distribute.Strategy:
    return tf.distribute.OneDeviceStrategy(device)


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(list(devices))


@functools.cache
def _multi_worker() -> tf.distribute.Strategy:
    return tf.distribute.MultiWorkerMirroredStrategy()


@functools.cache
def _tpu(machine: tpu.Tpu, count: int) -> tf.distribute.Strategy:
    return machine.strategy(count)
