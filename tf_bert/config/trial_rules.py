"""Which settings of trials go together, and with which mode. No TensorFlow."""

from typing import Any

from tf_bert.config.all_settings import (
    FOLLOWING,
    OF_TRIALS,
    SETTINGS,
    received,
)


def check(config: Any) -> None:
    """Raises a ValueError if a flag of trials contradicts another, or the mode.

    What a sweep was, its folder's configuration says in every mode but these.
    """
    if config.mode in ("train", "inspect"):
        for name in OF_TRIALS:
            if getattr(config, name) != SETTINGS[name].default:
                raise ValueError(
                    f"`{name}` must be left out in --mode={config.mode}. "
                    f"{received(config, name)}. Pass "
                    f"--mode={' or --mode='.join(SETTINGS[name].modes)}, or "
                    f"leave out --{name}."
                )
    if config.mode == "trials":
        _check_number(config)
        _check_seeds(config)
        _check_batch_size(config)
        _check_runner(config)
        _check_baseline(config)


def _check_number(config: Any) -> None:
    names = ("num_trials", "num_head_seeds", "num_data_seeds")
    given = [name for name in names if getattr(config, name) is not None]
    if given not in (["num_trials"], ["num_head_seeds", "num_data_seeds"]):
        raise ValueError(
            "The number of trials must be given by `num_trials`, or as a grid "
            "by both `num_head_seeds` and `num_data_seeds`. "
            f"{received(config, *names)}. Pass --num_trials=20 alone, or "
            "--num_head_seeds=10 --num_data_seeds=10."
        )


def _check_seeds(config: Any) -> None:
    for name in FOLLOWING:
        if getattr(config, name) != config.seed:
            raise ValueError(
                f"`{name}` must be left out in --mode=trials, which counts "
                f"the seeds up from `seed`. {received(config, name, 'seed')}. "
                "Pass --seed for the first one; or --num_head_seeds and "
                "--num_data_seeds, to vary them apart."
            )
    if config.predict_file:
        raise ValueError(
            "`predict_file` must be left out in --mode=trials. "
            f"{received(config, 'predict_file')}. Predict with the best model "
            "by the library (tf_bert.predict), or train one seed by "
            "--mode=train --predict_file."
        )


def _check_batch_size(config: Any) -> None:
    recipes = [{}, *(config.sweep or {}).values()]
    name = "per_device_train_batch_size"
    sizes = [recipe.get(name, getattr(config, name)) for recipe in recipes]
    if any(sizes):
        raise ValueError(
            f"`{name}` must be left out in --mode=trials: a trial is the same "
            f"on every machine. Received: {name}={next(filter(None, sizes))}. "
            "Pass --train_batch_size."
        )


def _check_runner(config: Any) -> None:
    # Ray decides by the resources how many run at a time.
    names = ["num_parallel_trials"]
    if config.trial_runner != "ray":
        names = ["ray_address", "num_cpus_per_trial", "num_gpus_per_trial"]
    for name in names:
        if getattr(config, name) != SETTINGS[name].default:
            raise ValueError(
                f"`{name}` must be left out with this runner. "
                f"{received(config, name, 'trial_runner')}. Leave it out, or "
                "change --trial_runner."
            )
    cpus, num_gpus = "num_cpus_per_trial", config.num_gpus_per_trial
    if not config.num_cpus_per_trial and not num_gpus:
        raise ValueError(
            "A trial asks Ray for nothing, which says how many run at a time. "
            f"{received(config, cpus, 'num_gpus_per_trial')}. Pass "
            "--num_cpus_per_trial=1."
        )
    if num_gpus > 1 and num_gpus % 1:
        raise ValueError(
            "`num_gpus_per_trial` must be a whole number or a part of one "
            f"GPU. Received: num_gpus_per_trial={num_gpus:g}. Pass "
            f"--num_gpus_per_trial={num_gpus // 1:g}, or one below 1."
        )


def _check_baseline(config: Any) -> None:
    labels = list(config.sweep or {})
    if config.baseline is not None and config.baseline not in labels:
        raise ValueError(
            "`baseline` must be a recipe of the sweep. Received: baseline="
            f"{config.baseline!r} (recipes: {'; '.join(labels) or 'one'}). "
            "Correct --baseline, or leave it out to compare with the first."
        )
