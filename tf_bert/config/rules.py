"""Which settings go together.

What can be said of one setting alone stands in its entry. What needs the data
or the checkpoint to be checked is checked where these are read. No TensorFlow.
"""

from typing import Any

from tf_bert.config import device_rules, trial_rules
from tf_bert.config.all_settings import (
    ALTERNATIVES,
    SETTINGS,
    names_where,
    received,
)
from tf_bert.config.setting import OF_ANY_RUN
from tf_bert.config.text_format import TextFormat


def check(config: Any) -> None:
    """Checks all the fields of a `tf_bert.config.Config`.

    Raises:
        ValueError: if a value is out of its range, or two contradict.
    """
    check_output_dir(config.output_dir, mode=config.mode)
    for name, setting in SETTINGS.items():
        setting.check(getattr(config, name))
    _check_alternatives(config)
    if config.task_name is not None:
        check_task_is_alone(config, "task_name")
    _check_group(config)
    _check_tfds(config)
    if config.predict_file == "-" and config.mode != "predict":
        raise ValueError(
            "Standard input (`predict_file` -) can only be predicted with a "
            f"finished run. Received: predict_file=-, mode={config.mode}. "
            "Leave out --predict_file, or pass --mode=predict."
        )
    if config.task_type == "regression":
        _check_regression(config)
    TextFormat(config.encoding, config.delimiter)  # Checks them.
    if (config.train_batch_size or 0) % config.gradient_accumulation_steps:
        names = ("train_batch_size", "gradient_accumulation_steps")
        raise ValueError(
            "`train_batch_size`, the examples of one update, must be a "
            "multiple of `gradient_accumulation_steps`. "
            f"{received(config, *names)}. Change --train_batch_size or "
            "--gradient_accumulation_steps."
        )
    _check_decays(config)
    _check_stabilisers(config)
    device_rules.check(config)
    trial_rules.check(config)


def check_output_dir(output_dir: str | None, *, mode: str) -> None:
    """Raises a ValueError if the mode needs a folder and has none."""
    if output_dir or mode == "inspect":
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


def _check_alternatives(config: Any) -> None:
    for names in ALTERNATIVES:
        if sum(getattr(config, name) is not None for name in names) != 1:
            raise ValueError(
                f"One of {', '.join(f'`{name}`' for name in names)} must be "
                f"set, and the others None. {received(config, *names)}. Pass "
                f"{' or '.join(f'--{name}' for name in names)}."
            )


def _check_regression(config: Any) -> None:
    if config.positive_label is not None:
        raise ValueError(
            "`positive_label` must be left out for a regression, which has no "
            f"classes. {received(config, 'positive_label', 'task_type')}. "
            "Leave out --positive_label, or pass --task_type=classification."
        )
    check_smoothing(config, is_regression=True)


def check_smoothing(config: Any, *, is_regression: bool) -> None:
    """Refuses to smooth the labels of a regression, which has no classes.

    Args:
        config: a `Config`.
        is_regression: as `config.task_type` says, or a known task.

    Raises:
        ValueError: if they are to be smoothed.
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

    Args:
        config: a `Config` whose task is a known one.
        flag: that names the task: `task_name`, or `tfds_name`.

    Raises:
        ValueError: if a flag is given that the task decides on.
    """
    for name in names_where(lambda setting: setting.is_decided_by_task):
        if getattr(config, name) != SETTINGS[name].default:
            raise ValueError(
                f"`{name}` must be left out with a `{flag}`, which decides "
                f"on it. {received(config, name, flag)}. Leave out --{name}; "
                f"or leave out --{flag}, and pass your own files."
            )


def _check_group(config: Any) -> None:
    """Refuses groups that are the labels, or the texts."""
    if config.task_name is not None or config.group_column is None:
        return  # A known task's columns have names of their own.
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


def _check_decays(config: Any) -> None:
    """Refuses decays that throw weights past what they are pulled to."""
    names = ("learning_rate", "weight_decay", "pretrained_weight_decay")
    rate, *decays = (getattr(config, name) for name in names)
    if rate * sum(decays) >= 1:
        raise ValueError(
            "`learning_rate` times the sum of `weight_decay` and "
            "`pretrained_weight_decay` must be below 1: one step goes this "
            f"share of the way. {received(config, *names)}. Lower "
            "--learning_rate, --weight_decay or --pretrained_weight_decay."
        )


def _check_stabilisers(config: Any) -> None:
    """Refuses stabilisers that contradict, or that would do nothing."""
    for names, is_wrong, reason in _stabilisers_together(config):
        if is_wrong:
            raise ValueError(
                f"`{names[0]}` and `{names[1]}` cannot be combined like this: "
                f"{reason}. {received(config, *names)}. Leave out "
                f"--{names[0]} or change --{names[1]}."
            )


def _stabilisers_together(
    config: Any,
) -> tuple[tuple[tuple[str, str], bool, str], ...]:
    """Returns two settings, whether they are wrong together, and why."""
    freeze = config.freeze
    all_blocks = freeze in ("encoder", "all_but_head")
    return (
        (
            ("mixout", "dropout"),
            config.mixout > 0 and (config.dropout or 0) > 0,
            "Mixout takes the place of every dropout (Lee et al., 2020), which "
            "--dropout=0 turns off",
        ),
        (
            ("mixout_gradient", "mixout"),
            config.mixout_gradient != "derivative" and config.mixout == 0,
            "without Mixout there is no such gradient",
        ),
        (
            ("cache_frozen_features", "freeze"),
            config.cache_frozen_features and freeze is None,
            "there is nothing frozen to run once",
        ),
        (
            ("reinit_layers", "freeze"),
            config.reinit_layers > 0 and all_blocks,
            "a re-initialised layer that is frozen stays random",
        ),
        (
            ("reinit_pooler", "freeze"),
            freeze == "all_but_head"
            and (config.reinit_layers > 0 or config.reinit_pooler),
            "a re-initialised pooler that is frozen stays random",
        ),
        (
            ("layerwise_lr_decay", "freeze"),
            config.layerwise_lr_decay != 1 and all_blocks,
            "what is left to train has the full rate anyway",
        ),
        (
            ("pretrained_weight_decay", "freeze"),
            config.pretrained_weight_decay > 0
            and freeze == "all_but_head"
            and not config.keep_head,
            "a new head is not pulled back to its start",
        ),
    )
