"""`from_pretrained` and `save_pretrained`, for every model of the package."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, Self

import keras
import numpy as np
import transformers
from absl import logging

from tf_bert.checkpoints import load, save
from tf_bert.checkpoints.fetch import resolve
from tf_bert.models import activations, initialization, outputs
from tf_bert.models.bert import BertLayer
from tf_bert.models.transformers_methods import TransformersMethods

Tensor = Any


class PretrainedModel(TransformersMethods, keras.Model):
    """A BERT with weights that come from, and go to, a Hugging Face folder.

    Args:
        config: a decoder, relative positions and the like are a `ValueError`.
        seed: int >= 0 for new weights; None draws one from NumPy's global
            generator, which `keras.utils.set_random_seed` sets.
        dtype: Keras dtype policy, such as `"mixed_bfloat16"`; None is Keras's
            global one.
        is_drawn: False leaves all weights zero, to be loaded.
    """

    def __init__(
        self,
        config: transformers.BertConfig,
        *,
        seed: int | None = None,
        dtype: Any = None,
        name: str | None = None,
        is_drawn: bool = True,
    ):
        super().__init__(name=name, dtype=dtype, autocast=False)
        check_config(config)
        self.config = config
        self.bert = BertLayer(config, dtype=self.dtype_policy)
        # Built here, outside of any scope: so paths begin with "bert/" in
        # every instance, and never hold the counting name of a model.
        self.bert.build()
        self._build_head()
        self.built = True
        if seed is None:
            seed = int(np.random.randint(2**31 - 1))
        self._dropout_seeds = keras.random.SeedGenerator(seed)
        self._seed = seed
        if is_drawn:
            self._draw(self.weights_by_path().values())

    def _draw(self, variables: Iterable[keras.Variable]) -> None:
        initialization.initialize(
            variables,
            initializer_range=self.config.initializer_range,
            seed=self._seed,
        )

    def __call__(self, *args, **kwargs):
        # Keras knows dicts, not the mapping that a tokenizer returns.
        if args and isinstance(args[0], Mapping):
            args = (dict(args[0]), *args[1:])
        return super().__call__(*args, **kwargs)

    def _build_head(self) -> None:
        """Creates the layers above BERT, if any."""

    def weights_by_path(self) -> dict[str, keras.Variable]:
        """The variables of the model, by path, in the order of the layers."""
        return {
            variable.path: variable
            for variable in self.weights
            if variable.path.startswith(("bert/", "classifier/"))
        }

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        *,
        config: transformers.BertConfig | None = None,
        seed: int | None = None,
        dtype: Any = None,
        cache_dir: str | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        output_loading_info: bool = False,
        from_pt: bool = False,
        ignore_mismatched_sizes: bool = True,
        **config_changes: Any,
    ) -> Self | tuple[Self, dict[str, list[str]]]:
        """Loads a model from a folder, a hub id or a named model.

        What was missing, unexpected or newly drawn is logged. A tensor whose
        shape differs from the configuration's is an error, except the
        classifier of another number of labels: that is newly drawn (where
        transformers 4 wanted `ignore_mismatched_sizes=True`).

        Args:
            pretrained_model_name_or_path: a folder (Hugging Face's, or
                Google's TF1 release), `org/name` on the hub, or a name such
                as `minilm-l6`.
            config: None is the configuration of the checkpoint.
            seed: as in the constructor, like `dtype`.
            cache_dir: where downloads are kept; None is the user's cache.
            revision: branch, tag or commit of a repository of the hub; None
                is its main branch. Folders and named models have none.
            token: for the hub; None is that of `HF_TOKEN` or of the last
                `hf auth login`, False is none.
            local_files_only: asks no hub, and takes what was fetched before.
            output_loading_info: returns a tuple `(model, info)`, `info` with
                the keys `missing_keys`, `unexpected_keys` and
                `mismatched_keys`, as transformers 4 does.
            from_pt: without effect, there for transformers 4's signature,
                like `ignore_mismatched_sizes`.
            **config_changes: fields of the configuration, such as
                `num_labels=3` or `hidden_dropout_prob=0.0`.

        Raises:
            ValueError, FileNotFoundError: if there is no such checkpoint, or
                it does not fit its configuration.
        """
        folder = resolve.resolve(
            os.fspath(pretrained_model_name_or_path),
            cache_dir=cache_dir,
            revision=revision,
            token=token,
            local_files_only=local_files_only,
        )
        if config is None:
            config = load.read_config(folder)
        # Before a model of these sizes is made, and before changes: fewer
        # layers than the checkpoint has may be asked for, not claimed.
        load.check_config(config, folder)
        for name, value in config_changes.items():
            if not hasattr(config, name):
                raise ValueError(
                    f"`{name}` is not a field of a BERT configuration. "
                    f"Received: {name}={value!r}. Leave it out."
                )
            setattr(config, name, value)
        model = cls(config, seed=seed, dtype=dtype, is_drawn=False)
        weights = model.weights_by_path()
        report = load.load_weights(weights, folder)
        model._draw(weights[path] for path in report.new)
        report.log(folder)
        if output_loading_info:
            return model, report.as_dict()
        return model

    def save_pretrained(self, save_directory: str) -> None:
        """Writes `config.json` and `model.safetensors` as PyTorch names them.

        A Hugging Face tool opens the folder once the tokenizer's files lie
        there too, see
        `tf_bert.data.tokens.tokenizer_files.write_tokenizer_files`.
        """
        save.save_model(
            save_directory,
            weights=self.weights_by_path(),
            config=self.config,
            architecture=type(self).__name__.removeprefix("TF"),
        )
        logging.info("Saved the model to %s", save_directory)

    def _demanded(
        self, attentions: bool | None, hidden_states: bool | None
    ) -> tuple[bool, bool]:
        """Whether a call returns these: as the configuration says for None."""
        config = self.config
        return (
            config.output_attentions if attentions is None else attentions,
            config.output_hidden_states
            if hidden_states is None
            else hidden_states,
        )

    def _run_bert(
        self, inputs: dict[str, Tensor], training: bool, all_tokens: bool
    ) -> tuple[outputs.TFBaseModelOutputWithPooling, Tensor | None]:
        """Runs all layers below the head.

        Args:
            inputs: see `packed_inputs`, or `BertLayer.call` of what replaces
                them; `dropout_seed` int32 `[2]` may be among them, else a
                generator of the model gives one.
            training: whether there is dropout.
            all_tokens: False computes `pooler_output` alone, for less.

        Returns:
            The output's fields, and the seed of the dropout above.
        """
        ops = keras.ops
        seed = None
        if training:
            seed = inputs.get("dropout_seed")
            seed = self._dropout_seeds.next() if seed is None else seed
            seed = ops.cast(seed, "int32")
        packed = self._packed(inputs, all_tokens)
        pooled, hidden_states, attentions = self.bert(
            packed, dropout_seed=seed, all_tokens=all_tokens
        )
        output = outputs.TFBaseModelOutputWithPooling(pooler_output=pooled)
        if all_tokens:
            rows, width = ops.shape(packed["example_ids"])
            shape = [rows, width, self.config.hidden_size]
            output.hidden_states = tuple(
                ops.reshape(hidden, shape) for hidden in hidden_states
            )
            output.last_hidden_state = output.hidden_states[-1]
            output.attentions = tuple(attentions)
        return output, seed

    def _packed(self, inputs: dict[str, Tensor], all_tokens: bool) -> dict:
        """Brings inputs into the form that BERT takes."""
        if "frozen_features" not in inputs:
            return packed_inputs(inputs)
        if all_tokens or not self.bert.num_frozen_stages:
            raise ValueError(
                "`frozen_features` are for a model with frozen layers, whose "
                "hidden states and attentions are not asked for. "
                f"Received: {self.bert.num_frozen_stages} frozen stages. Pass "
                "the tokens instead."
            )
        return inputs


# Names of the tensors that a call takes: transformers 4's in its order, with
# `labels` moved behind the packed inputs' own, and one of ours at the end.
INPUT_NAMES = (
    "input_ids",
    "attention_mask",
    "token_type_ids",
    "position_ids",
    "head_mask",
    "inputs_embeds",
    "example_ids",
    "cls_positions",
    "dropout_seed",
    "labels",
    "frozen_features",
)


def merge_inputs(first: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Merges the ways to call a model into one dictionary.

    Args:
        first: `input_ids`; or a dictionary of inputs (any mapping, such as
            what a tokenizer returns); or a list or tuple of them, in order.
        arguments: what was given beside it, None where nothing was.
    """
    if isinstance(first, list | tuple):
        given = dict(zip(INPUT_NAMES[: len(first)], first, strict=True))
    elif hasattr(first, "keys"):
        given = {name: first[name] for name in first.keys()}
    else:
        given = {"input_ids": first}
    merged = {**arguments, **given}
    merged = {name: x for name, x in merged.items() if x is not None}
    unknown = sorted(set(merged) - set(INPUT_NAMES))
    if unknown or "head_mask" in merged:
        raise ValueError(
            "The model does not know an input. Received: "
            f"{', '.join(unknown or ['head_mask'])}. Remove it: the inputs are "
            f"{', '.join(name for name in INPUT_NAMES if name != 'head_mask')}."
        )
    return merged


def packed_inputs(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Brings both kinds of inputs into the packed form.

    Args:
        inputs: either packed, see `tf_bert.data.batches.batch_plan`:
            `input_ids`, `token_type_ids`, `position_ids`, `example_ids` int32
            `[R, W]`, `cls_positions` int32 `[B]`. Or Hugging Face's:
            `input_ids` int `[B, S]` or `inputs_embeds` float `[B, S, H]`, and
            optionally `attention_mask`, `token_type_ids`, `position_ids` int
            `[B, S]`. Padding may stand on either side: the first real token
            has position 0, and is the one that is pooled.

    Returns:
        `words` (ids, or embeddings), `token_type_ids`, `position_ids`,
        `example_ids` `[R, W]`, `cls_positions` `[B]`.
    """
    ops = keras.ops
    embeds = inputs.get("inputs_embeds")
    if (embeds is None) == (inputs.get("input_ids") is None):
        raise ValueError(
            "Give `input_ids` or `inputs_embeds`, one of the two. Received: "
            f"{', '.join(sorted(inputs))}."
        )
    words = ops.cast(inputs["input_ids"], "int32") if embeds is None else embeds
    batch, length = ops.shape(words)[:2]
    ids = words if embeds is None else words[:, :, 0]  # [B, S]
    zeros = ops.cast(ops.zeros_like(ids), "int32")
    types = inputs.get("token_type_ids")
    examples = inputs.get("example_ids")
    if examples is None:
        examples = inputs.get("attention_mask")
        examples = zeros + 1 if examples is None else examples
    examples = ops.cast(examples, "int32")
    positions, starts = inputs.get("position_ids"), inputs.get("cls_positions")
    if positions is None or starts is None:
        is_real = ops.cast(ops.not_equal(examples, 0), "int32")
        # One column more: a batch without texts has none.
        is_real = ops.pad(is_real, [[0, 0], [0, 1]])
        first = ops.cast(ops.argmax(is_real, axis=1), "int32")  # [B]
    if positions is None:
        counted = ops.arange(length, dtype="int32") - first[:, None]  # [B, S]
        positions = ops.maximum(counted, 0)
    if starts is None:
        starts = ops.arange(batch, dtype="int32") * length + first
    return {
        "words": words,
        "token_type_ids": zeros if types is None else types,
        # May be given for all examples at once, [1, S].
        "position_ids": zeros + ops.cast(positions, "int32"),
        "example_ids": examples,
        "cls_positions": starts,
    }


# Fields of a configuration, and what a plain encoder has there.
_PLAIN = {
    "model_type": "bert",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}


def check_config(config: transformers.BertConfig) -> None:
    """Raises `ValueError` for what this BERT is not."""
    activations.get(config.hidden_act)
    refused = {
        field: getattr(config, field)
        for field, plain in _PLAIN.items()
        if getattr(config, field, plain) != plain
    }
    if config.problem_type == "multi_label_classification":
        refused["problem_type"] = config.problem_type
    for field, value in refused.items():
        raise ValueError(
            "Not supported: the model is a plain BERT encoder, with absolute "
            f"positions and one label per example. Received: {field}={value!r}."
            " Start from another checkpoint."
        )
    if config.hidden_size % config.num_attention_heads:
        raise ValueError(
            "`hidden_size` must be a multiple of `num_attention_heads`. "
            f"Received: hidden_size={config.hidden_size}, "
            f"num_attention_heads={config.num_attention_heads}. Correct the "
            "checkpoint's configuration."
        )
