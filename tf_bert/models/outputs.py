"""What the models return: `.logits`, `["logits"]` and `[0]` all work.

A plain dataclass, known to `tf.function` (by `__tf_flatten__`) and to Keras
(by `optree`). transformers' own `ModelOutput`, a dict subclass and a named
tuple each fail in one of `fit`, `predict` and `tf.function`.
"""

import dataclasses
from typing import Any, Self

import keras
import optree

Tensor = Any


class ModelOutput:
    """Base of the outputs: access by attribute, by key and by position.

    As in transformers, fields that are None do not count: `output[0]` is the
    first field that was computed, and `to_tuple()` holds only those.
    """

    def keys(self) -> tuple[str, ...]:
        """Names of the fields that were computed, in order."""
        return tuple(
            field.name
            for field in dataclasses.fields(self)
            if getattr(self, field.name) is not None
        )

    def to_tuple(self) -> tuple:
        """Values of the fields that were computed, in order."""
        return tuple(getattr(self, name) for name in self.keys())

    def __getitem__(self, key: str | int | slice) -> Any:
        if not isinstance(key, str):
            return self.to_tuple()[key]
        if key not in self.keys():
            raise KeyError(key)
        return getattr(self, key)

    def __contains__(self, key: str) -> bool:
        return key in self.keys()

    def __iter__(self):
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __tf_flatten__(self) -> tuple[tuple[str, ...], tuple]:
        return self.keys(), self.to_tuple()

    @classmethod
    def __tf_unflatten__(cls, keys: tuple[str, ...], values: tuple) -> Self:
        return cls(**dict(zip(keys, values, strict=True)))


def _register(cls):
    optree.register_pytree_node(
        cls,
        lambda output: (output.to_tuple(), output.keys(), output.keys()),
        lambda keys, values: cls.__tf_unflatten__(keys, tuple(values)),
        namespace="keras",
    )
    if keras.config.backend() == "jax":
        import jax

        jax.tree_util.register_pytree_node(
            cls,
            lambda output: (output.to_tuple(), output.keys()),
            cls.__tf_unflatten__,
        )
    return cls


@_register
@dataclasses.dataclass(eq=False)
class TFBaseModelOutputWithPooling(ModelOutput):
    """Output of `TFBertModel`.

    Attributes:
        last_hidden_state: float `[B, S, H]`.
        pooler_output: float `[B, H]`, after the pooler's tanh.
        hidden_states: None, or L + 1 tensors `[B, S, H]`, embeddings first.
        attentions: None, or L tensors `[B, N, S, S]`, before dropout.
    """

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@_register
@dataclasses.dataclass(eq=False)
class TFSequenceClassifierOutput(ModelOutput):
    """Output of `TFBertForSequenceClassification`.

    Attributes:
        loss: None, or float32 `[B]`, one per example, when `labels` is given.
        logits: float32 `[B, C]`.
        hidden_states: None, or L + 1 tensors `[B, S, H]`, embeddings first.
        attentions: None, or L tensors `[B, N, S, S]`, before dropout.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
