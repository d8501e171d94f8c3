"""The configuration of a run: one frozen dataclass, checked when it is made.

No TensorFlow. What needs the data or the checkpoint to be checked is checked
where these are read, in `build.py`.
"""

import dataclasses
import math
import re
import typing
from typing import Any

from tf_bert.text_format import TextFormat

MODES = ("train", "inspect", "evaluate", "predict", "export")
TASK_TYPES = ("classification", "regression")
SCHEDULES = ("linear", "cosine", "constant")
PRECISIONS = ("float32", "mixed_bfloat16")
CHECKPOINTS = ("best", "last")
RESUME = ("auto", "never", "must")

# Flags that cannot change the result of a training; a run in `output_dir` may
# be continued with others.
NOT_COMPARED = frozenset(
    {
        "mode",
        "output_dir",
        "overwrite_output_dir",
        "resume",
        "predict_file",
        "tensorboard",
    }
)

# Seeds that are `seed` where they are not given.
FOLLOW_SEED = ("head_seed", "data_seed", "dropout_seed")
# Fields that say one thing in different units; exactly one of each row is set.
# On the command line the later one counts.
ALTERNATIVES = (
    ("train_batch_size", "per_device_train_batch_size"),
    ("num_train_epochs", "num_train_steps"),
    ("warmup_proportion", "num_warmup_steps"),
    ("num_evaluations", "evaluate_every_steps", "evaluate_every_epochs"),
)

# What a task of the table brings along.
_SET_BY_TASK = (
    "text_column",
    "text_pair_column",
    "label_column",
    "label_names",
    "task_type",
)


# name, name/config or name/config:version.
_TFDS_NAME = re.compile(r"\w+(/[\w.+-]+)?(:[\d.*]+)?", re.ASCII)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that a run depends on. Each field is the flag of its name.

    The flags' help (`tf_bert/cli.py`) says what each means, with its unit and
    its neutral value.

    Raises:
        ValueError: if a value is out of its range, or two contradict.
    """

    mode: str = "train"
    output_dir: str | None = None
    resume: str = "auto"
    overwrite_output_dir: bool = False
    tensorboard: bool = True

    task_name: str | None = None
    data_dir: str | None = None
    train_file: str | None = None
    validation_file: str | None = None
    test_file: str | None = None
    predict_file: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    tfds_name: str | None = None
    tfds_data_dir: str | None = None
    text_column: str = "text"
    text_pair_column: str | None = None
    label_column: str = "label"
    label_names: tuple[str, ...] | None = None
    task_type: str = "classification"
    metric: str | None = None
    validation_proportion: float = 0.1
    test_proportion: float = 0.0
    split_dev_in_half: bool = False
    max_train_examples: int = 0
    max_seq_length: int = 128

    init_checkpoint: str = "minilm-l6"
    do_lower_case: bool | None = None
    dropout: float | None = None
    precision: str = "float32"

    train_batch_size: int | None = 32
    per_device_train_batch_size: int | None = None
    gradient_accumulation_steps: int = 1
    num_train_epochs: float | None = 3.0
    num_train_steps: int | None = None
    learning_rate: float = 5e-5
    lr_schedule: str = "linear"
    warmup_proportion: float | None = 0.1
    num_warmup_steps: int | None = None
    weight_decay: float = 0.01
    adam_beta_1: float = 0.9
    adam_beta_2: float = 0.999
    adam_epsilon: float = 1e-8
    bias_correction: bool = True
    max_grad_norm: float = 1.0

    eval_batch_size: int = 64
    num_evaluations: int | None = 10
    evaluate_every_steps: int | None = None
    evaluate_every_epochs: float | None = None
    checkpoint_to_use: str = "best"
    early_stopping_patience: int = 0
    compare_baselines: bool = True

    seed: int = 0
    head_seed: int | None = None
    data_seed: int | None = None
    dropout_seed: int | None = None
    split_seed: int = 0

    def __post_init__(self):
        for name in FOLLOW_SEED:
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.seed)
        check_output_dir(self.output_dir, mode=self.mode)
        _check_not_empty(self)
        _check_choices(self)
        _check_ranges(self)
        _check_alternatives(self)
        if self.task_name is not None:
            check_task_is_alone(self, "task_name")
        _check_tfds(self)
        if self.predict_file == "-" and self.mode != "predict":
            raise ValueError(
                "Standard input (`predict_file` -) must be predicted with a "
                f"finished run. Received: predict_file=-, mode={self.mode}. "
                "Leave out --predict_file, or pass --mode=predict."
            )
        TextFormat(self.encoding, self.delimiter)  # Checks them.
        if (self.train_batch_size or 0) % self.gradient_accumulation_steps:
            raise ValueError(
                "`train_batch_size` must be a multiple of "
                "`gradient_accumulation_steps`. Received: train_batch_size="
                f"{self.train_batch_size}, gradient_accumulation_steps="
                f"{self.gradient_accumulation_steps}. The batch size is the "
                "number of examples of one update: change one of the flags "
                "--train_batch_size and --gradient_accumulation_steps."
            )

    @property
    def text_format(self) -> TextFormat:
        """How the user's text files are written.

        Raises:
            ValueError: if `encoding` or `delimiter` is wrong.
        """
        return TextFormat(self.encoding, self.delimiter)

    def num_steps(self, steps_per_epoch: int) -> int:
        """The length of the training in steps, at least 1."""
        if self.num_train_steps is not None:
            return self.num_train_steps
        return max(1, math.ceil(self.num_train_epochs * steps_per_epoch))

    def for_devices(self, num_devices: int) -> "Config":
        """The same with `train_batch_size`, of all the devices together."""
        if self.per_device_train_batch_size is None:
            return self
        return dataclasses.replace(
            self,
            per_device_train_batch_size=None,
            train_batch_size=self.per_device_train_batch_size
            * num_devices
            * self.gradient_accumulation_steps,
        )

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON holds them."""
        fields = dataclasses.asdict(self)
        if self.label_names is not None:
            fields["label_names"] = list(self.label_names)
        return fields

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Config":
        """The inverse of `as_dict`.

        Raises:
            ValueError: if a field is unknown, or of the wrong kind.
        """
        _check_kinds(fields)
        if fields.get("label_names") is not None:
            fields = {**fields, "label_names": tuple(fields["label_names"])}
        return cls(**fields)


