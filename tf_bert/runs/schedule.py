"""What a training does at which step: batches, rates and evaluations."""

import dataclasses

import numpy as np
import tensorflow as tf
from absl import logging

from tf_bert.config import Config, durations
from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.batches import packing
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.optimization.schedules import WarmupDecay
from tf_bert.training.devices import distribution

# Of one shape, where shapes are fixed and --steps_per_loop is not given.
_STEPS_PER_SHAPE = 32


@dataclasses.dataclass(frozen=True)
class Schedule:
    """What a training does at which of its K steps.

    Attributes:
        plan: which examples each step takes, and how they are packed.
        learning_rates: float32 `[K]`; the one place that has them.
        evaluation_steps: numbers of steps after which the model is evaluated
            and saved, ascending; the last is K.
    """

    plan: planning.Plan
    learning_rates: np.ndarray
    evaluation_steps: tuple[int, ...]


def make_schedule(
    config: Config,
    train: TokenizedExamples,
    strategy: tf.distribute.Strategy,
) -> Schedule:
    """Plans a training."""
    plan = plan_training(config, train.lengths, strategy)
    logging.info(
        "Training: %d steps of %d examples (%d steps per epoch); %.0f %% of "
        "the computed tokens are real ones.",
        plan.num_steps,
        config.train_batch_size,
        plan.steps_per_epoch,
        100 * plan.fill(train.lengths),
    )
    rate = WarmupDecay(
        config.learning_rate,
        plan.num_steps,
        durations.warmup_steps(config, plan.num_steps),
        decay=config.lr_schedule,
    )
    return Schedule(
        plan,
        learning_rates=np.asarray(
            rate(np.arange(plan.num_steps, dtype=np.float32))
        ),
        evaluation_steps=durations.evaluation_steps(
            config, plan.num_steps, plan.steps_per_epoch
        ),
    )


def plan_training(
    config: Config, lengths: np.ndarray, strategy: tf.distribute.Strategy
) -> planning.Plan:
    """Plans the batches of a training, from the lengths of its examples."""
    steps_per_epoch = -(-len(lengths) // config.train_batch_size)
    num_replicas = strategy.num_replicas_in_sync
    num_parts = config.gradient_accumulation_steps
    shapes = {}
    if distribution.has_static_shapes(config, strategy):
        share = config.train_batch_size // (num_replicas * num_parts)
        shapes["width"] = packing.common_width(lengths, share)
        shapes["steps_per_shape"] = config.steps_per_loop or _STEPS_PER_SHAPE
    return planning.plan_training(
        lengths,
        batch_size=config.train_batch_size,
        num_steps=config.num_steps(steps_per_epoch),
        data_seed=config.data_seed,
        num_replicas=num_replicas,
        num_micro_batches=num_parts,
        **shapes,
    )
