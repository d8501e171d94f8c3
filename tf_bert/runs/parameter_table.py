"""The table of a model's parameters that a run shows before its first step.

What each part starts from, at which rate it is trained and how it is decayed:
what all the flags about this come to, read off the model and the optimizer.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

from tf_bert.optimization import parameter_groups
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.system import text_tables

_HEADER = (
    *("part", "parameters", "weights"),
    *("peak rate", "decay to 0", "to start"),
)
_WORDS = (0, 2)  # The columns without numbers.
_FOOTER = (
    "Decay is multiplied by the rate; biases and LayerNorms have none.\n"
    'Decay "to start" is towards the weights before step 0.'
)


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One variable of a model; a new one was drawn, not loaded.

    Attributes:
        rate: what the schedule's rate is multiplied by, >= 0.
        decay: strength of the decay towards 0, >= 0; 0 is none.
        pretrained_decay: the same towards the values of the start.
    """

    path: str
    size: int
    is_new: bool = False
    is_trained: bool = True
    rate: float = 1.0
    decay: float = 0.0
    pretrained_decay: float = 0.0


def describe(
    model: Any, optimizer: AdamWeightDecay, new: frozenset[str]
) -> list[Parameter]:
    """Returns what is known of each variable, in the order of the layers.

    Sizes are the model's own: in the optimizer the rows of the words in use
    stand for the table of word embeddings, under the same path.
    """
    decayed = frozenset(optimizer.decayed_paths)
    pretrained = frozenset(optimizer.pretrained_decayed_paths)
    return [
        Parameter(
            path=path,
            size=_size(variable),
            is_new=path in new,
            is_trained=variable.trainable,
            rate=optimizer.learning_rate_multipliers.get(path, 1.0),
            decay=(path in decayed) * optimizer.weight_decay_rate,
            pretrained_decay=(path in pretrained)
            * optimizer.pretrained_weight_decay,
        )
        for path, variable in model.weights_by_path().items()
    ]


def count(model: Any) -> dict[str, int]:
    """Returns the number of values in a model, all and those trained."""
    variables = model.weights_by_path().values()
    return {
        "num_parameters": sum(map(_size, variables)),
        "num_trainable_parameters": sum(
            _size(variable) for variable in variables if variable.trainable
        ),
    }


def _size(variable: Any) -> int:
    return math.prod(variable.shape)


def render(parameters: Sequence[Parameter], *, learning_rate: float) -> str:
    """Returns the table as text, at most 80 columns wide.

    One line for each part; blocks that follow each other and differ in nothing
    share one, with the sum of their parameters. `learning_rate` is the
    schedule's highest.
    """
    parts: dict[str, list[Parameter]] = {}
    for parameter in parameters:
        part = parameter_groups.block_of(parameter.path)
        parts.setdefault(part, []).append(parameter)
    cells = {n: _cells(group, learning_rate) for n, group in parts.items()}

    def line(name: str) -> tuple[Any, ...]:
        # Blocks may share a line, and nothing else with them or each other.
        return name.startswith("layer_") or name, cells[name]

    rows = [_HEADER]
    for _, group in itertools.groupby(parts, key=line):
        names = list(group)
        size = sum(p.size for name in names for p in parts[name])
        title = f"{names[0]} to {names[-1]}" if names[1:] else names[0]
        rows.append((title, f"{size:,}", *cells[names[0]]))
    lines = text_tables.align(rows, left=_WORDS)
    return "\n".join([*lines, _totals(parameters), _FOOTER])


def _cells(group: Sequence[Parameter], learning_rate: float) -> tuple[str, ...]:
    new = {p.is_new for p in group}
    weights = "new" if new == {True} else "pretrained"
    weights = "partly new" if len(new) > 1 else weights
    trained = [p for p in group if p.is_trained]
    if not trained:
        return weights, "frozen", "none", "none"
    rate = _span(learning_rate * p.rate for p in trained)
    return (
        weights,
        rate if len(trained) == len(group) else f"{rate} (partly)",
        _span(p.decay for p in trained if p.decay),
        _span(p.pretrained_decay for p in trained if p.pretrained_decay),
    )


def _span(values: Iterable[float]) -> str:
    """Returns the value that all have, or from which to which they are."""
    texts = [f"{value:.3g}" for value in sorted(set(values))]
    if not texts:
        return "none"
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]}-{texts[-1]}"


def _totals(parameters: Sequence[Parameter]) -> str:
    total = sum(p.size for p in parameters)
    trained = [p for p in parameters if p.is_trained]
    size = sum(p.size for p in trained)
    decayed = sum(p.size for p in trained if p.decay or p.pretrained_decay)
    return (
        f"total {total:,}, trainable {size:,}, frozen {total - size:,}, "
        f"decayed {decayed:,}"
    )
