"""Which devices a run uses. Every run goes through a `tf.distribute` strategy,
one device included, so that there is one training loop for all."""

import tensorflow as tf
from absl import logging


def get_strategy() -> tf.distribute.Strategy:
    """Returns the strategy for the first GPU, or the CPU without one."""
    gpus = tf.config.list_logical_devices("GPU")
    device = gpus[0].name if gpus else "/cpu:0"
    logging.info("Running on %s.", device)
    return tf.distribute.OneDeviceStrategy(device)
