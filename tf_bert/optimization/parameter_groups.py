"""Variables by their paths: their part, their decay, how fast they learn."""

import re
from collections.abc import Iterable, Sequence

# What every BERT recipe leaves out: biases, and LayerNorm's gains and shifts.
NO_DECAY = ("LayerNorm", "layer_norm", "bias")

_BLOCK = re.compile(r"(?:^|/)encoder/layer_(\d+)/")
_EMBEDDINGS = re.compile(r"^(?:[^/]+/)?embeddings/")


def block_of(path: str) -> str:
    """Returns the part of a model that a variable belongs to.

    Example:
        >>> block_of("bert/encoder/layer_3/attention/self/query/kernel")
        'layer_3'
        >>> block_of("bert/pooler/dense/kernel"), block_of("classifier/bias")
        ('pooler', 'classifier')
    """
    names = path.removeprefix("bert/").split("/")
    return names[1] if names[0] == "encoder" else names[0]


def layerwise_multipliers(
    paths: Iterable[str], decay: float
) -> dict[str, float]:
    """Returns the factor of each variable's learning rate, falling downwards.

    With n blocks, counted from 0 at the bottom, the rate of block i is
    multiplied by decay^(n - i): the top block has `decay` itself, the lowest
    decay^n. The embeddings (words, positions, token types, their LayerNorm)
    have decay^(n + 1), and all else, the pooler and the head, 1.

    This is the rule of the paper's code. ELECTRA's starts at the same 1 for
    the head but leaves out the exponent 1: its top block has decay^2. The
    paper's code also takes weight decay from pooler and head in this mode;
    here they keep it, so that one flag changes one thing.

    Args:
        paths: of the variables that are trained, the top block's among them:
            n is taken from the highest block. Frozen ones are left out.
        decay: in (0, 1]. 1 gives every variable the full rate; another value
            without a block whose rate it could lower is a `ValueError`.

    Example:
        >>> paths = ["embeddings/LayerNorm/beta", "encoder/layer_0/bias",
        ...          "encoder/layer_1/bias", "classifier/bias"]
        >>> list(layerwise_multipliers(paths, 0.5).values())
        [0.125, 0.25, 0.5, 1.0]

    References:
        Howard and Ruder, 2018, Section 3.2. https://arxiv.org/abs/1801.06146
        Zhang et al., 2021, Section 7, Table 2 and Appendix H.
            https://arxiv.org/abs/2006.05987
    """
    paths = list(paths)
    if not 0 < decay <= 1:
        raise ValueError(
            "`layerwise_lr_decay` must be above 0 and at most 1. Received: "
            f"layerwise_lr_decay={decay}. Correct --layerwise_lr_decay."
        )
    blocks = {p: int(m[1]) for p in paths if (m := _BLOCK.search(p))}
    if decay != 1 and not blocks:
        raise ValueError(
            "`layerwise_lr_decay` has no block to act on: none is trained. "
            f"Received: layerwise_lr_decay={decay}. Leave out "
            "--layerwise_lr_decay, or train blocks with another --freeze."
        )
    num_blocks = 1 + max(blocks.values(), default=-1)
    exponents = {p: num_blocks - block for p, block in blocks.items()}
    for path in paths:
        if _EMBEDDINGS.search(path):
            exponents[path] = num_blocks + 1
    return {path: float(decay) ** exponents.get(path, 0) for path in paths}


def decayed_paths(
    paths: Iterable[str],
    *,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    decay: str = "weight_decay",
) -> frozenset[str]:
    """Returns the paths that weight decay applies to.

    Patterns are searched for in the whole path. (Keras's own
    `exclude_from_weight_decay` looks at the last part alone, so "LayerNorm"
    never matches there, and LayerNorms are decayed.)

    Args:
        paths: of the variables, such as `bert/pooler/dense/kernel`.
        include: regular expressions; a path that one of them matches is
            decayed whatever `exclude` says, as in transformers 4.
        exclude: regular expressions; a path that one matches is not decayed.
        decay: what the lists are called after in messages: `include_in_` and
            `exclude_from_` it.

    Raises:
        ValueError: if no pattern of a list matches a path. One that matches
            nothing beside others that do is fine: the usual list holds two
            spellings of LayerNorm.

    Example:
        >>> sorted(decayed_paths(["a/kernel", "a/bias"], exclude=["bias"]))
        ['a/kernel']
    """
    paths = list(paths)
    included = _matches(paths, include, f"include_in_{decay}")
    excluded = _matches(paths, exclude, f"exclude_from_{decay}")
    return frozenset(p for p in paths if p in included or p not in excluded)


def _matches(
    paths: list[str], patterns: Sequence[str] | None, argument: str
) -> set[str]:
    found = {p for p in paths if any(re.search(r, p) for r in patterns or ())}
    if patterns and not found:
        raise ValueError(
            f"No pattern of `{argument}` matches the path of a variable. "
            f"Received: {argument}={list(patterns)}. Paths look like "
            f"{paths[0]!r}; correct the pattern or leave it out."
        )
    return found
