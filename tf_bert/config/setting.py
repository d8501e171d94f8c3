"""What a setting is: one entry, from which all else about it is derived.

A class of settings is a frozen dataclass, each of whose fields is made by
`setting`. What the entry says decides on the flag, its help and its checks, and
on what comparisons of runs, sweeps, restarts, reports and cards make of it.
"""

import dataclasses
import enum
import re
import typing
from collections.abc import Callable
from typing import Any

from tf_bert.config.removed_settings import check_removed

# Modes that make up a configuration of a training to be.
TRAINING = ("train", "trials", "inspect", "doctor")
# Modes that take a run that has not ended too.
OF_ANY_RUN = ("report",)
EVALUATING = (*TRAINING, "evaluate")
PREDICTING = (*TRAINING, "predict")
COMPUTING = (*TRAINING, "evaluate", "predict")
MODES = (
    "train",
    "trials",
    "report",
    "inspect",
    "doctor",
    "evaluate",
    "predict",
    "export",
)

_ENTRY = "setting"  # In the metadata of a field.


class Changes(enum.Enum):
    """What another value of a setting changes.

    A run may be continued with another value of all but the first.
    """

    RESULT = "the result of a training"
    SPEED = "how fast, and where, it is computed; its last digits at most"
    PLACES = "what is done with it, and where things are"


class Rows(enum.Enum):
    """Which rows of data a setting has a say in."""

    ALL = "those that are scored, and those that are trained on"
    TRAINED = "those that are trained on alone"


@dataclasses.dataclass(frozen=True)
class Form:
    """The form of a text.

    Args:
        pattern: regular expression of the whole text.
        must_be: what it is, for the message; `advice`: what to do.
    """

    pattern: str
    must_be: str
    advice: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting: a field of `Config`, and the flag of its name.

    Args:
        name: of the field.
        default: None stands for what `help` says.
        help: the meaning, with unit and neutral value.
        choices: all values; empty: those of the type.
        at_least: lowest number; `above`: bound that it does not reach;
            `at_most`: highest number. None: no bound.
        form: of a text. None: any but an empty one.
        modes: those in which it means something. A finished run takes no
            others than its own in the rest; a training none but the default.
        identifies: rows of the data on which it decides. None: none.
        is_decided_by_task: whether a known task decides on it.
        is_column: whether it names a column of a file.
        is_of_files: whether it says how text files are written.
        is_input: whether it is a path that a training reads.
        is_swept: whether it may differ between the recipes of a sweep, if it
            changes the result.
        is_found: whether it is taken from the data where it is not given.
        is_shown: whether reports show it at its default too.
        follows: setting whose value it has where it is not given.
        instead_of: setting that says the same thing in another unit. One of
            them is set; on the command line the later one counts.
        is_flag: whether it can be given; otherwise other flags decide on it.
        with_less_memory: from a value to the next with which a computation
            takes less memory; the value itself if there is none. None: the
            setting does not decide on memory.
        is_restarted: whether a model that was traced with another value can
            be trained with this one. What is only of places always is.
    """

    name: str = ""
    hint: Any = str
    default: Any = None
    help: str
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    form: Form | None = None
    changes: Changes = Changes.RESULT
    modes: tuple[str, ...] = TRAINING
    identifies: Rows | None = None
    is_decided_by_task: bool = False
    is_column: bool = False
    is_of_files: bool = False
    is_input: bool = False
    is_swept: bool = True
    is_found: bool = False
    is_shown: bool = False
    follows: str | None = None
    instead_of: str | None = None
    is_flag: bool = True
    is_restarted: bool = False
    with_less_memory: Callable[[Any], Any] | None = None

    @property
    def kind(self) -> type:
        """bool, int, float, str, tuple or dict; of values other than None."""
        (kind,) = {
            typing.get_origin(part) or part
            for part in typing.get_args(self.hint) or (self.hint,)
            if part is not type(None)
        }
        return kind

    @property
    def may_be_swept(self) -> bool:
        """Whether recipes of a sweep may differ in it alone."""
        return self.is_swept and self.changes is Changes.RESULT

    @property
    def is_of_recipes(self) -> bool:
        """Whether it is of a recipe, not of a seed, of the data or a place."""
        return self.may_be_swept and not self.is_found

    @property
    def can_restart(self) -> bool:
        """Whether a traced model can be trained with another value."""
        return self.is_restarted or self.changes is Changes.PLACES

    @property
    def is_of_machines(self) -> bool:
        """Whether it is of the machine that works, not of the run."""
        return self.changes is Changes.SPEED and "evaluate" in self.modes

    @property
    def describes_data(self) -> bool:
        """Whether a report on the data has it."""
        return self.identifies is not None or self.is_found or self.is_shown

    def takes(self, value: Any) -> bool:
        """Whether a value, perhaps from JSON, is of the type."""
        if value is None:
            return type(None) in typing.get_args(self.hint)
        # JSON has lists and whole numbers.
        kinds = {tuple: (tuple, list), float: (float, int)}
        return isinstance(value, kinds.get(self.kind, self.kind))

    def check(self, value: Any) -> None:
        """Raises a ValueError for what can be said of one value alone."""
        name = self.name
        if value == "":
            raise ValueError(
                f"`{name}` must not be empty. Received: {name}=''. "
                f"Pass --{name} with a value, or leave it out."
            )
        if self.choices and value not in self.choices:
            check_removed(f"{name}={value}", f"--{name}={value}")
            raise ValueError(
                f"`{name}` must be one of {', '.join(self.choices)}. Received: "
                f"{name}={value!r}. Correct --{name}."
            )
        if value is None:
            return
        if not self._is_within(value):
            raise ValueError(
                f"`{name}` must be {self._bounds()}. Received: {name}={value}. "
                f"Correct --{name}."
            )
        if self.form and not re.fullmatch(self.form.pattern, value, re.ASCII):
            raise ValueError(
                f"`{name}` must be {self.form.must_be}. Received: "
                f"{name}={value!r}. {self.form.advice}."
            )

    def _is_within(self, value: Any) -> bool:
        # Written so that a NaN, of which nothing holds, is refused too.
        return (
            (self.at_least is None or self.at_least <= value)
            and (self.above is None or self.above < value)
            and (self.at_most is None or value <= self.at_most)
        )

    def _bounds(self) -> str:
        if self.above is not None:
            most = "" if self.at_most is None else f", at most {self.at_most}"
            return f"above {self.above}{most}"
        if self.at_most is None:
            return f"at least {self.at_least}"
        return f"between {self.at_least} and {self.at_most}"


def setting(default: Any, help: str, **properties: Any) -> Any:
    """Returns a field of a class of settings, with its `Setting`."""
    entry = Setting(help=help, **properties)
    return dataclasses.field(default=default, metadata={_ENTRY: entry})


def settings_of(cls: type) -> tuple[Setting, ...]:
    """Returns the settings of a class, in the order of its fields."""
    return tuple(
        dataclasses.replace(
            field.metadata[_ENTRY],
            name=field.name,
            hint=field.type,
            default=field.default,
        )
        for field in dataclasses.fields(cls)
    )
