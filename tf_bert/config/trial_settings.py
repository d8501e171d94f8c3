"""Settings of `--mode=trials`, and of reports on trials."""

import dataclasses
from typing import Any

from tf_bert.config.setting import Changes, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrialSettings:
    """The group "Trials"."""

    num_trials: int | None = setting(
        None,
        "Trains with so many seeds: --seed, --seed + 1, ... for head, data "
        "and dropout alike. With --mode=trials.",
        at_least=1,
        changes=Changes.PLACES,
        modes=("trials",),
    )

    num_head_seeds: int | None = setting(
        None,
        "Instead, with --num_data_seeds: every head seed with every data "
        "seed, which the dropout seed follows (Zhang et al., 2021, Appendix "
        "B).",
        at_least=1,
        changes=Changes.PLACES,
        modes=("trials",),
    )

    num_data_seeds: int | None = setting(
        None,
        "See --num_head_seeds.",
        at_least=1,
        changes=Changes.PLACES,
        modes=("trials",),
    )

    sweep: dict[str, dict[str, Any]] | None = setting(
        None,
        "name:v1,v2 trains with every value of a flag; given again, with "
        "every combination. Values with commas go as a JSON list, an empty "
        "one leaves the flag out. recipe:zhang,mixout takes flag files of "
        "flags/recipes (or paths) as rows: each as if it were the first "
        "--flagfile, so that what is given beside it counts.",
        changes=Changes.PLACES,
        modes=("trials",),
    )

    sweep_given: tuple[str, ...] | None = setting(
        None,
        "What was given as --sweep, to repeat the command.",
        changes=Changes.PLACES,
        modes=("trials",),
        is_flag=False,
    )

    baseline: str | None = setting(
        None,
        "The recipe that all others are compared with, by its label in the "
        "table, such as mixout=0.0. Default: the first.",
        changes=Changes.PLACES,
        modes=("trials", "report"),
    )

    trials_save_model: str = setting(
        "best",
        "best: the best model of all trials, by validation; without a "
        "validation split, that of the first one. all: each trial's too.",
        choices=("best", "all", "none"),
        changes=Changes.PLACES,
        modes=("trials",),
    )

    trial_runner: str = setting(
        "local",
        "local: on this machine. ray: on a Ray cluster (pip install "
        "'tf_bert[ray]').",
        choices=("local", "ray"),
        changes=Changes.PLACES,
        modes=("trials",),
    )

    num_parallel_trials: int = setting(
        1,
        "Processes of the local runner, which share the processor's threads. "
        "The number of threads may change a result's last digits.",
        at_least=1,
        changes=Changes.PLACES,
        modes=("trials",),
    )

    ray_address: str | None = setting(
        None,
        "Of a Ray cluster that is there, such as auto or 10.0.0.1:6379. Its "
        "machines must have tf_bert, and see the files under the same paths. "
        "Default: one is started on this machine.",
        changes=Changes.PLACES,
        modes=("trials",),
    )

    num_cpus_per_trial: float = setting(
        1.0,
        "That a trial asks Ray for; TensorFlow starts as many threads.",
        at_least=0,
        at_most=1e6,
        changes=Changes.PLACES,
        modes=("trials",),
    )

    num_gpus_per_trial: float = setting(
        0.0,
        "That a trial asks Ray for. 0: it sees none. 0.5: two share one.",
        at_least=0,
        at_most=1e6,
        changes=Changes.PLACES,
        modes=("trials",),
    )

    trials_dirs: tuple[str, ...] | None = setting(
        None,
        "With --mode=report: folders of trials, with commas, for one report "
        "in --output_dir. Default: that of --output_dir itself.",
        changes=Changes.PLACES,
        modes=("report",),
    )
