"""What models of transformers 4 had beside loading, calling and training."""

import inspect
import math
import os
from collections.abc import Callable
from typing import Any, Self

import keras
import numpy as np
import transformers

from tf_bert.models import initialization
from tf_bert.models.bert import BertLayer, Embeddings

Tensor = Any

_WORDS = "bert/embeddings/word_embeddings/embeddings"
_WEIGHTS = ".weights.h5"


class TransformersMethods:
    """Methods for a `PretrainedModel`, under the names of transformers 4.

    No run of this package needs them; code that was written for transformers
    4 does. What else there was: docs/transformers4.md.
    """

    base_model_prefix = "bert"

    @classmethod
    def from_config(cls, config: Any, **options: Any) -> Self:
        """Makes a model with new weights of a `transformers.BertConfig`."""
        if isinstance(config, transformers.PretrainedConfig):
            return cls(config, **options)
        return super().from_config(config, **options)

    @property
    def base_model(self) -> BertLayer:
        """The layers below the head: to freeze, and for their weights."""
        return self.bert

    @property
    def dummy_inputs(self) -> dict[str, Tensor]:
        """A batch of one text of two tokens, int32 `[1, 2]` each."""
        ones = keras.ops.ones((1, 2), "int32")
        return {
            "input_ids": ones,
            "attention_mask": ones,
            "token_type_ids": keras.ops.zeros_like(ones),
        }

    def num_parameters(self, only_trainable: bool = False) -> int:
        """The number of weights, or of those that training moves."""
        variables = (
            self.trainable_variables
            if only_trainable
            else self.weights_by_path().values()
        )
        return sum(math.prod(variable.shape) for variable in variables)

    def get_input_embeddings(self) -> Embeddings:
        """The layer of the embeddings; its `weight` is the words' table."""
        return self.bert.embeddings

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None
    ) -> Embeddings:
        """Adds words behind the last, newly drawn, or removes the last.

        For a tokenizer that was given words of its own. Compile afterwards:
        an optimizer that was there before moves the table that was.

        Args:
            new_num_tokens: >= 1. None changes nothing.

        Returns:
            What `get_input_embeddings` does.
        """
        if new_num_tokens is not None and new_num_tokens < 1:
            raise ValueError(
                "A model needs a word. Received: new_num_tokens="
                f"{new_num_tokens}. Pass len(tokenizer)."
            )
        old = keras.ops.convert_to_numpy(self.bert.embeddings.weight)
        if new_num_tokens in (None, len(old)):
            return self.bert.embeddings
        drawn = initialization.new_value(
            _WORDS,
            (new_num_tokens, old.shape[1]),
            initializer_range=self.config.initializer_range,
            seed=self._seed,
        )
        drawn[: len(old)] = old[:new_num_tokens]
        _replace_table(self.bert.embeddings.word_embeddings, drawn)
        self.config.vocab_size = new_num_tokens
        # What `fit` and `predict` have traced holds the old table.
        self.train_function = self.test_function = self.predict_function = None
        return self.bert.embeddings

    def prepare_tf_dataset(
        self,
        dataset: Any,
        batch_size: int = 8,
        shuffle: bool = True,
        tokenizer: Any = None,
        collate_fn: Callable | None = None,
        *,
        collate_fn_args: dict[str, Any] | None = None,
        drop_remainder: bool | None = None,
        prefetch: bool = True,
    ) -> Any:
        """Makes batches for `fit` of a `Dataset` of the library `datasets`.

        Columns that the model does not take are left out.

        Args:
            dataset: with columns such as `input_ids` and `labels` or `label`.
            tokenizer: pads the texts of a batch to the longest.
            collate_fn: makes a batch of NumPy arrays of a list of rows,
                instead of the tokenizer; it gets `collate_fn_args` too.
            drop_remainder: whether a last batch that is smaller is left out;
                None is as `shuffle`.

        Returns:
            A `tf.data.Dataset` of pairs `(inputs, labels)`.
        """
        if not hasattr(dataset, "to_tf_dataset"):
            raise TypeError(
                "`dataset` must be a Dataset of the library `datasets`. "
                f"Received: dataset=a {type(dataset).__name__}. Pass arrays "
                "and datasets of TensorFlow to `fit` as they are."
            )
        if collate_fn is None and tokenizer is None:
            collate_fn = transformers.DefaultDataCollator(return_tensors="np")
        elif collate_fn is None:
            collate_fn = transformers.DataCollatorWithPadding(
                tokenizer, return_tensors="np"
            )
        names = {*inspect.signature(self.call).parameters}
        names |= {"label", "label_ids"}
        dataset = dataset.select_columns(
            [name for name in dataset.column_names if name in names]
        )
        batch = collate_fn([dataset[0]], **(collate_fn_args or {}))
        inputs = [name for name in batch if name in names - {"labels"}]
        labels = [name for name in batch if name == "labels"]
        return dataset.to_tf_dataset(
            columns=inputs[0] if len(inputs) == 1 else inputs,
            label_cols=labels[0] if labels else labels,
            batch_size=batch_size,
            shuffle=shuffle,
            drop_remainder=shuffle
            if drop_remainder is None
            else drop_remainder,
            collate_fn=collate_fn,
            collate_fn_args=collate_fn_args,
            prefetch=prefetch,
        )

    def save_weights(self, filepath: Any, *args: Any, **options: Any) -> None:
        """Writes the weights as Keras does, into `<filepath>.weights.h5`.

        Args:
            filepath: with that ending, or without it, as in Keras 2, whose
                files were others. `.h5` alone is replaced.
        """
        super().save_weights(_weights_path(filepath), *args, **options)

    def load_weights(self, filepath: Any, *args: Any, **options: Any) -> None:
        """Reads what `save_weights` was given the same `filepath` for."""
        path = _weights_path(filepath)
        if not os.path.exists(path):
            path = filepath
        super().load_weights(path, *args, **options)


def _weights_path(filepath: Any) -> str:
    path = os.fspath(filepath)
    if path.endswith((_WEIGHTS, ".weights.json")):
        return path
    return path.removesuffix(".h5") + _WEIGHTS


def _replace_table(layer: keras.layers.Embedding, values: np.ndarray) -> None:
    """Gives a layer that is built another number of rows.

    Keras locks a layer once it is built, and has no public way to open it;
    this is how its own `enable_lora` does.
    """
    del layer._embeddings
    layer._tracker.unlock()
    layer.input_dim, layer.built = len(values), False
    layer.build()
    layer.embeddings.assign(values)
