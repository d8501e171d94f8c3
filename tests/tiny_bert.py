"""A tiny BERT for tests, and what it holds."""

import numpy as np
import transformers

from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)


def tiny_config(**changes) -> transformers.BertConfig:
    """Two layers of width 8, three labels; `changes` replace fields."""
    fields = {
        "vocab_size": 20,
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 16,
        "num_labels": 3,
    }
    return transformers.BertConfig(**(fields | changes))


def tiny_classifier(
    seed: int = 0, dtype: str | None = None, **changes
) -> TFBertForSequenceClassification:
    """A classifier of `tiny_config`."""
    return TFBertForSequenceClassification(
        tiny_config(**changes), seed=seed, dtype=dtype
    )


def values(model) -> dict[str, np.ndarray]:
    """The weights of a model, by path."""
    return {
        path: variable.numpy()
        for path, variable in model.weights_by_path().items()
    }
