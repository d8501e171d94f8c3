"""The decoupled decays: towards zero, and towards the pretrained weights."""

from typing import Any

Tensor = Any


def decay_update(
    p: Tensor,
    p_0: Tensor | None,
    lr: Tensor,
    *,
    weight_decay: float = 0.0,
    pretrained_weight_decay: float = 0.0,
) -> Tensor:
    """Returns weights after the decays of one step, before Adam moves them.

    Both act on the same old value, so their order cannot matter:

        p - lr * (weight_decay * p + pretrained_weight_decay * (p - p_0))

    Args:
        p: float Tensor, any shape; or a number. The weights before the step.
        p_0: of that shape: what they are pulled to. Not read, and may be
            None, where `pretrained_weight_decay` is 0.
        lr: float scalar >= 0. The scheduled rate times the multiplier of the
            variable. (The paper's text has no rate here: it subtracts
            lambda * (p - p_0). Its code has it, and so do we.)
        weight_decay: >= 0. Pulls to zero; 0 turns it off. (The paper's code
            sets it to 0 always, whatever its flag says.)
        pretrained_weight_decay: lambda >= 0. Pulls to `p_0`; 0 turns it off.
            Weights that are `p_0` then stay so to the last bit, if
            `weight_decay` is 0.

    Example:
        >>> print(f"{decay_update(2.0, 1.0, 0.1, weight_decay=0.5):.2f}")
        1.90
        >>> rates = {"weight_decay": 0.5, "pretrained_weight_decay": 0.5}
        >>> print(f"{decay_update(2.0, 1.0, 0.1, **rates):.2f}")
        1.85

    References:
        Loshchilov and Hutter, 2019. https://arxiv.org/abs/1711.05101
        Zhang et al., 2021, Section 7 ("pre-trained weight decay"), after
            Wiese et al., 2017. https://arxiv.org/abs/2006.05987
    """
    if not pretrained_weight_decay:
        return p * (1 - lr * weight_decay)
    # The products of numbers come first: each other one is a pass over p.
    change = lr * pretrained_weight_decay * (p - p_0)
    if weight_decay:
        change = lr * weight_decay * p + change
    return p - change
