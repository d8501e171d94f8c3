"""The command line of a configuration: the inverse of `parse.parse`."""

import csv
import io
from typing import Any

from tf_bert.config import Config
from tf_bert.config.all_settings import FLAGS


def command_line(config: Config) -> list[str]:
    """Returns the flags that make a configuration, without the program.

    Flags at their default are left out, and so are the seeds that follow
    `seed`. Values are not quoted for a shell: use `shlex.join`.

    Example:
        >>> command_line(Config(output_dir="runs/x", seed=3, tensorboard=False))
        ['--output_dir=runs/x', '--notensorboard', '--seed=3']
    """
    arguments = []
    for setting in FLAGS:
        value = getattr(config, setting.name)
        # None is never written: it is a default, or the length in epochs of
        # a run whose length is given in steps, which implies it.
        if value is None or value == setting.default:
            continue
        if setting.follows and value == getattr(config, setting.follows):
            continue
        arguments.append(_argument(setting.name, value))
    return arguments


def _argument(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    if isinstance(value, tuple):
        value = _comma_list(value)
    return f"--{name}={value}"


def _comma_list(values: tuple[str, ...]) -> str:
    """Joins values by commas; one that holds a comma is quoted, as in CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()
