"""Which blocks may be re-initialised and frozen, of those that a model has.

Checked on numbers, before any weights are loaded. What needs no model is
checked in `tf_bert.config`.
"""

from tf_bert.adaptation import freezing


def check_blocks(
    *, num_blocks: int, reinit_layers: int = 0, freeze: str | None = None
) -> None:
    """Refuses what a model of so many blocks cannot do.

    Args:
        num_blocks: L, the model's `num_hidden_layers`.
        reinit_layers: number of top blocks to draw afresh. 0: none.
        freeze: the value of `--freeze`. None: nothing.

    Raises:
        ValueError: if there are fewer blocks, or no such part to freeze, or a
            block would be both.

    Example:
        >>> check_blocks(num_blocks=6, reinit_layers=2, freeze="lower_4")
    """
    if not 0 <= reinit_layers <= num_blocks:
        raise ValueError(
            "`reinit_layers` must be from 0 to the model's number of blocks. "
            f"Received: reinit_layers={reinit_layers}, num_hidden_layers="
            f"{num_blocks}. Pass --reinit_layers={num_blocks} or less."
        )
    if freeze is None:
        return
    num_stages = freezing.count_stages(freeze, num_blocks=num_blocks)
    room = max(0, num_blocks + 1 - num_stages)  # The embeddings are one too.
    if reinit_layers > room:
        advice = (
            f"Pass --reinit_layers={room} or less"
            if room
            else "Leave out --reinit_layers"
        )
        raise ValueError(
            "A block must not be both re-initialised and frozen: it would "
            f"stay random. Received: reinit_layers={reinit_layers}, freeze="
            f"{freeze}, num_hidden_layers={num_blocks}. {advice}, or lower "
            "--freeze."
        )
