"""That a training does not depend on how many devices it runs on."""

import json
import pathlib
import subprocess
import sys
import textwrap

import pytest

from tf_bert.config import Config, parse

ROOT = pathlib.Path(__file__).parents[2]

# Logical devices are chosen before TensorFlow starts, and collectives of two
# sizes get into each other's way: so a process for each number of devices.
TRAIN = """
    import json, os, sys
    import tensorflow as tf

    num_devices = int(sys.argv[2])
    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * num_devices)

    sys.path.insert(0, sys.argv[1])
    import replicas_test as this

    results = {}
    for name, fields in json.load(open(sys.argv[3])).items():
        results[name] = this.compare(fields, num_devices)
    results["masks"] = this.masks()
    print(json.dumps(results), flush=True)
    # Not by way of the iterators' ends: they wait for their tuners.
    os._exit(0)
"""

# Kept for the same reason.
KEPT = []


def take_steps(run):
    """Takes all steps of a run; returns its losses."""
    losses, step = [], 0
    batches = run.batches.iterate(0)
    KEPT.extend([batches, run])
    while step < run.schedule.plan.num_steps:
        iterator, count = batches.at(step, run.schedule.plan.num_steps - step)
        losses += run.loop.take_steps(iterator, count).tolist()
        step += count
    run.trained_words.write_back(1.0)  # There is no decay.
    return losses


def result_of(run):
    """The losses, the logits and the weights of a run, by name."""
    from tf_bert.data.tokens.tokenization import EncodedTexts

    result = {"losses": take_steps(run)}
    weights = run.classifier.model.weights_by_path()
    result |= {path: variable.numpy() for path, variable in weights.items()}
    with run.scored_weights():
        inference, train = run.classifier.inference, run.tokenized["train"]
        result["logits"] = inference.logits(train)
        texts = EncodedTexts(train.ids, train.row_splits, train.first_lengths)
        result["logits_of_texts"] = inference.logits_of_texts(texts)
    return result


def largest_difference(a, b):
    """Over all but the attention's key biases.

    Their gradient is zero up to rounding, which Adam amplifies.
    """
    return max(
        float(abs(a[name] - b[name]).max())
        for name in a
        if name != "losses" and not name.endswith("self/key/bias")
    )


def copies_are_equal(run):
    """Whether the copies of every variable are, averages included."""
    return all(
        (copy.numpy() == variable.numpy()).all()
        for name, variable in run.state().items()
        if name != "iterations"
        for copy in variable.value.values
    )


def compare(fields, num_devices):
    """Trains twice on all devices, and once on one."""
    from tf_bert.runs import build, reset

    config = Config.from_dict({**fields, "distribution": "mirrored"})
    run = build.build(config)
    assert run.schedule.plan.num_replicas == num_devices
    weights = run.classifier.model.weights_by_path()
    start = {path: variable.numpy() for path, variable in weights.items()}
    first = result_of(run)
    are_equal = copies_are_equal(run)
    run = reset.restart(run, config)
    again = result_of(run)
    one = Config.from_dict({**fields, "distribution": "one_device"})
    single = result_of(build.build(one))
    return {
        "difference": largest_difference(first, single),
        "losses": max(
            abs(a - b)
            for a, b in zip(first["losses"], single["losses"], strict=True)
        ),
        "moved": max(
            float(abs(single[path] - value).max())
            for path, value in start.items()
        ),
        "is_reproducible": all(
            (first[path] == again[path]).all() for path in start
        ),
        "copies_are_equal": are_equal,
    }


def masks():
    """Of the first step's dropout, on each replica."""
    import tensorflow as tf

    from tf_bert.data.batches import batch_plan as planning
    from tf_bert.models.dropout import dropout
    from tf_bert.training.devices import distribution

    config = Config(output_dir="x", distribution="mirrored")
    strategy = distribution.get_strategy(config)
    num_replicas = strategy.num_replicas_in_sync
    plan = planning.plan_training(
        tf.fill([64], 5).numpy(),
        batch_size=64,
        num_steps=1,
        data_seed=0,
        num_replicas=num_replicas,
    )
    seeds = planning.dropout_seeds(0, plan)[0, :, 0]
    values = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(seeds[context.replica_id_in_sync_group])
    )
    results = strategy.run(
        lambda seed: dropout(tf.ones([64]), 0.5, seed, site=0), (values,)
    )
    return [
        (result.numpy() > 0).tolist()
        for result in strategy.experimental_local_results(results)
    ]


BASE = {
    "dropout": 0.0,
    "learning_rate": 2e-5,
    "num_train_steps": 50,
    "train_batch_size": 16,
    "weight_decay": 0.0,
    "warmup_proportion": 0.0,
    # Below the norm of the gradients: they are clipped.
    "max_grad_norm": 0.1,
}
CASES = {
    2: {
        "with accumulation and an average": {
            **BASE,
            "gradient_accumulation_steps": 2,
            "ema_decay": 0.9,
        },
        "compiled by XLA": {**BASE, "jit_compile": "true"},
        "with dropout": {
            **BASE,
            "dropout": 0.1,
            "learning_rate": 1e-3,
            "remat": True,
        },
        "in bfloat16": {
            **BASE,
            "precision": "mixed_bfloat16",
            "mixout": 0.1,
            "num_train_steps": 5,
        },
    },
    4: {"plain": BASE},
}
# How these differ from one device: in their masks.
WITH_MASKS = ("with dropout", "in bfloat16")


@pytest.fixture(scope="module", params=CASES)
def results(request, flags, tmp_path_factory):
    num_devices = request.param
    folder = tmp_path_factory.mktemp("replicas")
    configs = {
        name: Config(**parse.parse(flags(output_dir=folder, **case))).as_dict()
        for name, case in CASES[num_devices].items()
    }
    path = folder / "configs.json"
    path.write_text(json.dumps(configs))
    process = subprocess.run(
        [
            *(sys.executable, "-c", textwrap.dedent(TRAIN)),
            *(str(pathlib.Path(__file__).parent), str(num_devices), str(path)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return json.loads(process.stdout.splitlines()[-1])


@pytest.mark.large
class TestReplicas:
    def test_change_nothing_but_masks(self, results):
        for name, result in results.items():
            if name in ("masks", *WITH_MASKS):
                continue
            assert result["difference"] <= 1e-5, name
            assert result["losses"] <= 1e-5, name
            assert result["moved"] > 3e-4, name

    def test_draw_masks_of_their_own(self, results):
        masks = results["masks"]
        assert len({tuple(mask) for mask in masks}) == len(masks)
        for name in set(WITH_MASKS) & set(results):
            # Far from one device, but not lost.
            assert 1e-5 < results[name]["losses"] < 1.5, name

    def test_are_reproducible_and_stay_equal(self, results):
        for name, result in results.items():
            if name != "masks":
                assert result["is_reproducible"], name
                assert result["copies_are_equal"], name
