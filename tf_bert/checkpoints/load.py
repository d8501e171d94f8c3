"""Loading a checkpoint folder into the variables of a model."""

import dataclasses
import json
import os
from typing import Any

import numpy as np
import transformers
from absl import logging

from tf_bert.checkpoints import configuration, formats, names, shards
from tf_bert.checkpoints.weights import Weights

# What a checkpoint may lack: heads differ from task to task, and models that
# were trained on masked words alone have no pooler.
_MAY_BE_FRESH = ("classifier/", "bert/pooler/")

_EMBEDDINGS = "bert/embeddings/{}_embeddings/embeddings"
_QUERY = "bert/encoder/layer_{}/attention/self/query/kernel"
# Field of a configuration -> the variable that has this size, and its axis.
_PLACES = {
    "vocab_size": (_EMBEDDINGS.format("word"), 0),
    "hidden_size": (_EMBEDDINGS.format("word"), 1),
    "max_position_embeddings": (_EMBEDDINGS.format("position"), 0),
    "type_vocab_size": (_EMBEDDINGS.format("token_type"), 0),
    "intermediate_size": (
        "bert/encoder/layer_0/intermediate/dense/kernel",
        1,
    ),
}


@dataclasses.dataclass(frozen=True)
class LoadingReport:
    """What was found and what was not.

    Attributes:
        missing: paths that the checkpoint lacks; they keep their new values.
        mismatched: paths of a classifier of another number of labels; they
            keep their new values too.
        unexpected: names in the checkpoint that the model has no place for.
    """

    missing: tuple[str, ...]
    mismatched: tuple[str, ...]
    unexpected: tuple[str, ...]

    def as_dict(self) -> dict[str, list[str]]:
        """As transformers' `output_loading_info` names these."""
        return {
            "missing_keys": list(self.missing),
            "mismatched_keys": list(self.mismatched),
            "unexpected_keys": list(self.unexpected),
        }

    @property
    def new(self) -> tuple[str, ...]:
        """Paths whose values were not loaded but drawn."""
        return self.missing + self.mismatched

    def log(self, folder: str) -> None:
        """Logs the report in at most three lines."""
        logging.info(
            "Loaded %s. Newly drawn: %s.",
            folder,
            ", ".join(self.new) or "nothing",
        )
        if self.mismatched:
            logging.info(
                "The classifier of the checkpoint has another number of labels "
                "and was replaced."
            )
        if self.unexpected:
            logging.info(
                "Not used, of the checkpoint: %s.", ", ".join(self.unexpected)
            )


def read_config(folder: str) -> transformers.BertConfig:
    """Reads `config.json`, or `bert_config.json` of Google's releases.

    Raises `FileNotFoundError` if there is neither, and what `make_config`
    does.
    """
    for name in ("config.json", "bert_config.json"):
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            shards.check_is_file(path)
            break
    else:
        raise FileNotFoundError(
            "There is no configuration: neither `config.json` nor Google's "
            f"`bert_config.json`. Received: {folder}. Pass another "
            "--init_checkpoint."
        )
    try:
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
        if not isinstance(fields, dict):
            raise ValueError("it holds something else")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"The configuration is not a JSON object. Received: {path} "
            f"({error}). {shards.ADVICE}"
        ) from error
    return configuration.make_config(fields, path)


def check_config(config: transformers.BertConfig, folder: str) -> None:
    """Checks that a configuration describes the weights in a folder.

    For before a model is made: shapes are read, no weights, and a size that
    the weights do not have takes no memory.
    """
    weights = formats.open_weights(folder)
    paths = [path for path, _ in _PLACES.values()]
    _check_complete([p for p in paths if weights.shape(p) is None], weights)
    for field, (path, axis) in _PLACES.items():
        size = getattr(config, field)
        if weights.shape(path)[axis : axis + 1] != (size,):
            name = weights.stored_name(path).name
            found = f"{name} of shape {weights.shapes[name]}"
            raise _contradiction(config, field, found, weights)
    num_layers = 0
    while weights.shape(_QUERY.format(num_layers)):
        num_layers += 1
    if config.num_hidden_layers != num_layers:
        found = f"the weights of {num_layers} layers"
        raise _contradiction(config, "num_hidden_layers", found, weights)


def _contradiction(
    config: transformers.BertConfig, field: str, found: str, weights: Weights
) -> ValueError:
    return ValueError(
        f"The configuration belongs to other weights: `{field}` differs. "
        f"Received: {field}={getattr(config, field)} in the configuration, "
        f"and {found} in {weights.file}. Pass another --init_checkpoint."
    )


def load_weights(variables: dict[str, Any], folder: str) -> LoadingReport:
    """Assigns the tensors of the checkpoint in a folder to variables, by path.

    Raises:
        ValueError: if a tensor has another shape than its variable (the
            classifier excepted), holds a value that is not finite, or
            anything below the head and the pooler is missing. Nothing is
            assigned when shapes or names are wrong.
    """
    weights = formats.open_weights(folder)
    missing, mismatched, assign = [], [], {}
    for path, variable in variables.items():
        stored = weights.stored_name(path)
        found = weights.shapes.get(stored.name)
        if found is None:
            missing.append(path)
        elif weights.shape(path) == tuple(variable.shape):
            assign[path] = stored
        elif path.startswith("classifier/"):
            mismatched.append(path)
        else:
            raise ValueError(
                "The configuration belongs to other weights: a tensor has "
                f"another shape. Received: {stored.name} of shape {found} in "
                f"{weights.file}, variable {path} of shape "
                f"{tuple(variable.shape)}"
                f"{' (transposed)' if stored.is_transposed else ''}. Pass "
                "another --init_checkpoint."
            )
    _check_complete(missing, weights)
    for path, stored in assign.items():
        variables[path].assign(_read(weights, stored))
    used = {weights.stored_name(path).name for path in variables}
    unexpected = sorted(
        name
        for name in weights.shapes
        if name not in used and not names.is_ignorable(name)
    )
    return LoadingReport(tuple(missing), tuple(mismatched), tuple(unexpected))


def _check_complete(missing: list[str], weights: Weights) -> None:
    needed = [p for p in missing if not p.startswith(_MAY_BE_FRESH)]
    if needed:
        raise ValueError(
            "The checkpoint lacks weights of the embeddings or the encoder: "
            "it is not a BERT of this configuration. Received: "
            f"{weights.file} without {weights.stored_name(needed[0]).name}"
            + (f" and {len(needed) - 1} more" if needed[1:] else "")
            + ". Pass another --init_checkpoint."
        )


def _read(weights: Weights, stored: names.StoredName) -> np.ndarray:
    array = weights.read(stored.name).astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(
            "A weight of the checkpoint is not finite: its training diverged, "
            "or the file is damaged. Received: NaN or infinity in "
            f"{stored.name} of {weights.file}. Pass another --init_checkpoint."
        )
    return array.T if stored.is_transposed else array
