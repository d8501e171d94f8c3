"""The configuration of a run: one frozen dataclass, checked when it is made.

No TensorFlow. What needs the data or the checkpoint to be checked is checked
where these are read, in `build.py`.
"""

import dataclasses
import math
from typing import Any

from tf_bert.text_format import TextFormat

MODES = ("train", "evaluate", "predict")
TASK_TYPES = ("classification", "regression")
SCHEDULES = ("linear", "constant")
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


# What a task of the table brings along.
_SET_BY_TASK = (
    "text_column",
    "text_pair_column",
    "label_column",
    "label_names",
    "task_type",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that a run depends on. Each field is the flag of its name.

    The flags' help (`tf_bert/cli.py`) says what each means, with its unit and
    its neutral value.

    Raises:
        ValueError: if a value is out of its range, or two contradict.
    """

    mode: str = "train"
    output_dir: str
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
    text_column: str = "text"
    text_pair_column: str | None = None
    label_column: str = "label"
    label_names: tuple[str, ...] | None = None
    task_type: str = "classification"
    metric: str | None = None
    validation_proportion: float = 0.1
    test_proportion: float = 0.0
    max_seq_length: int = 128

    init_checkpoint: str = "minilm-l6"
    do_lower_case: bool | None = None
    dropout: float | None = None
    precision: str = "float32"

    train_batch_size: int = 32
    gradient_accumulation_steps: int = 1
    num_train_epochs: float | None = 3.0
    num_train_steps: int | None = None
    learning_rate: float = 5e-5
    lr_schedule: str = "linear"
    warmup_proportion: float = 0.1
    weight_decay: float = 0.01
    adam_beta_1: float = 0.9
    adam_beta_2: float = 0.999
    adam_epsilon: float = 1e-8
    bias_correction: bool = True
    max_grad_norm: float = 1.0

    eval_batch_size: int = 64
    num_evaluations: int = 10
    checkpoint_to_use: str = "best"
    early_stopping_patience: int = 0
    compare_baselines: bool = True

    seed: int = 0
    head_seed: int | None = None
    data_seed: int | None = None
    dropout_seed: int | None = None
    split_seed: int = 0

    def __post_init__(self):
        # Three seeds follow `seed` where they are not given.
        for name in ("head_seed", "data_seed", "dropout_seed"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.seed)
        _check_choices(self)
        _check_ranges(self)
        if (self.num_train_epochs is None) == (self.num_train_steps is None):
            raise ValueError(
                "A length must be given in epochs or in steps, one of the two. "
                f"Received: num_train_epochs={self.num_train_epochs}, "
                f"num_train_steps={self.num_train_steps}. Pass "
                "--num_train_epochs or --num_train_steps."
            )
        _check_task_is_alone(self)
        if self.predict_file == "-" and self.mode != "predict":
            raise ValueError(
                "Standard input (`predict_file` -) must be predicted with a "
                f"finished run. Received: predict_file=-, mode={self.mode}. "
                "Leave out --predict_file, or pass --mode=predict."
            )
        TextFormat(self.encoding, self.delimiter)  # Checks them.
        if self.train_batch_size % self.gradient_accumulation_steps:
            raise ValueError(
                "`train_batch_size` must be a multiple of "
                "`gradient_accumulation_steps`. Received: train_batch_size="
                f"{self.train_batch_size}, gradient_accumulation_steps="
                f"{self.gradient_accumulation_steps}. The batch size is the "
                "number of examples of one update: change one of the flags."
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

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON holds them."""
        fields = dataclasses.asdict(self)
        if self.label_names is not None:
            fields["label_names"] = list(self.label_names)
        return fields

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Config":
        """The inverse of `as_dict`."""
        if fields.get("label_names") is not None:
            fields = {**fields, "label_names": tuple(fields["label_names"])}
        return cls(**fields)


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What differs between two configurations, of what can change a result.

    Args:
        old: of `Config.as_dict`.
        new: of `Config.as_dict`.

    Returns:
        One `name: old -> new` for each difference.
    """
    return [
        f"{name}: {old.get(name)} -> {new.get(name)}"
        for name in sorted(set(old) | set(new))
        if name not in NOT_COMPARED and old.get(name) != new.get(name)
    ]


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


def _check_task_is_alone(config: Config) -> None:
    """Refuses flags that a task of the table would silently override."""
    if config.task_name is None:
        return
    defaults = {
        field.name: field.default for field in dataclasses.fields(config)
    }
    for name in _SET_BY_TASK:
        value = getattr(config, name)
        if value != defaults[name]:
            raise ValueError(
                f"`{name}` must be left out with a `task_name`, which decides "
                f"on it. Received: {name}={value!r}, task_name="
                f"{config.task_name!r}. Leave out --{name}; or leave out "
                "--task_name, and pass your own files."
            )


def _check_ranges(config: Config) -> None:
    """Checks numbers; None is left to the checks of its own."""
    for names, low, high in (
        (("train_batch_size", "eval_batch_size"), 1, math.inf),
        (("gradient_accumulation_steps", "num_evaluations"), 1, math.inf),
        (("num_train_steps", "adam_epsilon"), 1e-30, math.inf),
        (("num_train_epochs",), 1e-30, 1e6),
        (("max_seq_length",), 3, math.inf),
        (("learning_rate", "weight_decay", "max_grad_norm"), 0, 1e6),
        (("early_stopping_patience",), 0, math.inf),
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
                raise ValueError(
                    f"`{name}` must be {bounds}. Received: {name}={value}. "
                    f"Correct --{name}."
                )
