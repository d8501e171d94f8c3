"""Which devices a run uses. Every run goes through a `tf.distribute` strategy,
one device included, so that there is one training loop for all."""

import tensorflow as tf
from absl import logging

from tf_bert.config import Config


def get_strategy() -> tf.distribute.Strategy:
    """Returns the strategy for the first GPU, or the CPU without one."""
    gpus = tf.config.list_logical_devices("GPU")
    device = gpus[0].name if gpus else "/cpu:0"
    logging.info("Running on %s.", device)
    return tf.distribute.OneDeviceStrategy(device)


def with_batch_size(config: Config) -> Config:
    """Returns the configuration with the batch size of one update.

    It may be given per device; how many there are is known here.
    """
    if config.per_device_train_batch_size is None:
        return config
    num_devices = get_strategy().num_replicas_in_sync
    resolved = config.for_devices(num_devices)
    logging.info(
        "An update takes %d examples: %d devices with %d at a time, in %d "
        "parts.",
        resolved.train_batch_size,
        num_devices,
        config.per_device_train_batch_size,
        config.gradient_accumulation_steps,
    )
    return resolved
