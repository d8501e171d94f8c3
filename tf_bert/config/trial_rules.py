"""Which settings of trials go together, and with which mode. No TensorFlow."""

from typing import Any

from tf_bert.config.all_settings import FOLLOWING, OF_TRIALS, SETTINGS


def check(config: Any) -> None:
    """Checks the flags about trials of a `tf_bert.config.Config`.

    Raises:
        ValueError: if one means nothing in the mode, or two contradict.
    """
    is_of_trials = config.mode not in ("train", "inspect")
    for name in OF_TRIALS:
        value = getattr(config, name)
        # What a sweep was, its folder's configuration says in every mode.
        if value != SETTINGS[name].default and not is_of_trials:
            raise ValueError(
                f"`{name}` must be left out in --mode={config.mode}. "
                f"Received: {name}={value!r}. Pass "
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
    grid = (config.num_head_seeds, config.num_data_seeds)
    is_grid = all(number is not None for number in grid)
    if is_grid == (config.num_trials is not None) or (
        not is_grid and any(number is not None for number in grid)
    ):
        raise ValueError(
            "The number of trials must be given by `num_trials`, or as a grid "
            "by both `num_head_seeds` and `num_data_seeds`. Received: "
            f"num_trials={config.num_trials}, num_head_seeds="
            f"{config.num_head_seeds}, num_data_seeds={config.num_data_seeds}. "
            "Pass --num_trials=20 alone, or --num_head_seeds=10 "
            "--num_data_seeds=10."
        )


def _check_seeds(config: Any) -> None:
    for name in FOLLOWING:
        if getattr(config, name) != config.seed:
            raise ValueError(
                f"`{name}` must be left out in --mode=trials, which counts "
                "the seeds up from `seed`. Received: "
                f"{name}={getattr(config, name)}, seed={config.seed}. Pass "
                "--seed for the first one; or --num_head_seeds and "
                "--num_data_seeds, to vary them apart."
            )
    if config.predict_file:
        raise ValueError(
            "`predict_file` must be left out in --mode=trials. Received: "
            f"predict_file={config.predict_file!r}. Predict with the best "
            "model by the library (tf_bert.predict), or train one seed by "
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
    if config.trial_runner == "ray":
        # Ray decides by the resources how many run at a time.
        wrong = ["num_parallel_trials"] * (config.num_parallel_trials != 1)
    else:
        wrong = [
            name
            for name in (
                "ray_address",
                "num_cpus_per_trial",
                "num_gpus_per_trial",
            )
            if getattr(config, name) != SETTINGS[name].default
        ]
    if wrong:
        raise ValueError(
            f"`{wrong[0]}` must be left out with this runner. Received: "
            f"{wrong[0]}={getattr(config, wrong[0])!r}, trial_runner="
            f"{config.trial_runner}. Leave it out, or change --trial_runner."
        )
    _check_resources(config)


def _check_resources(config: Any) -> None:
    num_cpus, num_gpus = config.num_cpus_per_trial, config.num_gpus_per_trial
    if not num_cpus and not num_gpus:
        raise ValueError(
            "A trial must ask Ray for something, which says how many run at "
            "a time. Received: num_cpus_per_trial=0, num_gpus_per_trial=0. "
            "Pass --num_cpus_per_trial=1."
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
