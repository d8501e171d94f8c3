"""Settings of `--mode=trials`, and of reports on trials."""

import dataclasses
import functools
from typing import Any

from tf_bert.config.setting import Changes, setting

_setting = functools.partial(setting, changes=Changes.PLACES, modes=("trials",))
_of_reports = functools.partial(setting, changes=Changes.PLACES)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrialSettings:
    """The group "Trials"."""

    num_trials: int | None = _setting(
        None,
        "Seeds that a recipe is trained with: --seed, --seed + 1, ... for "
        "head, data and dropout alike.",
        at_least=1,
    )

    num_head_seeds: int | None = _setting(
        None,
        "Seeds of the head, each of which is trained with every one of "
        "--num_data_seeds, instead of --num_trials (Zhang et al., 2021, "
        "Appendix B).",
        at_least=1,
    )

    num_data_seeds: int | None = _setting(
        None,
        "Seeds of the order of examples and of dropout, each of which is "
        "trained with every one of --num_head_seeds.",
        at_least=1,
    )

    sweep: dict[str, dict[str, Any]] | None = _setting(
        None,
        "Recipes to compare: name:v1,v2 trains with every value of a flag; "
        "given again, with every combination. Values with commas go as a JSON "
        "list, an empty one leaves the flag out. recipe:zhang,mixout takes "
        "flag files of flags/recipes (or paths) as rows: each as if it were "
        "the first --flagfile, so that what is given beside it counts.",
    )

    sweep_given: tuple[str, ...] | None = _setting(
        None, "What was given as --sweep, to repeat the command.", is_flag=False
    )

    baseline: str | None = _of_reports(
        None,
        "Recipe that all others are compared with, by its label in the table, "
        "such as mixout=0.0. Default: the first.",
        modes=("trials", "report"),
    )

    trials_save_model: str = _setting(
        "best",
        "Models to keep. best: the best model of all trials, by validation; "
        "without a validation split, that of the first one. all: each trial's "
        "too.",
        choices=("best", "all", "none"),
    )

    trial_runner: str = _setting(
        "local",
        "Where trials run. local: on this machine. ray: on a Ray cluster (pip "
        "install 'tf_bert[ray]').",
        choices=("local", "ray"),
    )

    num_parallel_trials: int = _setting(
        1,
        "Trials that the local runner trains at a time; they share the "
        "processor's threads. The number of threads may change a result's "
        "last digits.",
        at_least=1,
    )

    ray_address: str | None = _setting(
        None,
        "Address of a Ray cluster that is there, such as auto or "
        "10.0.0.1:6379. Its machines must have tf_bert, and see the files "
        "under the same paths. Default: one is started on this machine.",
    )

    num_cpus_per_trial: float = _setting(
        1.0,
        "Processors that a trial asks Ray for; TensorFlow starts as many "
        "threads.",
        at_least=0,
        at_most=1e6,
    )

    num_gpus_per_trial: float = _setting(
        0.0,
        "GPUs that a trial asks Ray for. 0: it sees none. 0.5: two share one.",
        at_least=0,
        at_most=1e6,
    )

    trials_dirs: tuple[str, ...] | None = _of_reports(
        None,
        "Folders of trials, with commas, that --mode=report puts into one "
        "report in --output_dir. Default: --output_dir itself.",
        modes=("report",),
    )