def check_output_dir(output_dir: str | None, *, mode: str) -> None:
    """Refuses a mode without the folder of its run; an inspection needs none.

    Raises:
        ValueError: if `output_dir` is missing.
    """
    if output_dir or mode == "inspect":
        return
    if mode == "train":
        raise ValueError(
            "`output_dir` must be given: a run keeps everything there. "
            f"Received: output_dir={output_dir}. Pass "
            "--output_dir=runs/my_first_run."
        )
    raise ValueError(
        f"`output_dir` must be given: --mode={mode} uses the finished run in "
        f"it. Received: output_dir={output_dir}. Pass the --output_dir of a "
        "--mode=train that has ended."
    )


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What differs between two configurations, of what can change a result.

    Args:
        old: of `Config.as_dict`, perhaps of an earlier version: a field that
            it lacks has its default.
        new: of `Config.as_dict`.

    Returns:
        One `name: old -> new` for each difference.
    """
    defaults = {f.name: f.default for f in dataclasses.fields(Config)}
    old = {**defaults, **old}
    return [
        f"{name}: {old[name]} -> {new.get(name)}"
        for name in sorted(old)
        if name not in NOT_COMPARED and old[name] != new.get(name)
    ]


def _check_kinds(fields: dict[str, Any]) -> None:
    """Checks what JSON held: another version's fields, or edited ones."""
    kinds = typing.get_type_hints(Config)
    # `isinstance` takes no generic types; and JSON has lists and whole numbers.
    kinds["label_names"] = list | tuple | None
    kinds |= {n: k | int for n, k in kinds.items() if isinstance(0.0, k)}
    for name, value in fields.items():
        if name not in kinds or not isinstance(value, kinds[name]):
            what = "a known flag" if name not in kinds else "of its kind"
            raise ValueError(
                f"Every field of a run's config.json must be {what}. Received: "
                f"{name}={value!r}. The file was changed by hand, or written "
                "by another version: restore it, or use that version, or "
                "train again with --overwrite_output_dir."
            )


def _check_not_empty(config: Config) -> None:
    for field in dataclasses.fields(config):
        if getattr(config, field.name) == "":
            raise ValueError(
                f"`{field.name}` must not be empty. Received: {field.name}=''. "
                f"Pass --{field.name} with a value, or leave it out."
            )


