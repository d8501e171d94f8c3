"""One table of the stabilisers: what each moves, and that it can be trusted.

The closed form of each rule is tested by hand beside its code, and against
PyTorch in tests marked `large`.
"""

import collections
import dataclasses
import functools
import itertools
import json
import pathlib
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tf_bert.config import Config, parse
from tf_bert.runs import build, training_run
from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.schedule import Schedule
from tf_bert.runs.state.folder_checkpoints import FolderCheckpoints

TESTS = pathlib.Path(__file__).parent
NUM_STEPS = 4

Weights = dict[str, np.ndarray]


def everything(path: str) -> bool:
    return True


def nothing(path: str) -> bool:
    return False


def pooler(path: str) -> bool:
    return path.startswith("bert/pooler/")


def top_block_and_pooler(path: str) -> bool:
    return path.startswith("bert/encoder/layer_1/") or pooler(path)


def classifier(path: str) -> bool:
    return path.startswith("classifier/")


def pooler_and_classifier(path: str) -> bool:
    return pooler(path) or classifier(path)


def all_but_embeddings(path: str) -> bool:
    return not path.startswith("bert/embeddings/")


@dataclasses.dataclass(frozen=True)
class Row:
    """One stabiliser.

    Attributes:
        flags: that turn it on.
        neutral: the same flags at their neutral values.
        starts: the variables that begin with other values than without it.
        moves: the variables that a training changes.
        beside: flags that it is used with, and compared with.
    """

    flags: dict[str, Any]
    neutral: dict[str, Any]
    starts: Callable[[str], bool] = nothing
    moves: Callable[[str], bool] = everything
    beside: dict[str, Any] = dataclasses.field(default_factory=dict)


