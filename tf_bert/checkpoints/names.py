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
    """Returns the name in the checkpoints of google-research/bert."""
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
        name: as stored, such as `classifier/my_model/classifier/bias:0`.
        num_prefixes: parts before the model's own path; 2 in that example.
    """
    return "/".join(name.removesuffix(":0").split("/")[num_prefixes:])


def normalize_torch_names(stored: Iterable[str], file: str) -> dict[str, str]:
    """Maps the normal form of each name of a PyTorch checkpoint to its own.

    `gamma` and `beta` are old names of `weight` and `bias`; and the names of
    a bare model do not begin with `bert.`, as those of one with a head do.

    Raises:
        ValueError: if two names mean the same tensor; it names the `file`.

    Example:
        >>> normalize_torch_names(["embeddings.LayerNorm.gamma"], "x.bin")
        {'bert.embeddings.LayerNorm.weight': 'embeddings.LayerNorm.gamma'}
    """
    stored = list(stored)
    has_prefix = any(name.startswith("bert.") for name in stored)
    originals: dict[str, str] = {}
    for name in stored:
        parent, dot, leaf = name.rpartition(".")
        normal = f"{parent}{dot}{_OLD_TORCH_LEAVES.get(leaf, leaf)}"
        is_of_bert = normal.startswith(("embeddings.", "encoder.", "pooler."))
        if is_of_bert and not has_prefix:
            normal = f"bert.{normal}"
        if normal in originals:
            raise ValueError(
                "The checkpoint holds a tensor twice, by its old and its new "
                f"name. Received: {originals[normal]} and {name} in {file}. "
                "Pass another --init_checkpoint."
            )
        originals[normal] = name
    return originals


def is_ignorable(name: str) -> bool:
    """Whether an unexpected tensor is not a weight, so not worth a warning.

    Position ids are a buffer of older PyTorch models; Adam's moments and the
    step belong to the optimizer of a TF1 run.
    """
    return (
        name.endswith(("position_ids", "/adam_m", "/adam_v"))
        or name == "global_step"
    )
