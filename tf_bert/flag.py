"""What a flag is."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Flag:
    """One flag; `kind` is a type, or a tuple of choices."""

    name: str
    kind: Any
    help: str
