"""Which variables are decayed, decided on their paths."""

import re
from collections.abc import Iterable, Sequence

# What every BERT recipe leaves out: biases, and LayerNorm's gains and shifts.
NO_DECAY = ("LayerNorm", "layer_norm", "bias")


def decayed_paths(
    paths: Iterable[str],
    *,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
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

    Raises:
        ValueError: if patterns are given and none of a list matches a path.
            One that matches nothing beside others that do is fine: the usual
            list holds two spellings of LayerNorm.

    Example:
        >>> sorted(decayed_paths(["a/kernel", "a/bias"], exclude=["bias"]))
        ['a/kernel']
    """
    paths = list(paths)
    included = _matches(paths, include, "include_in_weight_decay")
    excluded = _matches(paths, exclude, "exclude_from_weight_decay")
    return frozenset(p for p in paths if p in included or p not in excluded)


def _matches(
    paths: list[str], patterns: Sequence[str] | None, argument: str
) -> set[str]:
    found = {p for p in paths if any(re.search(r, p) for r in patterns or ())}
    if patterns and not found:
        raise ValueError(
            f"`{argument}` must match the path of a variable. Received: "
            f"{argument}={list(patterns)}, none of which does. Paths look "
            f"like {paths[0]!r}; correct the pattern or leave it out."
        )
    return found
