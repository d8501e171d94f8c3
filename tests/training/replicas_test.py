"""That nothing of a training depends on how many devices it runs on."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from tf_bert.config import Config, parse
from tf_bert.data.tokens.tokenization import EncodedTexts
from tf_bert.runs import build, restart
from tf_bert.training import frozen_features
from tf_bert.training.devices import distribution

HERE = pathlib.Path(__file__).parent
BASE = {
    "dropout": 0.0,
    "learning_rate": 2e-5,
    "num_train_steps": 20,
    "train_batch_size": 16,
    "weight_decay": 0.0,
    "warmup_proportion": 0.0,
    # Below the norm of the gradients: they are clipped.
    "max_grad_norm": 0.1,
    "distribution": "mirrored",
}
# A training on several devices, and what the same is called on one.
TWO = {
    # Two parts on each of two devices have the masks of four parts on one.
    "everything": (
        {
            "bias_correction": False,
            "ema_decay": 0.9,
            "gradient_accumulation_steps": 2,
            "label_smoothing_factor": 0.1,
            "layerwise_lr_decay": 0.9,
            "mixout": 0.1,
            "pretrained_weight_decay": 0.1,
            "record_updates": True,
            "remat": True,
        },
        {"gradient_accumulation_steps": 4},
    ),
    "features of frozen layers, compiled by XLA": (
        {
            "cache_frozen_features": True,
            "dropout": 0.1,
            "freeze": "lower_1",
            "jit_compile": "true",
        },
        {"cache_frozen_features": False, "gradient_accumulation_steps": 2},
    ),
    # It rounds otherwise on one device: of two, their copies are compared.
    "bfloat16": ({"precision": "mixed_bfloat16", "num_train_steps": 5}, None),
}
FOUR = {"four devices": ({}, {})}
CASES = TWO | FOUR
EQUAL = [name for name, (_, one) in CASES.items() if one is not None]
# Logical devices are chosen before TensorFlow starts, and collectives of two
# sizes get into each other's way: so a process for each number of devices.
TRAIN = """
    import json, os, sys
    import tensorflow as tf

    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[3]))

    sys.path.insert(0, sys.argv[1])
    import replicas_test as this

    results = {"strategies": this.strategies()}
    for name, (several, one) in json.load(open(sys.argv[2])).items():
        results[name] = this.compare(several, one)
    print(json.dumps(results), flush=True)
    # Not by way of the iterators' ends: they wait for their tuners.
    os._exit(0)
