"""Settings of what to do and where: runs, devices and trials."""

import dataclasses
import functools
from typing import Any

from tf_bert.config.setting import COMPUTING, MODES, Changes, setting

_of_machines = functools.partial(
    setting, changes=Changes.SPEED, modes=COMPUTING
)
_of_trials = functools.partial(
    setting, changes=Changes.PLACES, modes=("trials",)
)
_of_reports = functools.partial(setting, changes=Changes.PLACES)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The group "What to do"."""

    mode: str = setting(
        "train",
        "train: fine-tune, evaluate, compare, save. trials: the same with "
        "many seeds and recipes, for statistics. report: a page of tables and "
        "pictures about trials, or about one run. inspect: look at data, "
        "model, memory and time without training. doctor: what is wrong with "
        "this machine; takes the flags of a training too. The others use the "
        "finished run in --output_dir, and refuse flags that would mean "
        "nothing there. "
        "export: writes saved_model/, which takes raw texts and needs only "
        "TensorFlow and tensorflow-text.",
        choices=MODES,
        changes=Changes.PLACES,
        modes=MODES,
    )

    output_dir: str | None = setting(
        None,
        "Folder of the run. Given again, an interrupted run continues. "
        "Default, with flag files: runs/ and their names, such as "
        "runs/zhang_rte_minilm. --mode=inspect needs none, and writes "
        "inspect.json into one; --mode=doctor tries to write there.",
        changes=Changes.PLACES,
        modes=MODES,
    )

    resume: str = setting(
        "auto",
        "What to do about a run that is there. auto: continue it if its "
        "configuration is the same, or start one. never: only start. must: "
        "only continue.",
        choices=("auto", "never", "must"),
        changes=Changes.PLACES,
    )

    overwrite_output_dir: bool = setting(
        False,
        "Replaces the run that --output_dir holds: removes what that has "
        "written, and nothing else.",
        changes=Changes.PLACES,
    )

    tensorboard: bool = setting(
        True,
        "Writes scalars for TensorBoard.",
        changes=Changes.PLACES,
    )

    json: bool = setting(
        False,
        "With --mode=doctor: prints what it finds as JSON.",
        changes=Changes.PLACES,
        modes=("doctor",),
    )

    save_every_seconds: float = setting(
        60.0,
        "Seconds between two saved states; there is one at every evaluation "
        "too. 0: at evaluations alone.",
        at_least=0,
        at_most=1e6,
        changes=Changes.SPEED,
        is_restarted=True,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceSettings:
    """The group "Devices"."""

    distribution: str = _of_machines(
        "auto",
        "Devices to train on. auto: a TPU if there is one, else as many GPUs "
        "as divide the batch, else one device; the workers that TF_CONFIG "
        "names, if it is set. "
        "mirrored: all GPUs (or CPU devices) of this machine. multi_worker: "
        "those of several machines. The result is the same but for rounding "
        "and for the dropout masks, of which each device draws its own.",
        choices=("auto", "one_device", "mirrored", "multi_worker", "tpu"),
    )

    tpu_name: str | None = _of_machines(
        None,
        "Name of a TPU in the cloud; or local: the TPU of this machine, as on "
        "Colab and TPU VMs. Default: local.",
    )

    tpu_zone: str | None = _of_machines(
        None, "Zone of the TPU of --tpu_name. Default: as gcloud says."
    )

    gcp_project: str | None = _of_machines(
        None, "Project of the TPU of --tpu_name. Default: as gcloud says."
    )

    steps_per_loop: int | None = setting(
        None,
        "Updates between two looks at signals and the progress bar. Default: "
        "what takes a tenth of a second; 32 where shapes are fixed, which all "
        "these updates share.",
        at_least=1,
        changes=Changes.SPEED,
    )

    jit_compile: str = setting(
        "auto",
        "Compiles the step by XLA, with few fixed shapes. auto: on TPUs, "
        "which know nothing else.",
        choices=("auto", "true", "false"),
    )

    deterministic: bool = _of_machines(
        False,
        "Asks TensorFlow for operations that add in one order, so that on the "
        "same GPUs the same command ends in the same bits. Slower there. "
        "Processors and TPUs do that anyway.",
    )

    remat: bool = setting(
        False,
        "Recomputes each block in the backward pass, to save memory. The "
        "result is the same.",
        changes=Changes.SPEED,
        with_less_memory=lambda _: True,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrialSettings:
    """The group "Trials"."""

    num_trials: int | None = _of_trials(
        None,
        "Seeds that a recipe is trained with: --seed, --seed + 1, ... for "
        "head, data and dropout alike.",
        at_least=1,
    )

    num_head_seeds: int | None = _of_trials(
        None,
        "Seeds of the head, each of which is trained with every one of "
        "--num_data_seeds, instead of --num_trials (Zhang et al., 2021, "
        "Appendix B).",
        at_least=1,
    )

    num_data_seeds: int | None = _of_trials(
        None,
        "Seeds of the order of examples and of dropout, each of which is "
        "trained with every one of --num_head_seeds.",
        at_least=1,
    )

    sweep: dict[str, dict[str, Any]] | None = _of_trials(
        None,
        "Recipes to compare: name:v1,v2 trains with every value of a flag; "
        "given again, with every combination. Values with commas go as a JSON "
        "list, an empty one leaves the flag out. recipe:zhang,mixout takes "
        "flag files of flags/recipes (or paths) as rows: each as if it were "
        "the first --flagfile, so that what is given beside it counts.",
    )

    sweep_given: tuple[str, ...] | None = _of_trials(
        None, "What was given as --sweep, to repeat the command.", is_flag=False
    )

    baseline: str | None = _of_reports(
        None,
        "Recipe that all others are compared with, by its label in the table, "
        "such as mixout=0.0. Default: the first.",
        modes=("trials", "report"),
    )

    trials_save_model: str = _of_trials(
        "best",
        "Models to keep. best: the best model of all trials, by validation; "
        "without a validation split, that of the first one. all: each trial's "
        "too.",
        choices=("best", "all", "none"),
    )

    trial_runner: str = _of_trials(
        "local",
        "Where trials run. local: on this machine. ray: on a Ray cluster (pip "
        "install 'tf_bert[ray]').",
        choices=("local", "ray"),
    )

    num_parallel_trials: int = _of_trials(
        1,
        "Trials that the local runner trains at a time; they share the "
        "processors of the machine, or of its container. The number of threads "
        "may change a result's last digits.",
        at_least=1,
    )

    ray_address: str | None = _of_trials(
        None,
        "Address of a Ray cluster that is there, such as auto or "
        "10.0.0.1:6379. Its machines must have tf_bert, and see the files "
        "under the same paths. Default: one is started on this machine.",
    )

    num_cpus_per_trial: float = _of_trials(
        1.0,
        "Processors that a trial asks Ray for; TensorFlow starts as many "
        "threads.",
        at_least=0,
        at_most=1e6,
    )

    num_gpus_per_trial: float = _of_trials(
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
