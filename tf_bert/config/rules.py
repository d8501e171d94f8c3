"""Which settings go together.

What can be said of one setting alone stands in its entry. What needs the data
or the checkpoint to be checked is checked where these are read. No TensorFlow.
"""

from collections.abc import Iterable
from typing import Any

from tf_bert.config.all_settings import (
    ALTERNATIVES,
    FOLLOWING,
    SETTINGS,
    names_where,
    received,
)
from tf_bert.config.setting import OF_ANY_RUN, TRAINING
from tf_bert.config.text_format import TextFormat

_ALL_BLOCKS = ("encoder", "all_but_head")  # Values of `freeze`.


def check(config: Any) -> None:
    """Checks all the fields of a `tf_bert.config.Config`.

    Raises:
        ValueError: if a value is out of its range, or two contradict.
    """
    check_output_dir(config.output_dir, mode=config.mode)
    for name, setting in SETTINGS.items():
        setting.check(getattr(config, name))
    _check_alternatives(config)
    _check_data(config)
    _check_optimisation(config)
    _check_stabilisers(config)
    _check_devices(config)
    if config.mode in TRAINING:
        # The doctor looks at the machine before a sweep too.
        modes = {config.mode, *["trials"] * (config.mode == "doctor")}
        for name in names_where(lambda x: modes.isdisjoint(x.modes)):
            others = " or --mode=".join(SETTINGS[name].modes)
            when = f"in --mode={config.mode}"
            advice = f"Leave it out, or pass --mode={others}"
            _check_left_out(config, [name], when, advice)
    if config.mode == "trials":
        _check_trials(config)
        _check_runner(config)


def check_output_dir(output_dir: str | None, *, mode: str) -> None:
    """Raises a ValueError if the mode needs a folder and has none."""
    if output_dir or mode in ("inspect", "doctor"):
        return
    if mode in ("train", "trials"):
        raise ValueError(
            "`output_dir` must be given: a run keeps everything there. "
            f"Received: output_dir={output_dir}. Pass "
            "--output_dir=runs/my_first_run."
        )
    is_any = mode in OF_ANY_RUN
    raise ValueError(
        f"`output_dir` must be given: --mode={mode} uses the "
        f"{'' if is_any else 'finished '}run in it. Received: output_dir="
        f"{output_dir}. Pass the --output_dir of a --mode=train"
        f"{'' if is_any else ' that has ended'}."
    )


def check_smoothing(config: Any, *, is_regression: bool) -> None:
    """Refuses to smooth the labels of a regression, which has no classes.

    A known task may be one whatever `config.task_type` says.
    """
    if config.label_smoothing_factor and is_regression:
        raise ValueError(
            "`label_smoothing_factor` must be left out for a regression, which "
            "has no classes. Received: label_smoothing_factor="
            f"{config.label_smoothing_factor}, labels on a scale. Leave out "
            "--label_smoothing_factor, or pass --task_type=classification for "
            "labels that are classes."
        )


def check_task_is_alone(config: Any, flag: str) -> None:
    """Refuses flags that a known task would silently override.

    `flag` is the one that names the task: `task_name`, or `tfds_name`.
    """
    _check_left_out(
        config,
        names_where(lambda setting: setting.is_decided_by_task),
        f"with a `{flag}`, which decides on it",
        f"Leave it out; or leave out --{flag}, and pass your own files",
        flag,
    )


def _check_left_out(
    config: Any, names: Iterable[str], when: str, advice: str, *others: str
) -> None:
    """Refuses settings that are not at their default; `others` say why."""
    for name in names:
        if getattr(config, name) != SETTINGS[name].default:
            raise ValueError(
                f"`{name}` must be left out {when}. "
                f"{received(config, name, *others)}. {advice}."
            )


def _check_alternatives(config: Any) -> None:
    for names in ALTERNATIVES:
        if sum(getattr(config, name) is not None for name in names) != 1:
            raise ValueError(
                f"One of {', '.join(f'`{name}`' for name in names)} must be "
                f"set, and the others None. {received(config, *names)}. Pass "
                f"{' or '.join(f'--{name}' for name in names)}."
            )


