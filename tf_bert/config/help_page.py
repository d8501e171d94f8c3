"""The page of `--help`, and docs/flags.md.

To write the latter: `python -m tf_bert.config.help_page > docs/flags.md`.
"""

import re
import textwrap

from tf_bert.config.aliases.table import PROGRAMS, OtherName
from tf_bert.config.all_settings import GROUPS
from tf_bert.config.setting import Setting

_EXAMPLE = """\
Fine-tunes BERT on small labelled text. For example, on a CSV file with the
columns "text" and "label":

  python -m tf_bert.run --train_file=reviews.csv --test_proportion=0.2 \\
      --output_dir=runs/reviews
"""

_HEAD = """\
# Flags

Every setting of the program, by subject, with its default; at the end, what
flags of transformers, of the paper's code and of Google's BERT are called here.
`python -m tf_bert.run --help` prints the first part. (Made by
`python -m tf_bert.config.help_page > docs/flags.md` from the entries in
`tf_bert/config/`: do not edit it.)

A flag is given as `--name=value` or `--name value`, a switch as `--name`,
`--noname` or `--name=false`. `--flagfile=PATH` reads flags from a file, one on
a line; several may be given, such as those of a recipe, a task and a model (see
[recipes.md](recipes.md)). Of two settings of one flag, the later
counts; so does, of flags that say one thing in different units, such as
`--num_train_epochs` and `--num_train_steps`. `-v=1` shows the traceback of an
error.
"""

_WIDTH = 80  # Of a terminal.

_UNITS = {
    int: "N",
    float: "X",
    str: "TEXT",
    tuple: "A,B,...",
    dict: "A,B,...",
}

_OTHER_NAMES = """\
## Names of other programs

They are taken as well, on the command line and in flag files, and what they
are here is logged. A name that is neither in these tables nor above is refused:
leave it out, or take the flag that the message names. Defaults stay those
above, whatever they are there: mind `--weight_decay`, `--warmup_proportion` and
`--seed`.
"""


def help_text() -> str:
    """Returns the page of `--help`: an example, then all flags by subject."""
    lines = [_EXAMPLE]
    for title, group in GROUPS.items():
        lines += [f"{title}:"]
        for flag in group:
            default = _default(flag)
            shown = f"  (default: {default})" if default else ""
            line = f"  {_usage(flag)}"
            is_long = len(line + shown) > _WIDTH
            lines += [line, f"  {shown}"] if is_long else [line + shown]
            lines += textwrap.wrap(
                flag.help, 76, initial_indent="    ", subsequent_indent="    "
            )
        lines += [""]
    lines += [
        "Flags from a file, one on a line: --flagfile=flags/quickstart.flags.",
        "Of two values of a flag the later counts; and of two flags of which",
        "one may be given instead of the other.",
        "-v=1 shows the traceback of an error, and what TensorFlow says.",
        "Names of transformers, of the paper's code and of Google's BERT are "
        "taken\ntoo: see docs/flags.md.",
    ]
    return "\n".join(lines)


def markdown() -> str:
    """Returns docs/flags.md: all flags by subject, then other names."""
    lines = [_HEAD]
    for title, group in GROUPS.items():
        lines += [f"## {title}", ""]
        lines += [line for flag in group for line in _item(flag)]
        lines += [""]
    lines += [_OTHER_NAMES]
    for title, rows in PROGRAMS.items():
        lines += [f"### {title}", "", "| there | here | |", "|---|---|---|"]
        lines += [_row(f"`--{row.name}`", _here(row), row.note) for row in rows]
        lines += [""]
    return "\n".join(lines).rstrip()


def _item(flag: Setting) -> list[str]:
    """The lines of a flag: in a list, for on a phone a table breaks names."""
    default = f", default `{_default(flag)}`" if _default(flag) else ""
    # A bare < would begin a tag, and * or _ set words in italics.
    text = re.sub(r"([<*_])", r"\\\1", flag.help)
    indent = {"initial_indent": "  ", "subsequent_indent": "  "}
    wrapped = textwrap.wrap(text, 88, break_on_hyphens=False, **indent)
    return [f"- `{_usage(flag)}`{default}  ", *wrapped]


def _row(*cells: str) -> str:
    # A bar would end the cell.
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _here(row: OtherName) -> str:
    """What another name is here, as Markdown."""
    if row.ours:
        return f"`--{row.ours}`"
    taken = {value: sets for value, sets in row.values.items() if sets}
    if not taken:
        neutral = [v for v in row.values if v and v != "false"]
        unless = f", unless {' or '.join(map(_code, neutral))}"
        return "refused" + (unless if neutral else "")
    if len(taken) > 2:  # More than on and off.
        names = dict.fromkeys(n for sets in taken.values() for n in sets)
        return ", ".join(f"`--{name}`" for name in names)
    return "; ".join(
        f"{value}: " + ", ".join(f"`--{n}={v}`" for n, v in sets.items())
        for value, sets in taken.items()
    )


def _usage(flag: Setting) -> str:
    if flag.kind is bool:
        return f"--[no]{flag.name}"
    if flag.choices:
        return f"--{flag.name}={'|'.join(flag.choices)}"
    return f"--{flag.name}={_UNITS[flag.kind]}"


def _default(flag: Setting) -> str:
    """The default as it is typed; empty if there is none."""
    if flag.default is None:
        return ""
    if flag.kind is bool:
        return "on" if flag.default else "off"
    return str(flag.default)


if __name__ == "__main__":
    print(markdown())
