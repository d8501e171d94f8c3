"""One table of names: ours, and those of the formats of checkpoints.

A variable of ours goes by its path: `bert/encoder/layer_3/output/dense/bias`.
Its leaf, and what lies there in the other formats:

    ours         PyTorch (before 2019)   TF1         tf_model.h5
    kernel       weight, transposed      kernel      kernel
    bias         bias                    bias        bias
    embeddings   weight                  (nothing)   embeddings (words: weight)
    gamma        weight (gamma)          gamma       gamma
    beta         bias (beta)             beta        beta
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_LAYER = re.compile(r"\blayer_(\d+)\b")
_TORCH_LEAVES = {
    "kernel": "weight",
    "embeddings": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
}
_OLD_TORCH_LEAVES = {"gamma": "weight", "beta": "bias"}
_TF1_HEAD = {
    "classifier/kernel": "output_weights",
    "classifier/bias": "output_bias",
}


class StoredName(NamedTuple):
    """Name of a variable in a file, and whether it lies there transposed."""

    name: str
    is_transposed: bool


def torch_name(path: str) -> StoredName:
    """Returns the name in PyTorch's and Hugging Face's files.

    Example:
        >>> torch_name("bert/encoder/layer_3/attention/self/query/kernel").name
        'bert.encoder.layer.3.attention.self.query.weight'
    """
    parent, leaf = path.rsplit("/", 1)
    parent = _LAYER.sub(r"layer.\1", parent).replace("/", ".")
    return StoredName(f"{parent}.{_TORCH_LEAVES[leaf]}", leaf == "kernel")


def tf1_name(path: str) -> StoredName:
    """Returns the name in the checkpoints of google-research/bert.

    Example:
        >>> tf1_name("bert/embeddings/word_embeddings/embeddings").name
        'bert/embeddings/word_embeddings'
    """
    if path in _TF1_HEAD:
        return StoredName(_TF1_HEAD[path], path.endswith("kernel"))
    return StoredName(path.removesuffix("/embeddings"), False)


def h5_name(path: str) -> StoredName:
    """Returns the name in transformers 4's `tf_model.h5`, below the model's.

    Example:
        >>> h5_name("bert/encoder/layer_3/attention/self/query/kernel").name
        'bert/encoder/layer_._3/attention/self/query/kernel'
    """
    name = _LAYER.sub(r"layer_._\1", path)
    words = "word_embeddings/"
    return StoredName(
        name.replace(f"{words}embeddings", f"{words}weight"), False
    )


def normalize_h5_name(name: str, num_prefixes: int) -> str:
    """Brings the variants of `tf_model.h5` names into one form.

    Args:
        name: as stored; `:0`, an output of TensorFlow 1's graph, is cut off.
        num_prefixes: 2 in a whole file, for the layer's and the model's
            names; 1 in an index; 0 in a shard.

    Example:
        >>> normalize_h5_name("classifier/my_model/classifier/bias:0", 2)
        'classifier/bias'
    """
    return "/".join(name.removesuffix(":0").split("/")[num_prefixes:])


def normalize_torch_name(name: str, has_prefix: bool) -> str:
    """Brings the variants of PyTorch names into one form.

    Args:
        name: as stored; `gamma` and `beta` are old names of `weight`, `bias`.
        has_prefix: whether the file's names begin with `bert.`, as those of
            a model with a head do; those of a bare model do not.
    """
    parent, dot, leaf = name.rpartition(".")
    name = f"{parent}{dot}{_OLD_TORCH_LEAVES.get(leaf, leaf)}"
    if not has_prefix and name.startswith(
        ("embeddings.", "encoder.", "pooler.")
    ):
        return f"bert.{name}"
    return name


def normalize_torch_names(stored: Iterable[str], file: str) -> dict[str, str]:
    """Brings all the names of a PyTorch checkpoint into one form.

    Args:
        stored: the names as stored.
        file: where they come from, for messages.

    Returns:
        From the normal form of each name to the name as stored.

    Raises:
        ValueError: if two names mean the same tensor.

    Example:
        >>> normalize_torch_names(["embeddings.LayerNorm.gamma"], "x.bin")
        {'bert.embeddings.LayerNorm.weight': 'embeddings.LayerNorm.gamma'}
    """
    stored = list(stored)
    has_prefix = has_torch_prefix(stored)
    originals: dict[str, str] = {}
    for name in stored:
        normal = normalize_torch_name(name, has_prefix)
        if normal in originals:
            raise ValueError(
                "A checkpoint must hold every tensor once. Received: "
                f"{originals[normal]} and {name}, old and new name of the "
                f"same, in {file}. Pass another --init_checkpoint."
            )
        originals[normal] = name
    return originals


def has_torch_prefix(names: Iterable[str]) -> bool:
    """Whether the names of a file begin with `bert.`."""
    return any(name.startswith("bert.") for name in names)


def is_ignorable(name: str) -> bool:
    """Whether an unexpected tensor is no weight, so not worth a warning.

    Position ids are a buffer of older PyTorch models; Adam's moments and the
    step belong to the optimizer of a TF1 run.
    """
    return (
        name.endswith(("position_ids", "/adam_m", "/adam_v"))
        or name == "global_step"
    )
