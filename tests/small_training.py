"""A small BERT, small random examples, and training steps on them."""

import numpy as np
import tensorflow as tf
import transformers

from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.batches import pipeline
from tf_bert.data.batches.batch_plan import Plan
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.training.training_loop import TrainingLoop

NUM_WORDS = 30


def make_examples(
    size: int = 11, *, shortest: int = 3, longest: int = 12, labels=None
) -> TokenizedExamples:
    """Returns pairs of texts of random lengths, with labels 0 and 1 or given.

    Of 11 in batches of 4 the last batch lacks one.
    """
    rng = np.random.default_rng(0)
    lengths = rng.integers(shortest, longest + 1, size)
    if labels is None:
        labels = rng.integers(0, 2, size).astype(np.int32)
    return TokenizedExamples(
        ids=rng.integers(1, NUM_WORDS, lengths.sum()).astype(np.int32),
        row_splits=np.concatenate([[0], np.cumsum(lengths)]),
        first_lengths=rng.integers(2, lengths).astype(np.int32),
        labels=labels,
    )


def make_model(
    *, dropout: float = 0.0, precision: str = "float32", **settings
) -> TFBertForSequenceClassification:
    """Returns a model of width 8, with settings of a `BertConfig` changed."""
    config = transformers.BertConfig(
        **{
            "vocab_size": NUM_WORDS,
            "hidden_size": 8,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 16,
            "max_position_embeddings": 40,
            "hidden_dropout_prob": dropout,
            "attention_probs_dropout_prob": dropout,
            "initializer_range": 0.3,
            **settings,
        }
    )
    return TFBertForSequenceClassification(config, seed=0, dtype=precision)


def make_plan(
    examples: TokenizedExamples, num_steps: int, *, batch_size: int = 4, **more
) -> Plan:
    """Returns the batch plan of a training with one order of its examples."""
    return planning.plan_training(
        examples.lengths,
        batch_size=batch_size,
        num_steps=num_steps,
        data_seed=1,
        **more,
    )


def take_steps(
    loop: TrainingLoop,
    examples: TokenizedExamples,
    plan: Plan,
    rates: np.ndarray | float,
    *,
    dropout_seed: int = 1,
    first_step: int = 0,
    num_steps: int | None = None,
) -> np.ndarray:
    """Takes steps of a plan, by default all from `first_step` on.

    Args:
        rates: of learning, `[K]`, or one for all steps.

    Returns:
        float32 `[num_steps]`, the loss of each.
    """
    rates = np.broadcast_to(np.float32(rates), plan.num_steps)
    dataset = pipeline.packed_dataset(
        examples,
        plan,
        steps=np.arange(first_step, plan.num_steps),
        per_step={"learning_rate": rates},
        per_replica={
            "dropout_seeds": planning.dropout_seeds(dropout_seed, plan)
        },
    )
    iterator = iter(
        loop.strategy.distribute_datasets_from_function(lambda _: dataset)
    )
    if num_steps is None:
        num_steps = plan.num_steps - first_step
    return loop.train_steps(iterator, tf.constant(num_steps)).numpy()


def comparable_weights(model: TFBertForSequenceClassification) -> dict:
    """Returns the weights by path, without the biases of the keys.

    Softmax ignores a shift, so their gradient is rounding noise, which Adam
    makes as large as any.
    """
    return {
        path: variable.numpy()
        for path, variable in model.weights_by_path().items()
        if not path.endswith("key/bias")
    }


def assert_close(actual: dict, expected: dict, **tolerance) -> None:
    """Compares arrays by name; no tolerance means bit for bit."""
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(
            actual[name],
            value,
            **{"rtol": 0, **tolerance},
            err_msg=name,
        )
