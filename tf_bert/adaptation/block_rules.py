"""Which blocks may be re-initialised and frozen, of those that a model has.

Checked on numbers, before any weights are loaded. What needs no model is
checked in `tf_bert.config_rules`.
"""

import re

_LOWER = re.compile(r"lower_(\d+)", re.ASCII)


def check_blocks(
    *, num_blocks: int, reinit_layers: int = 0, freeze: str | None = None
) -> None:
    """Refuses what a model of so many blocks cannot do.

    Args:
        num_blocks: L, the model's `num_hidden_layers`.
        reinit_layers: number of top blocks to draw afresh. 0: none.
        freeze: the value of `--freeze`. None: nothing.

    Raises:
        ValueError: if there are fewer blocks, or a block would be both.

    Example:
        >>> check_blocks(num_blocks=6, reinit_layers=2, freeze="lower_4")
    """
    if not 0 <= reinit_layers <= num_blocks:
        raise ValueError(
            "`reinit_layers` must be from 0 to the model's number of blocks. "
            f"Received: reinit_layers={reinit_layers}, num_hidden_layers="
            f"{num_blocks}. Pass --reinit_layers={num_blocks} or less."
        )
    found = _LOWER.fullmatch(freeze or "")
    num_frozen = int(found[1]) if found else 0
    if num_frozen > num_blocks:
        raise ValueError(
            "`freeze` must not name more blocks than the model has. Received: "
            f"freeze={freeze}, num_hidden_layers={num_blocks}. Pass "
            f"--freeze=lower_{num_blocks} or less."
        )
    if num_frozen + reinit_layers > num_blocks:
        raise ValueError(
            "A block must not be both re-initialised and frozen: it would "
            f"stay random. Received: reinit_layers={reinit_layers}, freeze="
            f"{freeze}, num_hidden_layers={num_blocks}. Pass "
            f"--reinit_layers={num_blocks - num_frozen} or less, or lower "
            "--freeze."
        )
