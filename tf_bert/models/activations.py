"""The activation functions that BERT configurations name (`hidden_act`)."""

from collections.abc import Callable
from typing import Any

from keras import ops

Tensor = Any

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": lambda x: ops.gelu(x, approximate=False),
    # The tanh approximation, under each of Hugging Face's names for it.
    "gelu_new": lambda x: ops.gelu(x, approximate=True),
    "gelu_pytorch_tanh": lambda x: ops.gelu(x, approximate=True),
    "relu": ops.relu,
    "silu": ops.silu,
    "swish": ops.silu,
    "tanh": ops.tanh,
}


def get(name: str) -> Callable[[Tensor], Tensor]:
    """Returns the function, element by element, of one `hidden_act`."""
    if name not in ACTIVATIONS:
        raise ValueError(
            f"The activation is not known. Received: hidden_act={name!r}. "
            f"Start from a checkpoint with {', '.join(sorted(ACTIVATIONS))}."
        )
    return ACTIVATIONS[name]
