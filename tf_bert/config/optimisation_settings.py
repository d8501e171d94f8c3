"""Settings of the model, of its training, and of what makes that stable."""

import dataclasses
import functools

from tf_bert.config.setting import COMPUTING, Form, setting

_restarted = functools.partial(setting, is_restarted=True)
_below_1 = functools.partial(setting, at_least=0, at_most=0.999999)
_FREEZE = Form(
    # lower_k is the embeddings and the k lowest blocks.
    r"embeddings|lower_[1-9]\d*|encoder|all_but_head",
    must_be="embeddings, lower_1, lower_2, ... (the embeddings and so many "
    "blocks), encoder or all_but_head",
    advice="Correct --freeze, or leave it out to train everything",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """The group "Model"."""

    init_checkpoint: str = setting(
        "minilm-l6",
        "Model to start from: minilm-l6, a folder (Hugging Face's or "
        "Google's TF1), or a hub id such as google-bert/bert-base-uncased, "
        "which takes @ and a branch, tag or commit behind it. A run that goes "
        "on keeps the commit that it began with.",
        is_input=True,
    )

    do_lower_case: bool | None = setting(
        None,
        "Turns texts into lower case before they are tokenised. Default: as "
        "the checkpoint says.",
    )

    dropout: float | None = setting(
        None,
        "Probability of every dropout. 0 turns it off. Default: as the "
        "checkpoint says, mostly 0.1.",
        at_least=0,
        at_most=0.999999,
    )

    precision: str = setting(
        "float32",
        "Number format of the computation. mixed_bfloat16 keeps float32 "
        "weights: faster on TPUs and recent GPUs.",
        choices=("float32", "mixed_bfloat16"),
        modes=COMPUTING,
        with_less_memory=lambda _: "mixed_bfloat16",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimisationSettings:
    """The group "Optimisation"."""

    train_batch_size: int | None = setting(
        32,
        "Examples of one update, on all devices together.",
        at_least=1,
        with_less_memory=lambda number: max(number // 2, 1),
    )

    per_device_train_batch_size: int | None = setting(
        None,
        "Examples that one device computes at a time, instead of "
        "--train_batch_size: that is this times the devices and "
        "--gradient_accumulation_steps.",
        at_least=1,
        instead_of="train_batch_size",
    )

    gradient_accumulation_steps: int = setting(
        1,
        "Parts that a batch is computed in, to save memory. The result is the "
        "same but for rounding and for the masks of dropout and Mixout, of "
        "which each part draws its own. 1 turns it off.",
        at_least=1,
        with_less_memory=lambda number: 2 * number,
    )

    num_train_epochs: float | None = _restarted(
        3.0,
        "Length of the training in passes over the data.",
        above=0,
        at_most=1e6,
    )

    num_train_steps: int | None = _restarted(
        None,
        "Length of the training in updates, instead of --num_train_epochs.",
        above=0,
        instead_of="num_train_epochs",
    )

    learning_rate: float = _restarted(
        5e-5,
        "Peak of the learning rate, reached after the warm-up.",
        at_least=0,
        at_most=1e6,
    )

    lr_schedule: str = _restarted(
        "linear",
        "How the learning rate goes on after the warm-up: linearly or as a "
        "cosine to 0, or constant.",
        choices=("linear", "cosine", "constant"),
    )

    warmup_proportion: float | None = _restarted(
        0.1,
        "Share of the updates in which the learning rate rises from 0 to its "
        "peak, rounded down to whole updates as in the paper's code "
        "(transformers rounds up). 0: no warm-up.",
        at_least=0,
        at_most=1,
    )

    num_warmup_steps: int | None = _restarted(
        None,
        "Updates in which the learning rate rises, instead of "
        "--warmup_proportion.",
        at_least=0,
        instead_of="warmup_proportion",
    )

    weight_decay: float = setting(
        0.01,
        "Decoupled decay of the weights towards 0, but for biases and "
        "LayerNorm. 0 turns it off.",
        at_least=0,
        at_most=1e6,
    )

    adam_beta_1: float = _below_1(
        0.9, "Decay rate of Adam's first moment, the mean of the gradients."
    )

    adam_beta_2: float = _below_1(
        0.999, "Decay rate of Adam's second moment, the mean of their squares."
    )

    adam_epsilon: float = setting(
        1e-8,
        "Added to the root of Adam's second moment, after bias correction.",
        above=0,
        at_most=1,
    )

    bias_correction: bool = setting(
        True,
        "Corrects the bias of Adam's moments. --nobias_correction is BERTAdam, "
        "which is unstable on small data (Zhang et al., 2021).",
    )

    max_grad_norm: float = setting(
        1.0,
        "Clips the gradient to this global norm. 0 turns it off.",
        at_least=0,
        at_most=1e6,
    )

    ema_decay: float = _below_1(
        0.0,
        "Evaluates and keeps an exponential average of the weights, which "
        "keeps so much of itself in each step: min(this, (1 + t) / (10 + t)) "
        "at step t. 0 turns it off.",
    )

    label_smoothing_factor: float = _below_1(
        0.0,
        "Share of the training loss that goes to all classes alike; the rest "
        "goes to the true one. Losses of evaluations stay plain, and can be "
        "compared. 0 turns it off.",
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
