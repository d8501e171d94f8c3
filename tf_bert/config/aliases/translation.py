"""From the flags as they were typed to settings of ours."""

import dataclasses
import difflib
from collections.abc import Sequence

from absl import logging

from tf_bert.config.aliases import groups
from tf_bert.config.aliases.table import ROWS, OtherName, Settings
from tf_bert.config.all_settings import FLAGS
from tf_bert.config.removed_settings import check_removed

_NAMES = {*ROWS, *(flag.name for flag in FLAGS)}
_SWITCHES = {
    *(row.name for row in ROWS.values() if row.is_switch),
    *(flag.name for flag in FLAGS if flag.kind is bool),
}
# As absl reads them.
_BOOLEANS = {
    **dict.fromkeys(("true", "t", "1"), "true"),
    **dict.fromkeys(("false", "f", "0"), "false"),
}


@dataclasses.dataclass
class _Typed:
    """What was typed, and what it sets here."""

    name: str
    value: str
    settings: Settings


def translate(arguments: Sequence[str]) -> dict[str, str]:
    """Returns what flags set, of ours and by other names.

    Args:
        arguments: without the program, flag files expanded.

    Returns:
        Our flag -> its value as text, in the order in which they were last
        given: of two settings of one flag the later counts.

    Raises:
        ValueError: if a flag is unknown, refused, without its value or in
            contradiction to another; or if an argument is not a flag.

    Example:
        >>> translate(["--seed", "1", "--max_steps=50"])
        {'seed': '1', 'num_train_steps': '50'}
    """
    typed = _with_settings(_pairs(arguments))
    _log(typed)
    settings: dict[str, str] = {}
    for entry in typed:
        for name, value in entry.settings.items():
            settings.pop(name, None)
            if value is not None:
                settings[name] = value
    return settings


def _pairs(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Splits arguments into names and values, as absl does."""
    pairs, leftover = [], []
    remaining = list(reversed(arguments))
    while remaining:
        argument = remaining.pop()
        name, equals, value = argument.removeprefix("-").partition("=")
        name = name.removeprefix("-")
        if not argument.startswith("-") or not name:
            leftover.append((argument, pairs[-1][0] if pairs else ""))
        elif name in _SWITCHES:
            pairs.append((name, value if equals else "true"))
        elif name in _NAMES:
            if not equals and not remaining:
                raise ValueError(
                    f"`{name}` has no value. Received: --{name} at the end. "
                    f"Write --{name}=VALUE."
                )
            pairs.append((name, value if equals else remaining.pop()))
        elif name[:2] == "no" and name[2:] in _SWITCHES and not equals:
            pairs.append((name[2:], "false"))
        else:
            check_removed(name, argument)
            raise _unknown(name)
    if leftover:
        raise _not_a_flag(*leftover[0])
    return pairs


def _unknown(name: str) -> ValueError:
    known = sorted({*_NAMES, "flagfile", "help"})
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean --{nearest[0]}? " if nearest else ""
    return ValueError(
        f"There is no such flag. Received: --{name}. {hint}--help lists all "
        "flags, and docs/flags.md those of other programs that are taken; "
        "leave out any other."
    )


def _not_a_flag(word: str, before: str) -> ValueError:
    hint = "A value with spaces needs quotes."
    if before in _SWITCHES:
        hint = f"A switch is turned off by --no{before} or --{before}=false."
    behind = f" behind --{before}" if before else ""
    return ValueError(
        "An argument is not a flag, --name=value. Received: "
        f"{word!r}{behind}. {hint}"
    )


def _with_settings(pairs: list[tuple[str, str]]) -> list[_Typed]:
    """Looks up what each flag sets; a group sets it where its last one is."""
    ours = {name: value for name, value in pairs if name not in ROWS}
    typed = [_Typed(name, value, {}) for name, value in pairs]
    together: dict[str, dict[str, str]] = {}
    last: dict[str, _Typed] = {}
    for entry in typed:
        row = ROWS.get(entry.name)
        if row is None:
            entry.settings = {entry.name: entry.value}
        elif row.group:
            values = together.setdefault(row.group, {})
            values[row.name] = (
                _boolean(row, entry.value) if row.is_switch else entry.value
            )
            last[row.group] = entry
        else:
            entry.settings = _counterpart(row, entry.value)
    for group, values in together.items():
        settings = groups.SETTINGS[group](values, ours)
        last[group].settings = settings
        for entry in typed:
            if settings and entry.name in groups.TAKEN_OVER.get(group, ()):
                entry.settings = {}
    return typed


def _counterpart(row: OtherName, value: str) -> Settings:
    plain = _boolean(row, value) if row.is_switch else _plain(value)
    if plain in row.values:
        return row.values[plain]
    if row.ours:
        return {row.ours: value}
    what = "This value of `{}`" if any(row.values.values()) else "`{}`"
    raise ValueError(
        f"{what.format(row.name)}, a flag of another program, has no "
        f"counterpart here. Received: --{row.name}={value}. {row.note}"
    )


def _boolean(row: OtherName, value: str) -> str:
    if value.lower() not in _BOOLEANS:
        raise ValueError(
            f"`{row.name}` must be true or false. Received: --{row.name}="
            f"{value}. Pass --{row.name} or --no{row.name}."
        )
    return _BOOLEANS[value.lower()]


def _plain(value: str) -> str:
    """One spelling for every number: `-1.0` is `-1`."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value.lower()


def _log(typed: list[_Typed]) -> None:
    """Logs what other names are here, and which of two names counts."""
    lines = {}
    spelled: dict[str, dict[str, str]] = {}
    for entry in typed:
        for name, value in entry.settings.items():
            spelled.setdefault(name, {}).pop(entry.name, None)
            spelled[name][entry.name] = entry.value
            if entry.name != name and value is not None:
                lines[f"--{entry.name} is --{name}={value}"] = None
    if lines:
        logging.info("Translated flags: %s.", ", ".join(lines))
    for name, values in spelled.items():
        if len(values) > 1:
            logging.info(
                "%s both set --%s: the last one counts.",
                " and ".join(f"--{n}={v}" for n, v in values.items()),
                name,
            )