def _check_alternatives(config: Config) -> None:
    for names in ALTERNATIVES:
        values = {name: getattr(config, name) for name in names}
        if sum(value is not None for value in values.values()) != 1:
            raise ValueError(
                f"One of {', '.join(f'`{name}`' for name in names)} must be "
                "set, and the others None. Received: "
                f"{', '.join(f'{n}={v}' for n, v in values.items())}. Pass "
                f"{' or '.join(f'--{name}' for name in names)}."
            )


def _check_choices(config: Config) -> None:
    for name, choices in (
        ("mode", MODES),
        ("resume", RESUME),
        ("task_type", TASK_TYPES),
        ("lr_schedule", SCHEDULES),
        ("precision", PRECISIONS),
        ("checkpoint_to_use", CHECKPOINTS),
    ):
        value = getattr(config, name)
        if value not in choices:
            raise ValueError(
                f"`{name}` must be one of {', '.join(choices)}. Received: "
                f"{name}={value!r}. Correct --{name}."
            )


def check_task_is_alone(config: Config, flag: str) -> None:
    """Refuses flags that a task of the table would silently override.

    Args:
        config: whose task is one of the table.
        flag: that names it: `task_name`, or `tfds_name`.

    Raises:
        ValueError: if a flag is given that the task decides on.
    """
    defaults = {
        field.name: field.default for field in dataclasses.fields(config)
    }
    for name in _SET_BY_TASK:
        value = getattr(config, name)
        if value != defaults[name]:
            raise ValueError(
                f"`{name}` must be left out with a `{flag}`, which decides "
                f"on it. Received: {name}={value!r}, {flag}="
                f"{getattr(config, flag)!r}. Leave out --{name}; or leave out "
                f"--{flag}, and pass your own files."
            )


def _check_tfds(config: Config) -> None:
    """Refuses a second source of data beside tensorflow-datasets."""
    name = config.tfds_name
    if name is not None and not _TFDS_NAME.fullmatch(name):
        raise ValueError(
            "`tfds_name` must be a dataset of tensorflow-datasets, such as "
            f"imdb_reviews or glue/rte. Received: tfds_name={name!r}. Correct "
            "--tfds_name."
        )
    if name is None and config.tfds_data_dir is None:
        return
    others = ["data_dir", "train_file", "validation_file"]
    # A finished run may be evaluated on any file.
    others += ["test_file"] if config.mode == "train" else []
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


def _check_ranges(config: Config) -> None:
    """Checks numbers; None is left to the checks of its own."""
    for names, low, high in (
        (("train_batch_size", "eval_batch_size"), 1, math.inf),
        (("per_device_train_batch_size",), 1, math.inf),
        (("gradient_accumulation_steps", "num_evaluations"), 1, math.inf),
        (("num_warmup_steps",), 0, math.inf),
        (("evaluate_every_steps",), 1, math.inf),
        (("num_train_steps",), 1e-30, math.inf),
        (("adam_epsilon",), 1e-30, 1),
        (("num_train_epochs", "evaluate_every_epochs"), 1e-30, 1e6),
        (("max_seq_length",), 3, math.inf),
        (("learning_rate", "weight_decay", "max_grad_norm"), 0, 1e6),
        (("early_stopping_patience", "max_train_examples"), 0, math.inf),
        (("warmup_proportion",), 0, 1),
        (("validation_proportion", "test_proportion"), 0, 0.999),
        (("dropout", "adam_beta_1", "adam_beta_2"), 0, 0.999999),
        (("seed", "head_seed", "data_seed", "dropout_seed"), 0, 2**63 - 1),
        (("split_seed",), 0, 2**63 - 1),
    ):
        for name in names:
            value = getattr(config, name)
            # Written so that a NaN, of which nothing holds, is refused too.
            if value is not None and not low <= value <= high:
                bounds = (
                    f"at least {low}"
                    if high == math.inf
                    else (f"between {low} and {high}")
                )
                if low == 1e-30:
                    bounds = "above 0"
                    bounds += f", at most {high}" if high < math.inf else ""
                raise ValueError(
                    f"`{name}` must be {bounds}. Received: {name}={value}. "
                    f"Correct --{name}."
                )
