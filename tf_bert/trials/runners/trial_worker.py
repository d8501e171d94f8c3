"""What a process does that runs trials for another one.

Importing this module imports no TensorFlow: what its C++ prints while it
loads is held back, in each of the processes.
"""

import functools
import os
import signal
import threading
import warnings
from multiprocessing import connection, parent_process
from typing import TYPE_CHECKING

from absl import logging

from tf_bert.system import native_log, onednn
from tf_bert.trials.live_table import SilentBar
from tf_bert.trials.planned_trials import Job

if TYPE_CHECKING:
    from tf_bert.trials.one_trial import TrialResult, Workbench


def make_workbench(
    *,
    num_threads: int,
    is_verbose: bool,
    has_onednn: bool,
    sees_gpus: bool = True,
) -> "Workbench":
    """Prepares this process for trials; to be called once, before TensorFlow.

    Args:
        num_threads: >= 1. That TensorFlow may use on the CPU.
        is_verbose: False leaves the terminal to the process that asked: it
            has checked every recipe, and said what there was to say.
        has_onednn: whether TensorFlow has oneDNN in the process that asked.
        sees_gpus: False trains on the CPU, whatever the machine has.
    """
    onednn.force(has_onednn)
    logging.set_verbosity(logging.DEBUG if is_verbose else logging.ERROR)
    if not is_verbose:
        warnings.simplefilter("ignore")
    with native_log.quieted():
        import tensorflow as tf

        from tf_bert.trials.one_trial import Workbench

        tf.config.threading.set_intra_op_parallelism_threads(num_threads)
        tf.config.threading.set_inter_op_parallelism_threads(num_threads)
        if not sees_gpus:
            tf.config.set_visible_devices([], "GPU")
        for gpu in tf.config.get_visible_devices("GPU"):
            # Otherwise the first process takes all of its memory.
            tf.config.experimental.set_memory_growth(gpu, True)
    return Workbench()


def serve(
    pipe: connection.Connection,
    num_threads: int,
    is_verbose: bool,
    has_onednn: bool,
) -> None:
    """Runs the trials that a pipe brings, until it is closed.

    Args:
        pipe: brings jobs, and takes a `TrialResult` for each.
        num_threads: see `make_workbench`.
        is_verbose: see `make_workbench`.
        has_onednn: see `make_workbench`.
    """
    # Ctrl-C reaches all processes; the one that asked ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    workbench = make_workbench(
        num_threads=num_threads, is_verbose=is_verbose, has_onednn=has_onednn
    )
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(workbench.run_trial(job, make_bar=SilentBar))


def _end_with_parent() -> None:
    """Ends this process in the midst of a trial, once nobody waits for it."""
    connection.wait([parent_process().sentinel])
    os._exit(1)


def run_for_cluster(
    job: Job,
    *,
    directory: str,
    num_threads: int,
    is_verbose: bool,
    has_onednn: bool,
    sees_gpus: bool,
) -> "TrialResult":
    """Runs one trial in a process of a cluster, which may run further ones.

    Args:
        job: to be done.
        directory: that paths of the configuration are relative to. Where a
            machine does not have it, they must be absolute.
        num_threads: see `make_workbench`.
        is_verbose: see `make_workbench`.
        has_onednn: see `make_workbench`.
        sees_gpus: see `make_workbench`.
    """
    if os.path.isdir(directory):
        os.chdir(directory)
    # What the process has built for one trial serves the next one.
    workbench = _shared_workbench(
        num_threads=num_threads,
        is_verbose=is_verbose,
        has_onednn=has_onednn,
        sees_gpus=sees_gpus,
    )
    return workbench.run_trial(job, make_bar=SilentBar)


_shared_workbench = functools.cache(make_workbench)
