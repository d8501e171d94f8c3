"""Fine-tune BERT on small text data, stably.

    from tf_bert import AdamWeightDecay, TFBertForSequenceClassification
    from tf_bert import Config, fine_tune, load_examples, predict

Names are imported when they are first used, so that `--help` needs no
TensorFlow, whose greeting is then held back: see `native_log.py`. Importing
the package turns on TensorFlow's oneDNN, gives it no more threads than a
container has processors, and makes it quick on ``gs://``, which must be done
before TensorFlow is loaded: see `onednn.py`, `limits.py`, `gs_client.py`.
"""

from tf_bert.system import gs_client, limits, onednn

_HOMES = {
    "AdamWeightDecay": "tf_bert.optimization.adam_weight_decay",
    "Config": "tf_bert.config",
    "GradientAccumulator": "tf_bert.optimization.gradient_accumulator",
    "Predictor": "tf_bert.library",
    "TFAutoModel": "tf_bert.models.bert_model",
    "TFAutoModelForSequenceClassification": (
        "tf_bert.models.sequence_classification"
    ),
    "TFBertForSequenceClassification": "tf_bert.models.sequence_classification",
    "TFBertModel": "tf_bert.models.bert_model",
    "WarmUp": "tf_bert.optimization.warm_up",
    "create_optimizer": "tf_bert.optimization.create",
    "fine_tune": "tf_bert.finetune",
    "load_examples": "tf_bert.library",
    "predict": "tf_bert.library",
}

__all__ = [*_HOMES]

onednn.turn_on()
limits.limit_threads()
gs_client.read_small_blocks()


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'tf_bert' has no attribute {name!r}")
    # Here, for it imports absl, and this also runs where nothing is installed.
    from tf_bert.system import native_log

    return getattr(native_log.import_quietly(_HOMES[name]), name)
