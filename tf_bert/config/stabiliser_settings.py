"""Settings of what makes fine-tuning on small data stable."""

import dataclasses

from tf_bert.config.setting import Form, setting

_FREEZE = Form(
    # lower_k is the embeddings and the k lowest blocks.
    r"embeddings|lower_[1-9]\d*|encoder|all_but_head",
    must_be="embeddings, lower_1, lower_2, ... (the embeddings and so many "
    "blocks), encoder or all_but_head",
    advice="Correct --freeze, or leave it out to train everything",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StabiliserSettings:
    """The group "Stabilisers"."""

    reinit_layers: int = setting(
        0,
        "Re-initialises so many top blocks, and the pooler. 0: none.",
        at_least=0,
        is_restarted=True,
    )

    reinit_pooler: bool = setting(
        False,
        "Re-initialises the pooler, whatever --reinit_layers is.",
        is_restarted=True,
    )

    layerwise_lr_decay: float = setting(
        1.0,
        "Learning rate of each block, as a part of that of the block above; "
        "of the top block, of the full rate, which pooler and head have. 1.0 "
        "turns it off.",
        above=0,
        at_most=1,
    )

    mixout: float = setting(
        0.0,
        "Probability that an input unit of a linear layer has its pretrained "
        "weights for a step. Turns every dropout off, which the saved model's "
        "config.json says too. 0 turns it off.",
        at_least=0,
        at_most=0.999,
    )

    mixout_gradient: str = setting(
        "derivative",
        "Gradient of --mixout=p. reference: without the factor 1 / (1 - p) of "
        "the derivative, as in the authors' code.",
        choices=("derivative", "reference"),
    )

    pretrained_weight_decay: float = setting(
        0.0,
        "Decoupled decay towards the weights that the run starts from; not of "
        "biases, LayerNorm and a new head. --weight_decay, towards 0, comes "
        "on top. 0 turns it off.",
        at_least=0,
        at_most=1e6,
    )

    freeze: str | None = setting(
        None,
        "Leaves the lower part as it was, without dropout: embeddings, lower_3 "
        "(the embeddings and 3 blocks), encoder (all blocks) or all_but_head "
        "(the pooler too).",
        form=_FREEZE,
    )

    cache_frozen_features: bool = setting(
        False,
        "Runs the frozen part once for each example, not in every step. The "
        "result is the same but for rounding. Its features are kept in memory; "
        "above 1 GiB, unless all blocks are frozen, in temporary files.",
    )

    keep_head: bool = setting(
        False,
        "Starts with the head of --init_checkpoint, which must have the same "
        "labels. Off: a new head is drawn; the pooler stays.",
    )