"""
# For the same reason nothing that holds one may end before.
KEPT = []


def strategies():
    """What `get_strategy` makes of several devices."""

    def strategy(kind, size=8, **options):
        config = Config(
            output_dir="x", train_batch_size=size, distribution=kind
        )
        return distribution.get_strategy(config, **options)

    with pytest.raises(ValueError) as error:
        strategy("mirrored", 9)
    per_device = Config(
        output_dir="x",
        train_batch_size=None,
        per_device_train_batch_size=3,
        gradient_accumulation_steps=2,
        distribution="mirrored",
    )
    return {
        "mirrored": strategy("mirrored").num_replicas_in_sync,
        "is one object": strategy("mirrored") is strategy("mirrored", 4),
        "evaluates": strategy("mirrored", 9, trains=False).num_replicas_in_sync,
        "one device": strategy("one_device").num_replicas_in_sync,
        "auto": type(strategy("auto")).__name__,
        "batch size": distribution.with_batch_size(per_device).train_batch_size,
        "error": str(error.value),
    }


def take_steps(run):
    """Takes all steps of a run; returns their losses."""
    losses, batches = [], run.batches.iterate()
    KEPT.extend([batches, run])
    rates = run.schedule.learning_rates
    while len(losses) < len(rates):
        step = len(losses)
        most = 1 if run.recorder else len(rates) - step
        iterator, count = batches.at(step, most)
        with (
            run.recorder.around_step(rates[step])
            if run.recorder
            else contextlib.nullcontext()
        ):
            losses += run.loop.take_steps(iterator, count).tolist()
    if run.embedding_rows is not None:
        run.embedding_rows.write_back(1.0)  # Nothing decays to zero.
    return losses


def outcome(run):
    """What a training is worth, by name; the state of its variables too."""
    train = run.tokenized["train"]
    if run.config.cache_frozen_features:
        cached = frozen_features.cached(run.classifier.inference, run.tokenized)
        KEPT.append(cached)
        run.tokenized.update(cached.__enter__())
    found = {"losses": take_steps(run)}
    if run.recorder is not None:
        arrays = run.recorder.log.arrays()
        found["updates"] = {name: x.tolist() for name, x in arrays.items()}
    with run.scored_weights():
        inference = run.classifier.inference
        weights = run.classifier.model.weights_by_path()
        found["values"] = {
            **{path: variable.numpy() for path, variable in weights.items()},
            "logits": inference.logits(run.tokenized["train"]),
            "logits of texts": inference.logits_of_texts(
                EncodedTexts(train.ids, train.row_splits, train.first_lengths)
            ),
        }
    return found


def copies_are_equal(run):
    """Whether the copies of every variable are, averages included."""
    return all(
        (copy.numpy() == variable.numpy()).all()
        for name, variable in run.state().items()
        if name != "iterations"
        for copy in variable.value.values
    )


def largest_difference(a, b):
    """Over all but the attention's key biases.

    Their gradient is zero up to rounding, which Adam amplifies.
    """
    return max(
        float(abs(a[name] - b[name]).max())
        for name in a
        if not name.endswith("self/key/bias")
    )


def compare(several, one):
    """Trains on several devices, twice if it is cheap, and on one, if given."""
    run = build.build(Config.from_dict(several))
    num_devices = len(tf.config.list_logical_devices("CPU"))
    assert run.schedule.plan.num_replicas == num_devices
    weights = run.classifier.model.weights_by_path()
    start = {path: variable.numpy() for path, variable in weights.items()}
    first = outcome(run)
    result = {"copies_are_equal": copies_are_equal(run)}
    if run.tokenized["train"].features is None:
        run = restart.restart(run, run.config)
        again = outcome(run)
        result["is_reproducible"] = first["losses"] == again["losses"] and all(
            (first["values"][path] == again["values"][path]).all()
            for path in start
        )
    if one is None:
        return result
    single = outcome(build.build(Config.from_dict(one)))
    values = single["values"]
    return result | {
        "difference": largest_difference(first["values"], values),
        "moved": max(
            float(abs(values[path] - value).max())
            for path, value in start.items()
        ),
        "losses": [first["losses"], single["losses"]],
        "updates": [x.get("updates", {}) for x in (first, single)],
    }


@pytest.fixture(scope="module")
def results(flags, tmp_path_factory):
    folder = tmp_path_factory.mktemp("replicas")

    def fields(**changes):
        arguments = flags(output_dir=folder, **{**BASE, **changes})
        return Config(**parse.parse(arguments)).as_dict()

    def train(num_devices, cases):
        path = folder / f"configs_{num_devices}.json"
        configs = {
            name: [
                fields(**several),
                None
                if one is None
                else fields(**{**several, **one, "distribution": "one_device"}),
            ]
            for name, (several, one) in cases.items()
        }
        path.write_text(json.dumps(configs))
        arguments = (str(HERE), str(path), str(num_devices))
        process = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(TRAIN), *arguments],
            cwd=HERE.parents[1],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stderr[-3000:]
        return json.loads(process.stdout.splitlines()[-1])

    return train(4, FOUR) | train(2, TWO)


@pytest.mark.large
class TestSeveralDevices:
    @pytest.mark.parametrize("name", EQUAL)
    def test_change_nothing(self, results, name):
        result = results[name]
        assert result["difference"] <= 1e-5
        np.testing.assert_allclose(*result["losses"], rtol=0, atol=1e-5)
        assert result["moved"] > 1e-4

    def test_record_the_same_updates(self, results):
        two, one = results["everything"]["updates"]
        assert two.keys() == one.keys()
        assert "update_norm/layer_1" in two
        for name, values in one.items():
            # Key biases have rounding noise for a gradient.
            np.testing.assert_allclose(
                two[name], values, rtol=0.02, err_msg=name
            )

    @pytest.mark.parametrize("name", CASES)
    def test_are_reproducible_and_stay_equal(self, results, name):
        assert results[name]["copies_are_equal"]
        assert results[name].get("is_reproducible", True)

    def test_are_chosen_by_distribution_and_batch_size(self, results):
        found = dict(results["strategies"])
        assert "--train_batch_size=8, the nearest" in found.pop("error")
        assert found == {
            "mirrored": 2,
            "is one object": True,
            "evaluates": 2,
            "one device": 1,
            "auto": "OneDeviceStrategy",
            "batch size": 12,
        }
