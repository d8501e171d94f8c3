"""`create_optimizer`, as transformers 4 had it."""

from collections.abc import Sequence

from tf_bert.optimization import parameter_groups
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.schedules import WarmupDecay


def create_optimizer(
    init_lr: float,
    num_train_steps: int,
    num_warmup_steps: int,
    min_lr_ratio: float = 0.0,
    adam_beta1: float = 0.9,
    adam_beta2: float = 0.999,
    adam_epsilon: float = 1e-8,
    adam_clipnorm: float | None = None,
    adam_global_clipnorm: float | None = None,
    weight_decay_rate: float = 0.0,
    power: float = 1.0,
    include_in_weight_decay: Sequence[str] | None = None,
    *,
    bias_correction: bool = True,
) -> tuple[AdamWeightDecay, WarmupDecay]:
    """Creates an optimizer and its schedule, with transformers 4's arguments.

    Always returns an `AdamWeightDecay` (transformers returned a plain Adam
    where `weight_decay_rate` was 0). LayerNorms and biases are not decayed.

    Args:
        init_lr: >= 0. The peak learning rate.
        num_train_steps: >= 1, in optimizer updates, like `num_warmup_steps`.
        min_lr_ratio: in [0, 1]. End of the decay, as a share of the peak.
        adam_epsilon: above 0. After bias correction (transformers: before).
        adam_clipnorm: clips each gradient to this norm; None does not.
        adam_global_clipnorm: clips all gradients together; None does not.
        weight_decay_rate: >= 0. 0 turns decay off.
        power: of the decay; 1 is linear.
        include_in_weight_decay: regular expressions of paths that are decayed
            although the rule above leaves them out.
        bias_correction: False is BERTAdam.
    """
    schedule = WarmupDecay(
        init_lr,
        num_train_steps,
        num_warmup_steps,
        min_lr_ratio=min_lr_ratio,
        power=power,
    )
    optimizer = AdamWeightDecay(
        learning_rate=schedule,
        beta_1=adam_beta1,
        beta_2=adam_beta2,
        epsilon=adam_epsilon,
        weight_decay_rate=weight_decay_rate,
        include_in_weight_decay=include_in_weight_decay,
        exclude_from_weight_decay=list(parameter_groups.NO_DECAY),
        bias_correction=bias_correction,
        clipnorm=adam_clipnorm,
        global_clipnorm=adam_global_clipnorm,
    )
    return optimizer, schedule
