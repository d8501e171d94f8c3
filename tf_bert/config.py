"""The configuration of a run: one frozen dataclass, checked when it is made.

No TensorFlow.
"""

import dataclasses
import math
import typing
from typing import Any

from tf_bert import config_rules, device_rules
from tf_bert.text_format import TextFormat

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
        "save_every_seconds",
        *device_rules.PLACES,
        "num_trials",
        "num_head_seeds",
        "num_data_seeds",
        "sweep",
        "baseline",
        "trials_save_model",
        "early_stop_trials",
        "trial_runner",
        "num_parallel_trials",
        "ray_address",
        "num_cpus_per_trial",
        "num_gpus_per_trial",
        "trials_dirs",
    }
)

# Seeds that are `seed` where they are not given.
FOLLOW_SEED = ("head_seed", "data_seed", "dropout_seed")

# In config.json beside the fields: what was up to the machine.
RUNTIME = "runtime"

# Fields that JSON holds as lists.
TUPLES = ("label_names", "trials_dirs")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that a run depends on. Each field is the flag of its name.

    The flags' help (`tf_bert/flag_table.py`) says what each means, with its
    unit and its neutral value. Only `sweep` is not as it was typed: it has the
    label of each recipe, and the fields in which that differs from the rest
    of the configuration.

    Raises:
        ValueError: if a value is out of its range, or two contradict.
    """

    mode: str = "train"
    output_dir: str | None = None
    resume: str = "auto"
    overwrite_output_dir: bool = False
    tensorboard: bool = True
    save_every_seconds: float = 60.0

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
    group_column: str | None = None
    task_type: str = "classification"
    metric: str | None = None
    positive_label: str | None = None
    validation_proportion: float = 0.1
    test_proportion: float = 0.0
    split_dev_in_half: bool = False
    max_train_examples: int = 0
    max_seq_length: int = 128

    init_checkpoint: str = "minilm-l6"
    do_lower_case: bool | None = None
    dropout: float | None = None
    precision: str = "float32"

    distribution: str = "auto"
    tpu_name: str | None = None
    tpu_zone: str | None = None
    gcp_project: str | None = None
    steps_per_loop: int | None = None
    jit_compile: str = "auto"
    remat: bool = False

    keep_head: bool = False
    reinit_layers: int = 0
    reinit_pooler: bool = False
    layerwise_lr_decay: float = 1.0
    mixout: float = 0.0
    mixout_gradient: str = "derivative"
    pretrained_weight_decay: float = 0.0
    freeze: str | None = None
    cache_frozen_features: bool = False

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
    ema_decay: float = 0.0

    eval_batch_size: int = 64
    num_evaluations: int | None = 10
    evaluate_every_steps: int | None = None
    evaluate_every_epochs: float | None = None
    checkpoint_to_use: str = "best"
    early_stopping_patience: int = 0
    compare_baselines: bool = True
    record_updates: bool = False

    seed: int = 0
    head_seed: int | None = None
    data_seed: int | None = None
    dropout_seed: int | None = None
    split_seed: int = 0

    num_trials: int | None = None
    num_head_seeds: int | None = None
    num_data_seeds: int | None = None
    sweep: dict[str, dict[str, Any]] | None = None
    baseline: str | None = None
    trials_save_model: str = "best"
    early_stop_trials: str | None = None
    trial_runner: str = "local"
    num_parallel_trials: int = 1
    ray_address: str | None = None
    num_cpus_per_trial: float = 1.0
    num_gpus_per_trial: float = 0.0
    trials_dirs: tuple[str, ...] | None = None

    def __post_init__(self):
        for name in FOLLOW_SEED:
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.seed)
        config_rules.check(self)

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
        for name in TUPLES:
            if fields[name] is not None:
                fields[name] = list(fields[name])
        return fields

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Config":
        """The inverse of `as_dict`.

        Args:
            fields: of a run's config.json; what of it was up to the machine
                is no field.

        Raises:
            ValueError: if a field is unknown, or of the wrong kind.
        """
        fields = {n: value for n, value in fields.items() if n != RUNTIME}
        _check_kinds(fields)
        tuples = {n: tuple(fields[n]) for n in TUPLES if fields.get(n)}
        return cls(**{**fields, **tuples})


def complete(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns a stored configuration, perhaps of an earlier version, whole.

    Args:
        fields: of `Config.as_dict`; what it lacks has its default.
    """
    return {f.name: f.default for f in dataclasses.fields(Config)} | fields


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What differs between two configurations, of what can change a result.

    Args:
        old: of `Config.as_dict`, perhaps of an earlier version.
        new: of `Config.as_dict`.

    Returns:
        One `name: old -> new` for each difference.
    """
    old = complete(old)
    return [
        f"{name}: {old[name]} -> {new.get(name)}"
        for name in sorted(old.keys() - {RUNTIME})
        if name not in NOT_COMPARED and old[name] != new.get(name)
    ]


def _check_kinds(fields: dict[str, Any]) -> None:
    """Checks what JSON held: another version's fields, or edited ones."""
    kinds = typing.get_type_hints(Config)
    # `isinstance` takes no generic types; and JSON has lists and whole numbers.
    kinds |= dict.fromkeys(TUPLES, list | tuple | None)
    kinds["sweep"] = dict | None
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
