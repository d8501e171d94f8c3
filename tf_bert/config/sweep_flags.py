"""`--sweep=name:v1,v2`: which trainings a sweep is made of, as flags.

No TensorFlow. One name is not a flag: `recipe`, whose values are flag files.
"""

import dataclasses
import functools
import itertools
import json
import operator
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tf_bert.config import flag_files
from tf_bert.config.all_settings import SETTINGS
from tf_bert.config.setting import Changes

RECIPES_DIR = os.path.join("flags", "recipes")


@dataclasses.dataclass(frozen=True)
class Combination:
    """One recipe of a sweep, as changes of a command line."""

    label: str
    before: tuple[str, ...] = ()  # Flags that go before all others.
    behind: tuple[str, ...] = ()  # Flags that go behind them.
    without: tuple[str, ...] = ()  # Names of flags that are left out.

    def __add__(self, other: "Combination") -> "Combination":
        return Combination(
            f"{self.label}, {other.label}",
            self.before + other.before,
            self.behind + other.behind,
            self.without + other.without,
        )


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns the texts behind `--sweep=`, and all other arguments.

    Flag files are expanded before. A `--sweep` without a value gives an empty
    text, which `combinations` refuses.

    Example:
        >>> split(["--seed=3", "--sweep=mixout:0,0.5"])
        (['mixout:0,0.5'], ['--seed=3'])
    """
    sweeps, others = [], []
    for argument, value in flag_files.with_values(arguments, "sweep"):
        if value is None:
            others.append(argument)
        else:
            sweeps.append(value)
    return sweeps, others


def combinations(sweeps: Sequence[str]) -> list[Combination]:
    """Returns every combination of the values of all sweeps.

    Sweeps are texts such as `mixout:0,0.5`; the last one's values change
    fastest.

    Raises:
        ValueError: if a text is not a sweep, or a name comes twice.
        FileNotFoundError: if a recipe is not there.

    Example:
        >>> found = combinations(["reinit_layers:0,2", "freeze:,embeddings"])
        >>> [combination.label for combination in found[:2]]
        ['reinit_layers=0, without freeze', \
'reinit_layers=0, freeze=embeddings']
    """
    given: dict[str, str] = {}
    axes = []
    for text in sweeps:
        name, values = _parse(text)
        if name in given:
            raise ValueError(
                f"Two --sweep are over one flag. Received: {given[name]} and "
                f"{text}. Give all values in one: --sweep={name}:v1,v2,v3."
            )
        given[name] = text
        axes.append([_of_one_value(name, value) for value in values])
    return [
        functools.reduce(operator.add, chosen)
        for chosen in itertools.product(*axes)
    ]


def _of_one_value(name: str, value: str) -> Combination:
    if name == "recipe":
        label = os.path.splitext(os.path.basename(value))[0]
        return Combination(label, before=(f"--flagfile={_recipe_path(value)}",))
    if not value:
        return Combination(f"without {name}", without=(name,))
    return Combination(f"{name}={value}", behind=(f"--{name}={value}",))


def check_names(recipe: Combination, fields: Mapping[str, Any]) -> None:
    """Raises a ValueError if a recipe leaves out what is not in `fields`.

    Another program's name for a flag of ours is not: what it stands for would
    stay.
    """
    for name in recipe.without:
        if name not in fields:
            raise ValueError(
                "A sweep can leave out a flag by its own name alone. Received: "
                f"{name}. Correct --sweep={name}: (--help lists all flags)."
            )


def check_new(
    label: str,
    changes: Mapping[str, Any],
    recipes: Mapping[str, Mapping[str, Any]],
) -> None:
    """Refuses a recipe that is there already, or sets what all share.

    `changes` are its fields that differ from the rest of the configuration;
    `recipes` has those of the recipes before it, by their labels.
    """
    for name, value in changes.items():
        setting = SETTINGS[name]
        if not setting.may_be_swept and setting.changes is not Changes.SPEED:
            raise ValueError(
                "The recipes of a sweep differ in what is the same for all "
                "trials; seeds are counted by --num_trials. Received: "
                f"{name}={value!r} in {label!r}. Leave --{name} out of the "
                "recipe."
            )
    for other, fields in recipes.items():
        is_same = _of_result(changes) == _of_result(fields)
        if is_same or label == other:
            raise ValueError(
                f"Two recipes of the sweep are "
                f"{'one training' if is_same else 'called the same'}. "
                f"Received: {other!r} and {label!r}. Remove one; or leave out "
                "the flags beside --sweep that set what the recipes differ in."
            )


def _of_result(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in changes.items()
        if SETTINGS[name].changes is Changes.RESULT
    }


def _parse(text: str) -> tuple[str, tuple[str, ...]]:
    """Returns the flag of a sweep and its values."""
    name, colon, listed = text.partition(":")
    name = name.strip().removeprefix("--")
    if not (name and colon and listed):
        raise ValueError(
            "`sweep` must be a flag, a colon and its values. Received: "
            f"sweep={text!r}. Write --sweep=bias_correction:true,false."
        )
    # A name that is none of ours may be another program's.
    is_known = name in SETTINGS
    if name == "flagfile" or (is_known and not SETTINGS[name].may_be_swept):
        raise ValueError(
            "A sweep can only be over a flag that trainings differ in; seeds "
            f"are counted by --num_trials. Received: sweep={text!r}. Leave out "
            f"--sweep={name}."
        )
    values = _values(name, listed.strip())
    if len(set(values)) < len(values):
        raise ValueError(
            f"A sweep has the same value twice. Received: sweep={text!r}. "
            "Remove one of the equal ones from --sweep."
        )
    return name, values


def _values(name: str, listed: str) -> tuple[str, ...]:
    if not listed.startswith("["):
        return tuple(value.strip() for value in listed.split(","))
    try:
        values = json.loads(listed)
        if not values:
            raise ValueError("it is empty")
    except ValueError as error:
        raise ValueError(
            "Values of a sweep that begin with a bracket must be a JSON list "
            f"of one or more. Received: sweep={name}:{listed} ({error}). Write "
            f'--sweep=\'{name}:["a,b", "c,d"]\'.'
        ) from error
    # As a flag is typed: true, not True; nothing for null.
    return tuple(
        ""
        if value is None
        else (value if isinstance(value, str) else json.dumps(value))
        for value in values
    )


def _recipe_path(value: str) -> str:
    if value.endswith(".flags"):
        return value
    path = os.path.join(RECIPES_DIR, f"{value}.flags")
    if not os.path.isfile(path):
        known = "none, for there is no such folder here"
        if os.path.isdir(RECIPES_DIR):
            names = sorted(os.listdir(RECIPES_DIR))
            known = ", ".join(os.path.splitext(name)[0] for name in names)
        raise FileNotFoundError(
            f"There is no such recipe: neither a file in {RECIPES_DIR} nor a "
            f"path that ends with .flags. Received: sweep=recipe:{value} "
            f"(there are: {known}). Correct --sweep."
        )
    return path
