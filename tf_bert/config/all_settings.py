"""All settings, by group and by name: what everything else is derived from.

Their defaults, bounds and help stand in the classes of the groups.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from tf_bert.config.data_settings import DataSettings
from tf_bert.config.evaluation_settings import EvaluationSettings, SeedSettings
from tf_bert.config.optimisation_settings import (
    ModelSettings,
    OptimisationSettings,
    StabiliserSettings,
)
from tf_bert.config.run_settings import (
    DeviceSettings,
    RunSettings,
    TrialSettings,
)
from tf_bert.config.setting import Setting, settings_of

_GROUPS: dict[str, tuple[Setting, ...]] = {
    "What to do": settings_of(RunSettings),
    "Data": settings_of(DataSettings),
    "Model": settings_of(ModelSettings),
    "Optimisation": settings_of(OptimisationSettings),
    "Devices": settings_of(DeviceSettings),
    "Stabilisers": settings_of(StabiliserSettings),
    "Evaluation": settings_of(EvaluationSettings),
    "Seeds": settings_of(SeedSettings),
    "Trials": settings_of(TrialSettings),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AllSettings(
    # Fields of the last come first.
    TrialSettings,
    SeedSettings,
    EvaluationSettings,
    StabiliserSettings,
    DeviceSettings,
    OptimisationSettings,
    ModelSettings,
    DataSettings,
    RunSettings,
):
    """The fields of `Config`, in the order of the groups."""


# Name -> setting, in the order of the help page.
SETTINGS: dict[str, Setting] = {
    setting.name: setting for group in _GROUPS.values() for setting in group
}
# Title -> the settings that are flags, likewise.
GROUPS: dict[str, tuple[Setting, ...]] = {
    title: tuple(setting for setting in group if setting.is_flag)
    for title, group in _GROUPS.items()
}
FLAGS = tuple(setting for group in GROUPS.values() for setting in group)


def names_where(holds: Callable[[Setting], bool]) -> tuple[str, ...]:
    """Returns the names of the settings of which something holds.

    Example:
        >>> names_where(lambda setting: setting.follows == "seed")
        ('head_seed', 'data_seed', 'dropout_seed')
    """
    return tuple(x.name for x in SETTINGS.values() if holds(x))


def names_of_mode(mode: str) -> tuple[str, ...]:
    """Returns the names of the settings that mean something in a mode."""
    return names_where(lambda setting: mode in setting.modes)


def received(config: Any, *names: str) -> str:
    """Returns the middle part of a message about settings.

    Example:
        >>> received(DataSettings(metric="f1"), "metric", "task_type")
        "Received: metric='f1', task_type=classification"
    """
    shown = []
    for name in names:
        value = getattr(config, name)
        is_word = value is None or SETTINGS[name].choices
        shown.append(f"{name}={value if is_word else repr(value)}")
    return f"Received: {', '.join(shown)}"


# Settings that one training alone does not have.
OF_TRIALS = names_where(lambda setting: "train" not in setting.modes)
# Seeds that are another one where they are not given.
FOLLOWING = names_where(lambda setting: setting.follows is not None)
# Names that say one thing in different units, the first by its default; of
# each row exactly one is set.
ALTERNATIVES: tuple[tuple[str, ...], ...] = tuple(
    (first, *names_where(lambda x, first=first: x.instead_of == first))
    for first in dict.fromkeys(
        x.instead_of for x in SETTINGS.values() if x.instead_of is not None
    )
)
