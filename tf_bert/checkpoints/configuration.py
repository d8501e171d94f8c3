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

# Name -> the lowest value, and the first that is too high: of whole numbers
# where these are.
_LIMITS = {
    **dict.fromkeys(
        (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
        ),
        (1, 2**31),
    ),
    "num_labels": (1, 100_001),  # transformers makes a name for each.
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
    """Makes a configuration of the fields of a file, at `path`.

    Raises:
        ValueError: if it is not of a BERT model, or a field has a value of
            the wrong type or out of its range.
    """
    model_type = fields.get("model_type", "bert")
    if model_type != "bert":
        raise ValueError(
            "The checkpoint is not a BERT. Received: "
            f"model_type={reprlib.repr(model_type)} in {path}. Pass another "
            "--init_checkpoint."
        )
    for name, (lowest, too_high) in _LIMITS.items():
        if name in fields:
            _check(name, fields[name], lowest, too_high, path)
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
            "transformers cannot read the configuration. Received: "
            f"{path} ({reason:.300}). Fetch the checkpoint again."
        ) from error


def _check(
    name: str, value: Any, lowest: float, too_high: float, path: str
) -> None:
    if isinstance(lowest, int):
        is_right = type(value) is int and lowest <= value < too_high
        rule = f"a whole number from {lowest} to {too_high - 1}"
    elif value is None:  # `classifier_dropout`, as the others.
        return
    else:
        is_right = type(value) in (int, float) and lowest <= value < too_high
        rule = f"a number from {lowest:g} to below {too_high}"
    if not is_right:
        raise ValueError(
            f"`{name}` must be {rule}. Received: {name}={reprlib.repr(value)} "
            f"in {path}. Correct the configuration, or pass another "
            "--init_checkpoint."
        )
