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
            "Standard input (`predict_file` -) must be predicted with a "
            f"finished run. Received: predict_file=-, mode={config.mode}. "
            "Leave out --predict_file, or pass --mode=predict."
        )
    _check_positive_label(config)
    check_smoothing(config, is_regression=config.task_type == "regression")
    TextFormat(config.encoding, config.delimiter)  # Checks them.
    if (config.train_batch_size or 0) % config.gradient_accumulation_steps:
        raise ValueError(
            "`train_batch_size` must be a multiple of "
            "`gradient_accumulation_steps`. Received: train_batch_size="
            f"{config.train_batch_size}, gradient_accumulation_steps="
            f"{config.gradient_accumulation_steps}. The batch size is the "
            "number of examples of one update: change one of the flags "
            "--train_batch_size and --gradient_accumulation_steps."
        )
    _check_decays(config)
    _check_stabilisers(config)
    device_rules.check(config)
    trial_rules.check(config)


def check_output_dir(output_dir: str | None, *, mode: str) -> None:
    """Refuses a mode without the folder of its run; an inspection needs none.

    Raises:
        ValueError: if `output_dir` is missing.
    """
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
        values = {name: getattr(config, name) for name in names}
        if sum(value is not None for value in values.values()) != 1:
            raise ValueError(
                f"One of {', '.join(f'`{name}`' for name in names)} must be "
                "set, and the others None. Received: "
                f"{', '.join(f'{n}={v}' for n, v in values.items())}. Pass "
                f"{' or '.join(f'--{name}' for name in names)}."
            )


def _check_positive_label(config: Any) -> None:
    """Refuses a regression early; classes are known with the data."""
    if config.positive_label is not None and config.task_type == "regression":
        raise ValueError(
            "`positive_label` must be left out for a regression, which has no "
            f"classes. Received: positive_label={config.positive_label!r}, "
            "task_type='regression'. Leave out --positive_label, or pass "
            "--task_type=classification."
        )


def check_smoothing(config: Any, *, is_regression: bool) -> None:
    """Refuses to smooth the labels of a regression, which has no classes.

    Args:
        config: whose task may be one of the table, which says what it is.
        is_regression: whether labels are numbers on a scale.

    Raises:
        ValueError: if they are, and are to be smoothed.
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
    """Refuses flags that a task of the table would silently override.

    Args:
        config: whose task is one of the table.
        flag: that names it: `task_name`, or `tfds_name`.

    Raises:
        ValueError: if a flag is given that the task decides on.
    """
    for name in names_where(lambda setting: setting.is_decided_by_task):
        value = getattr(config, name)
        if value != SETTINGS[name].default:
            raise ValueError(
                f"`{name}` must be left out with a `{flag}`, which decides "
                f"on it. Received: {name}={value!r}, {flag}="
                f"{getattr(config, flag)!r}. Leave out --{name}; or leave out "
                f"--{flag}, and pass your own files."
            )


def _check_group(config: Any) -> None:
    """Refuses groups that are the labels, or the texts."""
    names = names_where(lambda setting: setting.is_column)
    if config.task_name is not None or config.group_column is None:
        return  # A known task's columns have names of their own.
    same = [n for n in names if getattr(config, n) == config.group_column]
    if same:
        raise ValueError(
            "`group_column` must be another column than those of texts and "
            f"labels. Received: group_column={config.group_column!r}, "
            f"{same[0]}={config.group_column!r}. Correct --group_column, or "
            "leave it out: copies of a text stay in one split without it."
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
    given = [f"{x}={v!r}" for x in others if (v := getattr(config, x))]
    if name is None and config.task_name is None:
        given = ["task_name=None, tfds_name=None"]
    if given:
        flag = "tfds_data_dir" if name is None else "tfds_name"
        raise ValueError(
            f"`{flag}` must be the only source of the data. Received: {flag}="
            f"{getattr(config, flag)!r}, {', '.join(given)}. Pass --tfds_name, "
            "or --task_name with or without --tfds_data_dir, or your own files."
        )


def _check_decays(config: Any) -> None:
    """Refuses decays that throw weights past what they are pulled to."""
    decay = config.weight_decay + config.pretrained_weight_decay
    if config.learning_rate * decay >= 1:
        raise ValueError(
            "`learning_rate` times the sum of `weight_decay` and "
            "`pretrained_weight_decay` must be below 1: it is the share of "
            "the way that one step goes. Received: learning_rate="
            f"{config.learning_rate}, weight_decay={config.weight_decay}, "
            f"pretrained_weight_decay={config.pretrained_weight_decay}. Lower "
            "--learning_rate, --weight_decay or --pretrained_weight_decay."
        )


def _check_stabilisers(config: Any) -> None:
    """Refuses stabilisers that contradict, or that would do nothing."""
    freeze = config.freeze
    all_blocks = freeze in ("encoder", "all_but_head")
    pooler = config.reinit_layers > 0 or config.reinit_pooler
    for names, is_wrong, reason in (
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
            pooler and freeze == "all_but_head",
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
            "a freshly drawn head is not pulled back to its start",
        ),
    ):
        if is_wrong:
            received = ", ".join(f"{n}={getattr(config, n)}" for n in names)
            raise ValueError(
                f"`{names[0]}` and `{names[1]}` must have a meaning together: "
                f"{reason}. Received: {received}. Leave out --{names[0]} or "
                f"change --{names[1]}."
            )
