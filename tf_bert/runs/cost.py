"""What a training computes and holds, counted before anything is run.

Memory is an estimate, from the sizes of the tensors that a step holds; what a
step really takes is measured in `inspection/timing.py`. No TensorFlow.

Letters: K steps, R rows and W tokens of a row of one micro-batch, T = R x W
tokens, H hidden size, I size of the wide layer, N heads, L layers.
"""

import dataclasses

import numpy as np
import transformers

from tf_bert.data.batches.batch_plan import Plan

_FLOAT32 = 4

# Tensors that the backward pass keeps of each layer. Of the size [T, H]: the
# input, query, key and value as heads, the mixed values, and two residual
# blocks with the mask of the dropout, the sum and what its normalisation
# keeps. Of [T, I]: before, inside and behind the activation. Of
# [R, N, W, W]: the softmax, the mask of its dropout and their product.
_HIDDEN_TENSORS = 12
_WIDE_TENSORS = 4
_ATTENTION_TENSORS = 3


@dataclasses.dataclass(frozen=True)
class TrainingCost:
    """How much a plan computes.

    Attributes:
        steps_per_epoch: until every example was taken once.
        num_epochs: length of the training in passes over the data.
        largest_rows: R of the step with the most tokens.
        largest_width: W of this step.
        computed_tokens: of all steps, padding included.
        packing_fill: share of these that are real, in (0, 1].
        fill_padded_to_batch: what it would be with each example padded to the
            longest of its batch.
        fill_padded_to_limit: the same, padded to `max_seq_length`.
    """

    num_steps: int
    steps_per_epoch: int
    num_epochs: float
    num_evaluations: int
    num_micro_batches: int
    largest_rows: int
    largest_width: int
    computed_tokens: int
    packing_fill: float
    fill_padded_to_batch: float
    fill_padded_to_limit: float


@dataclasses.dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a training step holds on each device.

    The program itself (TensorFlow and its libraries, about a gigabyte of the
    computer's memory) comes on top.

    Attributes:
        weights: of the model, Mixout's targets and the averages.
        gradients: of the weights that are updated.
        moments: Adam's two.
        priors: what --pretrained_weight_decay pulls to.
        activations: of the step with the most tokens, and what Mixout mixes.
    """

    weights: int
    gradients: int
    moments: int
    activations: int
    priors: int = 0

    @property
    def total(self) -> int:
        """Bytes of all of them."""
        return sum(dataclasses.astuple(self))


def training_cost(
    plan: Plan,
    lengths: np.ndarray,
    *,
    max_seq_length: int,
    num_evaluations: int,
) -> TrainingCost:
    """Counts what a plan computes."""
    largest = int(computed_tokens(plan).argmax())
    chosen = plan.examples.reshape(plan.num_steps, -1)
    exists = chosen >= 0
    sizes = np.where(exists, lengths[chosen], 0)
    padded = (sizes.max(axis=1) * exists.sum(axis=1)).sum()
    return TrainingCost(
        num_steps=plan.num_steps,
        steps_per_epoch=plan.steps_per_epoch,
        num_epochs=float(exists.sum() / len(lengths)),
        num_evaluations=num_evaluations,
        num_micro_batches=plan.num_micro_batches,
        largest_rows=int(plan.num_rows[largest]),
        largest_width=int(plan.widths[largest]),
        computed_tokens=int(computed_tokens(plan).sum()),
        packing_fill=plan.fill(lengths),
        fill_padded_to_batch=float(sizes.sum() / padded),
        fill_padded_to_limit=float(
            sizes.sum() / (max_seq_length * exists.sum())
        ),
    )


def computed_tokens(plan: Plan) -> np.ndarray:
    """int64 `[K]`, tokens that each step computes, padding included."""
    parts = plan.num_replicas * plan.num_micro_batches
    return plan.num_rows.astype(np.int64) * plan.widths * parts


def estimate_memory(
    model_config: transformers.BertConfig,
    *,
    num_parameters: int,
    num_updated: int,
    num_rows: int,
    width: int,
    num_pulled: int = 0,
    num_frozen_blocks: int = 0,
    precision: str = "float32",
    num_mixed: int = 0,
    num_averaged: int = 0,
    remat: bool = False,
) -> MemoryEstimate:
    """Estimates what the largest step holds.

    Per layer ``T (12 H + 4 I) + 3 R N W^2`` activations are kept, of 4 bytes
    (2 in bfloat16), in all layers but the last, which computes one token of
    each example only. Of frozen blocks nothing is kept; each needs its own
    while it runs, so at least one block's are counted. Weights, gradients and
    both moments are float32. The cache of frozen features comes on top.

    Args:
        num_updated: parameters that get a gradient.
        num_rows: R, of one micro-batch.
        num_pulled: of these, those that are pulled to their start.
        num_frozen_blocks: in [0, L].
        num_mixed: parameters that Mixout mixes: each is stored twice more,
            as target and, until the backward pass, mixed, in float32.
        num_averaged: parameters that have an average, one more float32 each.
        remat: of each layer its input is kept, and of one at a time the rest.
    """
    tokens = num_rows * width
    per_layer = (
        _HIDDEN_TENSORS * tokens * model_config.hidden_size
        + _WIDE_TENSORS * tokens * model_config.intermediate_size
        + _ATTENTION_TENSORS
        * num_rows
        * model_config.num_attention_heads
        * width**2
    )
    # Of the last layer keys and values remain, a small part of the others'.
    num_trained = model_config.num_hidden_layers - num_frozen_blocks
    num_layers = max(num_trained - 1, 1)
    num_kept = num_layers * per_layer
    if remat:
        num_kept = num_layers * tokens * model_config.hidden_size + per_layer
    item_size = 2 if precision == "mixed_bfloat16" else _FLOAT32
    return MemoryEstimate(
        weights=_FLOAT32 * (num_parameters + num_mixed + num_averaged),
        gradients=_FLOAT32 * num_updated,
        moments=2 * _FLOAT32 * num_updated,
        activations=item_size * num_kept + _FLOAT32 * num_mixed,
        priors=_FLOAT32 * num_pulled,
    )


def size_text(num_bytes: int) -> str:
    """Returns a number of bytes as people read it.

    Example:
        >>> size_text(123_400_000), size_text(1_260_000_000)
        ('123 MB', '1.3 GB')
    """
    if num_bytes < 1e9:
        return f"{num_bytes / 1e6:.0f} MB"
    return f"{num_bytes / 1e9:.1f} GB"
