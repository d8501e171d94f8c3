"""Running trials on a Ray cluster: one task for each.

The machines must have this version of tf_bert, and see data and checkpoints
under the paths of the command. They return results; only the process that
asked writes.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

from absl import logging

from tf_bert.config import Config
from tf_bert.trials.live_table import LiveTable
from tf_bert.trials.one_trial import TrialResult
from tf_bert.trials.planned_trials import Job, Trial
from tf_bert.trials.runners import ray_cluster, trial_worker

# Of a trial whose process or machine died.
_NUM_RETRIES = 3
# Seconds between two looks at the machines.
_PATIENCE = 30


def run_on_ray(
    jobs: Iterator[Job], table: LiveTable, *, config: Config
) -> Iterator[TrialResult]:
    """Runs trials on the cluster that `ray_cluster.connected` holds.

    A process that has run a trial runs another, without a new trace. Not one
    with a GPU: Ray ends it, for the next trial may get another GPU.

    A trial's CPUs are TensorFlow's threads, at least one; with 0 GPUs it sees
    none. The next job is asked for when there is room for it. Results come in
    the order in which they end.

    Raises:
        ChildProcessError: if the processes of a trial died again and again,
            or tf_bert cannot be imported there.
    """
    import ray

    submit = _submitter(config)
    running: dict[ray.ObjectRef, Trial] = {}
    while True:
        # Machines come and go. One trial is always asked for: Ray lets it
        # wait for a machine.
        while len(running) < max(1, ray_cluster.num_slots(config)):
            job = next(jobs, None)
            if job is None:
                break
            table.start(job.trial)
            running[submit(job)] = job.trial
        if not running:
            return
        done, _ = ray.wait(list(running), timeout=_PATIENCE)
        for reference in done:
            yield _result(reference, running.pop(reference))
        if not done and not ray_cluster.num_slots(config):
            logging.warning(
                "No machine of the Ray cluster has room for a trial any more. "
                "Waiting for one."
            )


def _submitter(config: Config) -> Callable[[Job], Any]:
    """Returns a function that hands a trial to Ray."""
    import ray

    task = ray.remote(trial_worker.run_for_cluster).options(
        num_cpus=config.num_cpus_per_trial,
        num_gpus=config.num_gpus_per_trial,
        # What a trial raises is a result; the rest of our errors is no
        # matter of luck.
        max_retries=_NUM_RETRIES,
        retry_exceptions=False,
    )
    settings = trial_worker.ProcessSettings(
        num_threads=max(1, int(config.num_cpus_per_trial)),
        sees_gpus=config.num_gpus_per_trial > 0,
    )
    return lambda job: task.remote(job, os.getcwd(), settings)


def _result(reference: Any, trial: Trial) -> TrialResult:
    import ray

    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        *_, reason = str(error).splitlines()
        raise ChildProcessError(
            "A machine of the Ray cluster could not run a trial. Received: "
            f"{reason.strip().rstrip('.')}. Install this version of tf_bert "
            "there (pip install), and give the command again: what has "
            "finished is stored."
        ) from error
    except ray.exceptions.RayError as error:
        raise ChildProcessError(
            f"The process of trial {trial.name} died {_NUM_RETRIES + 1} "
            f"times. Received: {type(error).__name__}. Often there is not "
            "enough memory. What has finished is stored: give the command "
            "again, with a larger --num_cpus_per_trial for fewer at a time."
        ) from error
