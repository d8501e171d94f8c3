"""The configuration of a run: one frozen dataclass, checked when it is made.

A setting is one entry in the class of its group, such as `DataSettings`;
`setting.py` says what an entry holds. What settings are to each other is in
`rules.py`. No TensorFlow.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

from tf_bert.config import rules
from tf_bert.config.all_settings import (
    FOLLOWING,
    SETTINGS,
    AllSettings,
    names_where,
)
from tf_bert.config.removed_settings import REMOVED
from tf_bert.config.setting import Changes
from tf_bert.config.text_format import TextFormat

# In config.json beside the fields: what was up to the machine.
RUNTIME = "runtime"

# What every version has stored; no other program's config.json has all.
_ALWAYS_STORED = frozenset(
    {"mode", "output_dir", "init_checkpoint", "train_file"}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(AllSettings):
    """Everything that a run depends on. Each field is the flag of its name.

    Its entry says what a field means, with its unit and its neutral value.
    Only `sweep` is not as it was typed: it has the label of each recipe, and
    the fields in which that differs from the rest of the configuration.

    Raises:
        ValueError: if a value is out of its range, or two contradict.
    """

    def __post_init__(self):
        for name in FOLLOWING:
            if getattr(self, name) is None:
                followed = getattr(self, SETTINGS[name].follows)
                object.__setattr__(self, name, followed)
        rules.check(self)

    @property
    def text_format(self) -> TextFormat:
        """How the user's text files are written."""
        return TextFormat(self.encoding, self.delimiter)

    @property
    def seeds(self) -> dict[str, int]:
        """Name -> seed of all that is drawn but the split."""
        return {name: getattr(self, name) for name in FOLLOWING}

    @property
    def inputs(self) -> dict[str, str | None]:
        """Name -> path of all that a training reads."""
        names = names_where(lambda setting: setting.is_input)
        return {name: getattr(self, name) for name in names}

    def value_of(self, name: str) -> Any:
        """The value of a setting by its name, such as one of `names_where`."""
        return getattr(self, name)

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

    def with_defaults(self, names: Iterable[str]) -> "Config":
        """The same with some settings at their default."""
        return dataclasses.replace(
            self, **{name: SETTINGS[name].default for name in names}
        )

    def of_result(self) -> "Config":
        """The same in the same folder, without what cannot change a result."""
        return self.with_defaults(
            names_where(
                lambda x: (
                    x.changes is not Changes.RESULT and x.name != "output_dir"
                )
            )
        )

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON holds them."""
        fields = dataclasses.asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in fields.items()
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], **replaced: Any) -> "Config":
        """The inverse of `as_dict`, with some fields replaced.

        What of a run's config.json was up to the machine is left out, and so
        is a setting that was removed since.

        Raises:
            ValueError: if a field is unknown, or of the wrong kind.
        """
        fields = _still_known(fields) | replaced
        fields.pop(RUNTIME, None)
        _check_kinds(fields)
        return cls(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in fields.items()
            }
        )


def is_stored(content: Mapping[str, Any]) -> bool:
    """Whether a file's content is a configuration, of whatever version."""
    return content.keys() >= _ALWAYS_STORED


def complete(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a stored configuration, perhaps of an earlier version, whole.

    What it lacks has its default, and what was removed since is left out.
    """
    defaults = {n: x.default for n, x in SETTINGS.items()}
    return defaults | _still_known(fields)


def _still_known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in fields.items()
        if name in SETTINGS or name not in REMOVED
    }


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Returns `name: old -> new` for each difference that changes a result.

    Args:
        old: of `Config.as_dict`, perhaps of an earlier version.
        new: of `Config.as_dict`.
    """
    old = complete(old)
    without = names_where(lambda x: x.changes is not Changes.RESULT)
    return [
        f"{name}: {old[name]} -> {new.get(name)}"
        for name in sorted(old.keys() - {RUNTIME, *without})
        if old[name] != new.get(name)
    ]


def _check_kinds(fields: Mapping[str, Any]) -> None:
    """Checks what JSON held: another version's fields, or edited ones."""
    for name, value in fields.items():
        if name not in SETTINGS or not SETTINGS[name].takes(value):
            what = "A wrong value" if name in SETTINGS else "An unknown setting"
            raise ValueError(
                f"{what} stands in the config.json of a run. Received: "
                f"{name}={value!r}. The file was changed by hand, or written "
                "by another version: restore it, or use that version, or "
                "train again with --overwrite_output_dir."
            )