ROWS = {
    "no bias correction": Row(
        {"bias_correction": False}, {"bias_correction": True}
    ),
    "weight decay": Row({"weight_decay": 3.0}, {"weight_decay": 0.0}),
    "pretrained weight decay": Row(
        {"pretrained_weight_decay": 3.0}, {"pretrained_weight_decay": 0.0}
    ),
    "layer-wise rates": Row(
        {"layerwise_lr_decay": 0.5}, {"layerwise_lr_decay": 1.0}
    ),
    "re-initialised block": Row(
        {"reinit_layers": 1}, {"reinit_layers": 0}, starts=top_block_and_pooler
    ),
    "re-initialised pooler": Row(
        {"reinit_pooler": True}, {"reinit_pooler": False}, starts=pooler
    ),
    "kept head": Row(
        {"keep_head": True}, {"keep_head": False}, starts=classifier
    ),
    "label smoothing": Row(
        {"label_smoothing_factor": 0.3}, {"label_smoothing_factor": 0.0}
    ),
    "mixout": Row({"mixout": 0.4}, {"mixout": 0.0}),
    "mixout, reference gradient": Row(
        {"mixout_gradient": "reference"},
        {"mixout_gradient": "derivative"},
        beside={"mixout": 0.4},
    ),
    "frozen embeddings": Row(
        {"freeze": "embeddings"}, {"freeze": None}, moves=all_but_embeddings
    ),
    "frozen lower block": Row(
        {"freeze": "lower_1"},
        {"freeze": None},
        moves=lambda path: top_block_and_pooler(path) or classifier(path),
    ),
    "frozen encoder": Row(
        {"freeze": "encoder"}, {"freeze": None}, moves=pooler_and_classifier
    ),
    "head alone": Row(
        {"freeze": "all_but_head"}, {"freeze": None}, moves=classifier
    ),
    "cached features": Row(
        {"cache_frozen_features": True},
        {"cache_frozen_features": False},
        moves=lambda path: top_block_and_pooler(path) or classifier(path),
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


def train(
    config: Config,
    *,
    stop_after: int | None = None,
    strategy: Any = None,
    eagerly: bool = True,
) -> Trained:
    """Trains in the folder of a configuration, perhaps not to the end.

    Eagerly, for to trace so short a training takes longer than its steps.
    """
    run = build.build(config, strategy=strategy)
    weights = run.classifier.model.weights_by_path()
    start = {path: variable.numpy() for path, variable in weights.items()}
    if stop_after is not None:
        run = shortened(run, stop_after)
    checkpoints = FolderCheckpoints(RunFolder(config.output_dir))
    tf.config.run_functions_eagerly(eagerly)
    try:
        training_run.train(run, checkpoints)
    finally:
        tf.config.run_functions_eagerly(False)
    return Trained(start, {p: v.numpy() for p, v in weights.items()})


def shortened(run: build.Run, num_steps: int) -> build.Run:
    """The first steps of a run: what one leaves that is killed then."""
    first = slice(num_steps)
    whole = run.schedule.plan
    plan = dataclasses.replace(
        whole,
        examples=whole.examples[first],
        places=whole.places[first],
        num_rows=whole.num_rows[first],
        widths=whole.widths[first],
    )
    rates = run.schedule.learning_rates[first]
    return dataclasses.replace(
        run, schedule=Schedule(plan, rates, evaluation_steps=(num_steps,))
    )


@pytest.fixture(scope="module")
def config_of(flags, tmp_path_factory):
    """Returns a function that makes the configuration of a short training."""

    def make(**changes) -> Config:
        chosen = {
            "num_train_steps": NUM_STEPS,
            "num_evaluations": 2,
            "warmup_proportion": 0,
            "weight_decay": 0,
            "head_seed": 1,
            # A small one makes directions of gradients that are rounding noise.
            "adam_epsilon": 1e-4,
            **changes,
        }
        folder = tmp_path_factory.mktemp("run")
        return Config(**parse.parse(flags(output_dir=folder, **chosen)))

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


@pytest.mark.parametrize("name", ROWS)
def test_neutral_value_is_the_default(name):
    # The rate of weight decay is the one whose default does something.
    neutral = {"weight_decay": 0.0, **ROWS[name].neutral}
    assert Config(output_dir="x", **neutral) == Config(
        output_dir="x", weight_decay=0.0
    )


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
class TestTraining:
    def test_only_what_should_start_otherwise_does(self, name, trained):
        row = ROWS[name]
        ours = trained({**row.beside, **row.flags})
        other = trained(row.beside)
        assert differing(ours.start, other.start) == {
            path
            for path in other.start
            # LayerNorms and biases of a fresh checkpoint are fresh already.
            if row.starts(path) and path.endswith("kernel")
        }

    def test_only_what_should_move_moves(self, name, trained):
        row = ROWS[name]
        ours = trained({**row.beside, **row.flags})
        assert differing(ours.start, ours.end) == set(
            filter(row.moves, ours.start)
        )

    def test_makes_a_difference(self, name, trained):
        row = ROWS[name]
        ours = trained({**row.beside, **row.flags}).end
        other = trained(row.beside).end
        if name in SAME_RESULT:
            assert largest_difference(ours, other) <= 1e-5
        else:
            assert differing(ours, other)


# Logical devices are chosen before TensorFlow starts: so in a process apart.
# Two replicas see what two micro-batches on one device see, masks included.
TWO_REPLICAS = """
    import json, sys
    import tensorflow as tf

    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

    sys.path.insert(0, sys.argv[1])
    import stabilisers_test as table
    from tf_bert.config import Config

    # One for all: each would count its collectives from the same number.
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    result = {}
    for name, (one, two) in json.load(open(sys.argv[2])).items():
        mirrored = table.train(
            Config.from_dict(two), strategy=strategy, eagerly=False)
        single = table.train(Config.from_dict(one))
        result[name] = [
            table.largest_difference(mirrored.end, single.end),
            table.largest_difference(single.start, single.end),
        ]
    print(json.dumps(result))
"""


# Every row, with others that it may be used with, for what takes long.
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
    ("frozen encoder",),
    ("head alone",),
)


def flags_of_all(names):
    rows = [ROWS[name] for name in names]
    parts = [part for row in rows for part in (row.beside, row.flags)]
    return dict(collections.ChainMap(*parts))


def test_every_row_is_tested_together_with_others():
    assert sorted(itertools.chain(*TOGETHER)) == sorted(ROWS)


@pytest.mark.large
@pytest.mark.parametrize("names", TOGETHER, ids=", ".join)
def test_a_graph_trains_the_same(names, trained, config_of):
    flags = flags_of_all(names)
    traced = train(config_of(**flags), eagerly=False)
    assert largest_difference(traced.end, trained(flags).end) <= 1e-5


@pytest.mark.large
@pytest.mark.parametrize("names", TOGETHER, ids=", ".join)
def test_a_second_run_that_is_resumed_equals_the_first(
    names, trained, config_of
):
    flags = flags_of_all(names)
    first = trained(flags)
    config = config_of(**flags)
    train(config, stop_after=2)
    assert not differing(train(config).end, first.end)


@pytest.mark.large
def test_two_replicas_are_the_same_as_one(config_of, tmp_path):
    configs = {}
    # Both priors and the targets of Mixout; a frozen part, its features stored.
    for names in ((*TOGETHER[0], "pretrained weight decay"), TOGETHER[2]):
        flags = flags_of_all(names)
        one = config_of(gradient_accumulation_steps=2, **flags)
        pair = [one.as_dict(), config_of(**flags).as_dict()]
        configs[", ".join(names)] = pair
    (tmp_path / "configs.json").write_text(json.dumps(configs))
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(TWO_REPLICAS),
            str(TESTS),
            str(tmp_path / "configs.json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    result = json.loads(process.stdout.splitlines()[-1])
    assert set(result) == set(configs)
    for name, (difference, moved) in result.items():
        assert difference <= 1e-5, name
        assert moved > 1e-3, name
