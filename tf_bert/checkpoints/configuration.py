"""From the fields of a `config.json` to a `transformers.BertConfig`.

The sizes are checked here, as numbers. Whether they are those of the weights
is checked in `load`, before a model of these sizes is made.
"""

import math
import reprlib
from collections.abc import Mapping
from typing import Any

import transformers
from huggingface_hub import errors

_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
_LARGEST_SIZE = 2**31 - 1
# transformers makes a name for each label.
_MOST_LABELS = 100_000
# Name -> lowest value, and the first that is too high.
_RANGES = {
    "hidden_dropout_prob": (0.0, 1.0),
    "attention_probs_dropout_prob": (0.0, 1.0),
    "classifier_dropout": (0.0, 1.0),
    "initializer_range": (0.0, math.inf),
    "layer_norm_eps": (0.0, math.inf),
}
# The model has its own dtype policy, and some names of types need PyTorch.
_IGNORED = ("dtype", "torch_dtype")


def make_config(
    fields: Mapping[str, Any], path: str
) -> transformers.BertConfig:
    """Makes a configuration of the fields of a file.

    Args:
        fields: what the file holds.
        path: of the file, for messages.

    Raises:
        ValueError: if it is not of a BERT model, or a field has a value of
            the wrong type or out of its range.

    Example:
        >>> make_config({"hidden_size": 36}, "config.json").hidden_size
        36
    """
    model_type = fields.get("model_type", "bert")
    if model_type != "bert":
        raise ValueError(
            "`model_type` must be 'bert'. Received: "
            f"model_type={reprlib.repr(model_type)} in {path}. Pass an "
            "--init_checkpoint that is a BERT."
        )
    limits = dict.fromkeys(_SIZES, _LARGEST_SIZE) | {"num_labels": _MOST_LABELS}
    for name, limit in limits.items():
        _check_size(name, fields.get(name, 1), limit, path)
    for name, (lowest, too_high) in _RANGES.items():
        _check_range(name, fields.get(name), lowest, too_high, path)
    fields = {k: value for k, value in fields.items() if k not in _IGNORED}
    try:
        return transformers.BertConfig.from_dict(fields)
    # From checks of transformers, and from fields that it takes for granted.
    except (
        errors.StrictDataclassError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            "A configuration must have fields that transformers knows, of "
            f"their types. Received: {path} ({reason:.300}). Fetch the "
            "checkpoint again."
        ) from error


def _check_size(name: str, value: Any, limit: int, path: str) -> None:
    if type(value) is not int or not 1 <= value <= limit:
        raise ValueError(
            f"`{name}` must be a whole number from 1 to {limit}. Received: "
            f"{name}={reprlib.repr(value)} in {path}. Correct the "
            "configuration, or pass another --init_checkpoint."
        )


def _check_range(
    name: str, value: Any, lowest: float, too_high: float, path: str
) -> None:
    if value is None:  # Not given; or, for `classifier_dropout`, as the others.
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not lowest <= value < too_high:
        bound = "finite" if too_high == math.inf else f"below {too_high}"
        raise ValueError(
            f"`{name}` must be a number, {lowest} or above and {bound}. "
            f"Received: {name}={reprlib.repr(value)} in {path}. Correct the "
            "configuration, or pass another --init_checkpoint."
        )
