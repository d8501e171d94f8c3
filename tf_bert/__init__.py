"""Fine-tune BERT on small text data, stably.

    from tf_bert import AdamWeightDecay, TFBertForSequenceClassification

Names are imported when they are first used, so that `--help` needs no
TensorFlow.
"""

import importlib

_HOMES = {
    "AdamWeightDecay": "tf_bert.optimization.adam_weight_decay",
    "TFBertForSequenceClassification": "tf_bert.models.sequence_classification",
    "TFBertModel": "tf_bert.models.bert_model",
    "create_optimizer": "tf_bert.optimization.create",
}

__all__ = [*_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'tf_bert' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