def _check_data(config: Any) -> None:
    if config.task_name is not None:
        check_task_is_alone(config, "task_name")
    elif config.group_column is not None:
        _check_group(config)
    _check_tfds(config)
    if config.predict_file == "-" and config.mode != "predict":
        raise ValueError(
            "Standard input (`predict_file` -) can only be predicted with a "
            f"finished run. Received: predict_file=-, mode={config.mode}. "
            "Leave out --predict_file, or pass --mode=predict."
        )
    if config.task_type == "regression":
        _check_left_out(
            config,
            ["positive_label"],
            "for a regression, which has no classes",
            "Leave it out, or pass --task_type=classification",
            "task_type",
        )
        check_smoothing(config, is_regression=True)
    TextFormat(config.encoding, config.delimiter)  # Checks them.


def _check_group(config: Any) -> None:
    """Refuses groups that are the labels, or the texts."""
    for name in names_where(lambda setting: setting.is_column):
        if getattr(config, name) == config.group_column:
            raise ValueError(
                "`group_column` must be another column than those of texts "
                f"and labels. {received(config, 'group_column', name)}. "
                "Correct --group_column, or leave it out: copies of a text "
                "stay in one split without it."
            )


def _check_tfds(config: Any) -> None:
    """Refuses a second source of data beside tensorflow-datasets."""
    name = config.tfds_name
    if name is None and config.tfds_data_dir is None:
        return
    others = ["data_dir", "train_file", "validation_file"]
    # A finished run may be evaluated on any file.
    others += ["test_file"] if config.mode in ("train", "trials") else []
    others += ["task_name"] if name is not None else []
    wrong = [x for x in others if getattr(config, x)]
    if name is None and config.task_name is None:
        wrong = ["task_name", "tfds_name"]
    if wrong:
        flag = "tfds_data_dir" if name is None else "tfds_name"
        raise ValueError(
            f"`{flag}` must be the only source of the data. "
            f"{received(config, flag, *wrong)}. Pass --tfds_name, or "
            "--task_name with or without --tfds_data_dir, or your own files."
        )


def _check_optimisation(config: Any) -> None:
    if (config.train_batch_size or 0) % config.gradient_accumulation_steps:
        names = ("train_batch_size", "gradient_accumulation_steps")
        raise ValueError(
            "`train_batch_size`, the examples of one update, must be a "
            "multiple of `gradient_accumulation_steps`. "
            f"{received(config, *names)}. Change --train_batch_size or "
            "--gradient_accumulation_steps."
        )
    names = ("learning_rate", "weight_decay", "pretrained_weight_decay")
    rate, *decays = (getattr(config, name) for name in names)
    # Weights would be thrown past what they are pulled to.
    if rate * sum(decays) >= 1:
        raise ValueError(
            "`learning_rate` times the sum of `weight_decay` and "
            "`pretrained_weight_decay` must be below 1: one step goes this "
            f"share of the way. {received(config, *names)}. Lower "
            "--learning_rate, --weight_decay or --pretrained_weight_decay."
        )


def _check_stabilisers(config: Any) -> None:
    """Refuses stabilisers that contradict, or that would do nothing."""
    freeze = config.freeze
    is_reinitialised = config.reinit_layers > 0 or config.reinit_pooler
    # Setting, another one, whether they are wrong together, and why.
    pairs = (
        (
            *("mixout", "dropout"),
            config.mixout > 0 and (config.dropout or 0) > 0,
            "Mixout takes the place of every dropout (Lee et al., 2020), which "
            "--dropout=0 turns off",
        ),
        (
            *("mixout_gradient", "mixout"),
            config.mixout_gradient != "derivative" and config.mixout == 0,
            "without Mixout there is no such gradient",
        ),
        (
            *("cache_frozen_features", "freeze"),
            config.cache_frozen_features and freeze is None,
            "there is nothing frozen to run once",
        ),
        (
            *("reinit_layers", "freeze"),
            config.reinit_layers > 0 and freeze in _ALL_BLOCKS,
            "a re-initialised layer that is frozen stays random",
        ),
        (
            *("reinit_pooler", "freeze"),
            is_reinitialised and freeze == "all_but_head",
            "a re-initialised pooler that is frozen stays random",
        ),
        (
            *("layerwise_lr_decay", "freeze"),
            config.layerwise_lr_decay != 1 and freeze in _ALL_BLOCKS,
            "what is left to train has the full rate anyway",
        ),
        (
            *("pretrained_weight_decay", "freeze"),
            config.pretrained_weight_decay > 0
            and freeze == "all_but_head"
            and not config.keep_head,
            "a new head is not pulled back to its start",
        ),
    )
    for name, other, is_wrong, reason in pairs:
        if is_wrong:
            raise ValueError(
                f"`{name}` and `{other}` cannot be combined like this: "
                f"{reason}. {received(config, name, other)}. Leave out "
                f"--{name} or change --{other}."
            )


