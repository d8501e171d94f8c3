"""One row of the tables: the name of a flag elsewhere, and what it is here."""

import dataclasses
from collections.abc import Mapping

# Flag of ours -> its value; None: as if the flag had not been given.
Settings = Mapping[str, str | None]


@dataclasses.dataclass(frozen=True)
class OtherName:
    """One flag of another program.

    Attributes:
        name: the flag.
        ours: our flag, which takes the same values; the same name where only
            the note matters. Empty: only the values of `values` are taken.
        note: what differs; without `ours`, why other values are refused and
            what to do instead.
        values: value -> what it is here; numbers and switches in their plain
            spelling (`-1`, `true`).
        is_switch: takes no value, or `=true` and `=false`.
        group: names of one group mean something only together, which
            `translation.py` decides; `ours` is then for readers.
    """

    name: str
    ours: str = ""
    note: str = ""
    values: Mapping[str, Settings] = dataclasses.field(default_factory=dict)
    is_switch: bool = False
    group: str = ""


def switch(name: str, *, on: Settings, off: Settings) -> OtherName:
    """A row for a switch that is taken in both positions."""
    values = {"true": on, "false": off}
    return OtherName(name, values=values, is_switch=True)


def refused(names: str, note: str, *neutral: str) -> tuple[OtherName, ...]:
    """Rows with one reason; `neutral` values ask for nothing and are taken."""
    values = {value: {} for value in neutral}
    return tuple(OtherName(n, note=note, values=values) for n in names.split())


def refused_switches(names: str, note: str) -> tuple[OtherName, ...]:
    """Rows of switches with one reason; switched off they are taken."""
    return tuple(
        OtherName(name, note=note, values={"false": {}}, is_switch=True)
        for name in names.split()
    )


# Why a flag of transformers and one of the paper's code are refused.
NO_GPU = (
    "GPUs are used if there are any: leave the flag out, and set the "
    "environment variable CUDA_VISIBLE_DEVICES=-1 to hide them."
)
