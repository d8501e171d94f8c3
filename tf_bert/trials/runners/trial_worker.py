"""What a process does that runs trials for another one.

Importing this module imports no TensorFlow: what its C++ prints while it
loads is held back, in each of the processes.
"""

import dataclasses
import functools
import os
import signal
import threading
import warnings
from multiprocessing import connection, parent_process
from typing import TYPE_CHECKING

from absl import logging

from tf_bert.system import lean_tensorflow, native_log, onednn
from tf_bert.trials.live_table import SilentBar
from tf_bert.trials.planned_trials import Job

if TYPE_CHECKING:
    from tf_bert.trials.one_trial import TrialResult, Workbench


@dataclasses.dataclass(frozen=True)
class ProcessSettings:
    """What a process takes over from the one that asked.

    Attributes:
        num_threads: >= 1. That TensorFlow may use on the CPU.
        sees_gpus: False trains on the CPU, whatever the machine has.
        is_verbose: False leaves the terminal to the process that asked: it
            has checked every recipe, and said what there was to say.
        has_onednn: whether TensorFlow has oneDNN.
    """

    num_threads: int
    sees_gpus: bool = True
    is_verbose: bool = dataclasses.field(
        default_factory=lambda: logging.get_verbosity() >= logging.DEBUG
    )
    has_onednn: bool = dataclasses.field(default_factory=onednn.is_on)


# What the process has built for one trial serves the next one.
@functools.cache
def make_workbench(settings: ProcessSettings) -> "Workbench":
    """Prepares this process for trials; to be called before TensorFlow."""
    onednn.force(settings.has_onednn)
    logging.set_verbosity(
        logging.DEBUG if settings.is_verbose else logging.ERROR
    )
    if not settings.is_verbose:
        warnings.simplefilter("ignore")
    with (
        native_log.quieted(),
        lean_tensorflow.without_garbage_collection(),
    ):
        lean_tensorflow.load()
        import tensorflow as tf

        from tf_bert.trials.one_trial import Workbench

        threads = settings.num_threads
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        if not settings.sees_gpus:
            tf.config.set_visible_devices([], "GPU")
        for gpu in tf.config.get_visible_devices("GPU"):
            # Otherwise the first process takes all of its memory.
            tf.config.experimental.set_memory_growth(gpu, True)
    return Workbench()


def serve(pipe: connection.Connection, settings: ProcessSettings) -> None:
    """Runs the trials that a pipe brings, and sends back their results."""
    # Ctrl-C reaches all processes; the one that asked ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    workbench = make_workbench(settings)
    # Once the process that asked is gone, there is nothing to say.
    while True:
        try:
            job = pipe.recv()
        except (EOFError, ConnectionError):
            return
        result = workbench.run_trial(job, make_bar=SilentBar)
        try:
            pipe.send(result)
        except ConnectionError:
            return


def _end_with_parent() -> None:
    """Ends this process in the midst of a trial, once nobody waits for it."""
    connection.wait([parent_process().sentinel])
    os._exit(1)


def run_for_cluster(
    job: Job, directory: str, settings: ProcessSettings
) -> "TrialResult":
    """Runs one trial in a process of a cluster, which may run further ones.

    Args:
        job: to be done.
        directory: that paths of the configuration are relative to. Where a
            machine does not have it, they must be absolute.
        settings: of the process.
    """
    if os.path.isdir(directory):
        os.chdir(directory)
    return make_workbench(settings).run_trial(job, make_bar=SilentBar)