def _check_devices(config: Any) -> None:
    if config.distribution not in ("auto", "tpu"):
        _check_left_out(
            config,
            ["tpu_name", "tpu_zone", "gcp_project"],
            "without a TPU",
            "Leave it out, or pass --distribution=tpu",
            "distribution",
        )
    if config.tpu_name in (None, "local"):
        _check_left_out(
            config,
            ["tpu_zone", "gcp_project"],
            "without the name of a TPU",
            "Pass --tpu_name, or leave it out",
            "tpu_name",
        )
    if config.distribution == "tpu" and config.jit_compile == "false":
        raise ValueError(
            "A TPU runs compiled steps alone. "
            f"{received(config, 'jit_compile', 'distribution')}. Leave out "
            "--jit_compile."
        )
    if config.remat and config.freeze in _ALL_BLOCKS:
        raise ValueError(
            "`remat` has nothing to recompute where all blocks are frozen. "
            f"{received(config, 'remat', 'freeze')}. Leave out --remat, or "
            "freeze less."
        )


def _check_trials(config: Any) -> None:
    if config.distribution == "multi_worker":
        raise ValueError(
            "A trial runs on the devices of one machine. "
            f"{received(config, 'distribution', 'mode')}. Leave out "
            "--distribution; --trial_runner=ray spreads trials over machines."
        )
    names = ("num_trials", "num_head_seeds", "num_data_seeds")
    given = [name for name in names if getattr(config, name) is not None]
    if given not in (["num_trials"], ["num_head_seeds", "num_data_seeds"]):
        raise ValueError(
            "The number of trials must be given by `num_trials`, or as a grid "
            "by both `num_head_seeds` and `num_data_seeds`. "
            f"{received(config, *names)}. Pass --num_trials=20 alone, or "
            "--num_head_seeds=10 --num_data_seeds=10."
        )
    for name in FOLLOWING:
        if getattr(config, name) != config.seed:
            raise ValueError(
                f"`{name}` must be left out in --mode=trials, which counts "
                f"the seeds up from `seed`. {received(config, name, 'seed')}. "
                "Pass --seed for the first one; or --num_head_seeds and "
                "--num_data_seeds, to vary them apart."
            )
    _check_left_out(
        config,
        ["predict_file"],
        "in --mode=trials",
        "Predict with the best model by the library (tf_bert.predict), or "
        "train one seed by --mode=train --predict_file",
    )
    _check_recipes(config)


def _check_recipes(config: Any) -> None:
    recipes = config.sweep or {}
    name = "per_device_train_batch_size"
    sizes = [
        x.get(name, getattr(config, name)) for x in ({}, *recipes.values())
    ]
    if any(sizes):
        raise ValueError(
            f"`{name}` must be left out in --mode=trials: a trial is the same "
            f"on every machine. Received: {name}={next(filter(None, sizes))}. "
            "Pass --train_batch_size."
        )
    if config.baseline is not None and config.baseline not in recipes:
        raise ValueError(
            "`baseline` must be a recipe of the sweep. Received: baseline="
            f"{config.baseline!r} (recipes: {'; '.join(recipes) or 'one'}). "
            "Correct --baseline, or leave it out to compare with the first."
        )


def _check_runner(config: Any) -> None:
    # Ray decides by the resources how many run at a time.
    names = ["num_parallel_trials"]
    if config.trial_runner != "ray":
        names = ["ray_address", "num_cpus_per_trial", "num_gpus_per_trial"]
    _check_left_out(
        config,
        names,
        "with this runner",
        "Leave it out, or change --trial_runner",
        "trial_runner",
    )
    num_gpus = config.num_gpus_per_trial
    if not config.num_cpus_per_trial and not num_gpus:
        names = ["num_cpus_per_trial", "num_gpus_per_trial"]
        raise ValueError(
            "A trial asks Ray for nothing, which says how many run at a time. "
            f"{received(config, *names)}. Pass --num_cpus_per_trial=1."
        )
    if num_gpus > 1 and num_gpus % 1:
        raise ValueError(
            "`num_gpus_per_trial` must be a whole number or a part of one "
            f"GPU. Received: num_gpus_per_trial={num_gpus:g}. Pass "
            f"--num_gpus_per_trial={num_gpus // 1:g}, or one below 1."
        )
