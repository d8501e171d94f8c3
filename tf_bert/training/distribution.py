"""Which devices a run uses. Every run goes through a `tf.distribute` strategy,
one device included, so that there is one training loop for all."""

from typing import Any

import tensorflow as tf
from absl import logging

from tf_bert.config import Config


def get_strategy() -> tf.distribute.Strategy:
    """Returns the strategy for the first GPU, or the CPU without one."""
    device = _device()
    logging.info("Running on %s.", device)
    return tf.distribute.OneDeviceStrategy(device)


def _device() -> str:
    gpus = tf.config.list_logical_devices("GPU")
    return gpus[0].name if gpus else "/cpu:0"


def with_batch_size(config: Config) -> Config:
    """Returns the configuration with the batch size of one update.

    It may be given per device; how many there are is known here.
    """
    if config.per_device_train_batch_size is None:
        return config
    # Not of `get_strategy`, which says once in a run what it runs on.
    strategy = tf.distribute.OneDeviceStrategy(_device())
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


def iterate(strategy: tf.distribute.Strategy, dataset: tf.data.Dataset) -> Any:
    """Returns an iterator that gives each replica its elements.

    Args:
        strategy: that the elements are for.
        dataset: step by step, replica by replica within a step.
    """
    if isinstance(strategy, tf.distribute.OneDeviceStrategy):
        # A distributed iterator has a tuner of its own, which nothing turns
        # off: in TensorFlow 2.21 its end waits for that, up to a minute.
        return iter(dataset)
    return iter(strategy.distribute_datasets_from_function(lambda _: dataset))
