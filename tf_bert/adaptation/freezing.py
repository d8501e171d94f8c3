"""Freezing: the lower part of a model stays as it was loaded.

What is frozen is no longer trained, so it needs no gradient, no moments and
no stored activations; it runs without dropout, so its outputs for an example
are the same in every step, and `tf_bert.training.frozen_features` may compute
them once.

References:
    Lee et al., 2019, "What Would Elsa Do? Freezing Layers During Transformer
    Fine-Tuning". https://arxiv.org/abs/1911.03090
"""

import math
import re
from typing import Any

from absl import logging


def freeze(
    model: Any, what: str | None, *, new: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Freezes the lower part of a model, for good.

    Call it before anything of the model is traced. Where in PyTorch only
    `requires_grad` is set to False, the frozen part keeps its dropout; here
    it has none, in training too. The dropout of all layers above stays as it
    is, and so does its random sequence.

    Args:
        model: with `bert`, a `tf_bert.models.bert.BertLayer`.
        what: `embeddings`; `lower_k`, the embeddings and the k lowest blocks,
            k from 1; `encoder`, the embeddings and all blocks;
            `all_but_head`, the pooler too. None freezes nothing.
        new: paths of the variables that were drawn, not loaded: to freeze
            one of these is a `ValueError`.

    Returns:
        The paths of the variables that are frozen.
    """
    if what is None:
        return frozenset()
    stages = model.bert.stages
    num_frozen = count_stages(what, num_blocks=len(stages) - 2)
    variables = [v for stage in stages[:num_frozen] for v in stage.variables]
    paths = frozenset(variable.path for variable in variables)
    if not paths.isdisjoint(new):
        raise ValueError(
            "What is frozen must be pretrained: drawn weights would stay "
            f"random. Received: freeze={what}, and newly drawn "
            f"{', '.join(sorted(paths & new)[:3])}. Freeze less by --freeze, "
            "draw fewer layers by --reinit_layers, or start from another "
            "--init_checkpoint."
        )
    for variable in variables:
        variable.trainable = False
    model.bert.num_frozen_stages = num_frozen
    logging.info(
        "Frozen (%s): %d variables with %s parameters.",
        what,
        len(paths),
        f"{sum(math.prod(v.shape) for v in variables):,}",
    )
    return paths


def count_stages(what: str, *, num_blocks: int) -> int:
    """Returns how many stages of a model `freeze` freezes.

    The embeddings are one, each block is one, and so is the pooler.

    Example:
        >>> count_stages("lower_3", num_blocks=6)
        4
    """
    counts = {
        "embeddings": 1,
        "encoder": num_blocks + 1,
        "all_but_head": num_blocks + 2,
    }
    if what in counts:
        return counts[what]
    match = re.fullmatch(r"lower_([1-9]\d*)", what, re.ASCII)
    if match is None or int(match[1]) > num_blocks:
        raise ValueError(
            "`freeze` must be embeddings, encoder, all_but_head or lower_1 to "
            f"lower_{num_blocks}, for the model has {num_blocks} blocks. "
            f"Received: freeze={what!r}. Correct --freeze."
        )
    return 1 + int(match[1])
