"""One table of the stabilisers: what each moves, and that it can be trusted.

The closed form of each rule is tested by hand beside its code, and against
PyTorch in tests marked `large`; that they are resumed and run on several
devices, in runs/state/folder_checkpoints_test.py and training/replicas_test.py.
"""

import collections
import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from conftest import make_config

from tf_bert.config import Config
from tf_bert.runs import build, training_run
from tf_bert.runs.state.run_checkpoints import MemoryCheckpoints

Weights = dict[str, np.ndarray]


# Beginnings of the paths of variables.
EVERYTHING = ("",)
POOLER = ("bert/pooler/",)
HEAD = ("classifier/",)
TOP = ("bert/encoder/layer_1/", *POOLER)


@dataclasses.dataclass(frozen=True)
class Row:
    """One stabiliser.

    Attributes:
        flags: that turn it on.
        starts: beginnings of the paths of the variables that begin with other
            values than without it.
        moves: likewise, of the variables that a training changes.
        beside: flags that it is used with, and compared with.
    """

    flags: dict[str, Any]
    starts: tuple[str, ...] = ()
    moves: tuple[str, ...] = EVERYTHING
    beside: dict[str, Any] = dataclasses.field(default_factory=dict)


ROWS = {
    "no bias correction": Row({"bias_correction": False}),
    "weight decay": Row({"weight_decay": 3.0}),
    "pretrained weight decay": Row({"pretrained_weight_decay": 3.0}),
    "layer-wise rates": Row({"layerwise_lr_decay": 0.5}),
    "re-initialised block": Row({"reinit_layers": 1}, starts=TOP),
    "re-initialised pooler": Row({"reinit_pooler": True}, starts=POOLER),
    "kept head": Row({"keep_head": True}, starts=HEAD),
    "label smoothing": Row({"label_smoothing_factor": 0.3}),
    "mixout": Row({"mixout": 0.4}),
    "mixout, reference gradient": Row(
        {"mixout_gradient": "reference"}, beside={"mixout": 0.4}
    ),
    "frozen embeddings": Row(
        {"freeze": "embeddings"},
        moves=("bert/encoder/", *POOLER, *HEAD),
    ),
    "frozen lower block": Row({"freeze": "lower_1"}, moves=(*TOP, *HEAD)),
    "frozen encoder": Row({"freeze": "encoder"}, moves=(*POOLER, *HEAD)),
    "head alone": Row({"freeze": "all_but_head"}, moves=HEAD),
    "cached features": Row(
        {"cache_frozen_features": True},
        moves=(*TOP, *HEAD),
        beside={"freeze": "lower_1"},
    ),
}
# Whose result is that of the run without them.
SAME_RESULT = ("cached features",)


@dataclasses.dataclass(frozen=True)
class Trained:
    """Weights by path, before and after a training."""

    start: Weights
    end: Weights


def train(config: Config, *, eagerly: bool = True) -> Trained:
    """Trains; eagerly, for to trace it takes longer than its few steps."""
    run = build.build(config)
    weights = run.classifier.model.weights_by_path()
    start = {path: variable.numpy() for path, variable in weights.items()}
    tf.config.run_functions_eagerly(eagerly)
    try:
        training_run.train(run, MemoryCheckpoints())
    finally:
        tf.config.run_functions_eagerly(False)
    return Trained(start, {p: v.numpy() for p, v in weights.items()})


@pytest.fixture(scope="module")
def config_of(flags):
    """Returns a function that makes the configuration of a short training."""

    def make(**changes) -> Config:
        chosen = {
            "num_train_steps": 4,
            "num_evaluations": 2,
            "warmup_proportion": 0,
            "weight_decay": 0,
            "head_seed": 1,
            # A small one makes directions of gradients that are rounding noise.
            "adam_epsilon": 1e-4,
            **changes,
        }
        return make_config(flags, **chosen)

    return make


@pytest.fixture(scope="module")
def trained(config_of):
    """Returns a function that trains with some flags, once for each."""

    @functools.cache
    def once(flags: tuple) -> Trained:
        return train(config_of(**dict(flags)))

    return lambda flags: once(tuple(flags.items()))


def differing(a: Weights, b: Weights) -> set[str]:
    """The paths whose values are not the same, bit for bit."""
    return {path for path in a if (a[path] != b[path]).any()}


def largest_difference(a: Weights, b: Weights) -> float:
    """Over all weights but the attention's key biases.

    Their gradient is zero up to rounding, which Adam amplifies.
    """
    return max(
        float(abs(a[path] - b[path]).max())
        for path in a
        if not path.endswith("self/key/bias")
    )


@pytest.mark.large
@pytest.mark.parametrize("name", ROWS)
def test_only_what_should_starts_otherwise_moves_and_ends_otherwise(
    name, trained
):
    row = ROWS[name]
    ours, other = trained({**row.beside, **row.flags}), trained(row.beside)
    assert differing(ours.start, other.start) == {
        path
        for path in other.start
        # LayerNorms and biases of a new checkpoint are new already.
        if path.startswith(row.starts) and path.endswith("kernel")
    }
    assert differing(ours.start, ours.end) == {
        path for path in ours.start if path.startswith(row.moves)
    }
    if name in SAME_RESULT:
        assert largest_difference(ours.end, other.end) <= 1e-5
    else:
        assert differing(ours.end, other.end)


# Rows that may be used together, for what takes long. Those that freeze more
# train fewer variables in the same graph.
TOGETHER = (
    (
        "no bias correction",
        "weight decay",
        "layer-wise rates",
        "re-initialised block",
        "mixout, reference gradient",
    ),
    ("pretrained weight decay", "mixout", "kept head", "frozen embeddings"),
    (
        "label smoothing",
        "re-initialised pooler",
        "frozen lower block",
        "cached features",
    ),
)


@pytest.mark.large
@pytest.mark.parametrize("names", TOGETHER, ids=", ".join)
def test_a_graph_trains_the_same(names, trained, config_of):
    rows = [ROWS[name] for name in names]
    parts = [part for row in rows for part in (row.beside, row.flags)]
    flags = dict(collections.ChainMap(*parts))
    traced = train(config_of(**flags), eagerly=False)
    assert largest_difference(traced.end, trained(flags).end) <= 1e-5
