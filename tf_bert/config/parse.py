"""The command line: flags become the fields of a `Config`.

The only module that knows `absl.flags`. Flags live in an object of their own,
so importing this has no side effect, and nothing reads a global.
"""

import contextlib
import logging as python_logging
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags, logging

from tf_bert.config import Config, flag_files, rules, sweep_flags
from tf_bert.config.aliases import translation
from tf_bert.config.all_settings import ALTERNATIVES, FLAGS, OF_TRIALS

_DEFINE = {
    bool: flags.DEFINE_boolean,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    tuple: flags.DEFINE_list,  # With commas, as the next.
    dict: flags.DEFINE_list,
}


def parse(arguments: Sequence[str]) -> dict[str, Any]:
    """Returns the flags of a command line that were given: name -> value.

    Of alternatives, such as two lengths, the last is kept and the others are
    None. Where there are flag files but no `output_dir`, it is `runs/` and the
    names of the files, in every mode: the same files find the run again. (Of
    trials, it ends with `_trials`.)

    Args:
        arguments: without the program.

    Raises:
        ValueError: if a flag is unknown, refused or has a wrong value, or
            there are arguments left over.
        FileNotFoundError: if a flag file is not there.
    """
    sweeps, others = sweep_flags.split(flag_files.expand(arguments))
    with _saying_things_once():
        given = _parse(others)
        if "output_dir" not in given:
            given |= _output_dir(arguments, given.get("mode", "train"))
        rules.check_output_dir(
            given.get("output_dir"), mode=given.get("mode", "train")
        )
        if sweeps:
            given["sweep"] = _recipes(sweeps, others, given)
            given["sweep_given"] = tuple(sweeps)
    return given


@contextlib.contextmanager
def _saying_things_once() -> Iterator[None]:
    """Logs what holds for every recipe once: each parses all flags again."""
    said: set[str] = set()

    def is_new(record: python_logging.LogRecord) -> bool:
        message = record.getMessage()
        has_been_said = message in said
        said.add(message)
        return not has_been_said

    logger = logging.get_absl_logger()
    logger.addFilter(is_new)
    try:
        yield
    finally:
        logger.removeFilter(is_new)


def _parse(arguments: Sequence[str]) -> dict[str, Any]:
    """Parses flags that were expanded; a sweep is not among them."""
    values = _flag_values()
    settings = translation.translate(arguments)
    try:
        values(["tf_bert", *(f"--{n}={v}" for n, v in settings.items())])
    except flags.Error as error:
        raise ValueError(
            f"A flag has a wrong value. Received: {error}. See --help for all "
            "flags."
        ) from error
    given = {}
    for setting in FLAGS:
        name = setting.name
        if values[name].present:
            value = values[name].value
            given[name] = tuple(value) if isinstance(value, list) else value
            if setting.choices:  # The mode is asked for before all others.
                setting.check(value)
    _keep_last_alternatives(given, settings)
    return given


def _recipes(
    sweeps: list[str], others: list[str], given: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Returns each recipe's label, and the fields in which it differs."""
    base = _one_training(given).as_dict()
    recipes: dict[str, dict[str, Any]] = {}
    for recipe in sweep_flags.combinations(sweeps):
        try:
            parsed = _parse(
                [*flag_files.expand(recipe.before), *others, *recipe.behind]
            )
            sweep_flags.check_names(recipe, base)
            fields = _one_training(
                {n: x for n, x in parsed.items() if n not in recipe.without}
            ).as_dict()
        except ValueError as error:
            raise ValueError(
                "A recipe of the sweep is not a valid training. Received: "
                f"{recipe.label!r}. {error}"
            ) from error
        changes = {n: x for n, x in fields.items() if x != base[n]}
        sweep_flags.check_new(recipe.label, changes, recipes)
        recipes[recipe.label] = changes
    return recipes


# Of no meaning for a training that is only described.
_PLACE = {"output_dir": "."}


def _one_training(given: dict[str, Any]) -> Config:
    """One of the trainings of a sweep, to see its fields and check them."""
    names = (*OF_TRIALS, "mode", "output_dir")
    fields = {n: x for n, x in given.items() if n not in names}
    return Config(**fields, **_PLACE)


def _flag_values() -> flags.FlagValues:
    values = flags.FlagValues()
    for setting in FLAGS:
        define = _DEFINE[setting.kind]
        define(setting.name, None, setting.help, flag_values=values)
    return values


def _output_dir(arguments: Sequence[str], mode: str) -> dict[str, str]:
    """The folder of a run that is given by flag files alone."""
    name = flag_files.joined_names(arguments)
    if not name:
        return {}
    path = f"runs/{name}{'_trials' if mode == 'trials' else ''}"
    logging.info("Named after the flag files: --output_dir=%s.", path)
    return {"output_dir": path}


def _keep_last_alternatives(
    given: dict[str, Any], settings: dict[str, str]
) -> None:
    """Of fields that say one thing in different units, keeps the last."""
    for names in ALTERNATIVES:
        order = [name for name in settings if name in names]
        # "No epochs" beside a number of steps asks for nothing.
        if len(order) > 1 and given.get("num_train_epochs") == 0:
            order = [name for name in order if name != "num_train_epochs"]
        if not order:
            continue
        given |= {name: None for name in names if name != order[-1]}
        if len(order) > 1:
            logging.info(
                "%s are alternatives: the last one counts.",
                " and ".join(f"--{name}={settings[name]}" for name in order),
            )
