"""Tests of tf_bert/training/devices/distribution.py."""

import json
import os
import pathlib
import subprocess
import sys
import textwrap
from unittest import mock

import pytest
import tensorflow as tf
from absl.testing import parameterized
from worker_processes import free_addresses

from tf_bert.config import Config
from tf_bert.training.devices.distribution import (
    get_cluster,
    get_strategy,
    with_batch_size,
)

# Logical devices are chosen before TensorFlow starts: so in a process apart.
TWO_DEVICES = """
    import json, sys
    import numpy as np
    import tensorflow as tf

    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

    sys.path.insert(0, sys.argv[1])
    import training_loop_test

    class Mirrored(training_loop_test.Run):
        def __init__(self, **options):
            strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
            with strategy.scope():
                super().__init__(**options)
            self.strategy = self.loop.strategy = strategy

    examples = training_loop_test.make_examples()
    options, parts_on_one = json.loads(sys.argv[2])
    options["decays"] = {
        "weight_decay_rate": 0.3, "pretrained_weight_decay": 2.0}
    runs = training_loop_test.Run(**options), Mirrored(**options)
    losses = []
    for run, micro_batches in zip(runs, (parts_on_one, 1)):
        replicas = run.strategy.num_replicas_in_sync
        plan = training_loop_test.make_plan(
            examples, 20, num_replicas=replicas,
            num_micro_batches=micro_batches)
        losses.append(run.train(examples, plan))
    weights = [
        training_loop_test.without_key_biases(run.weights()) for run in runs
    ]
    start = training_loop_test.make_model()
    before = {v.path: v.numpy() for v in start.trainable_variables}
    copies = [
        [copy.numpy() for copy in variable.value.values]
        for variable in runs[1].model.trainable_variables
    ]
    prior_copies = [
        [copy.numpy() for copy in prior.value.values] + [before[path[6:]]]
        for path, prior in runs[1].optimizer.priors().items()
    ]
    print(json.dumps({
        "num_replicas": replicas,
        "iterations": [int(run.optimizer.iterations.numpy()) for run in runs],
        "losses": losses,
        "difference": max(
            float(abs(weights[0][k] - weights[1][k]).max())
            for k in weights[0]),
        "moved": min(
            float(abs(weights[0][k] - before[k]).max()) for k in weights[0]),
        "copies_are_equal": all((a == b).all() for a, b in copies),
        "priors_are_the_start": len(prior_copies) == len(before) and all(
            (a == c).all() and (b == c).all() for a, b, c in prior_copies),
    }))
"""


FOUR_DEVICES = """
    import json
    import tensorflow as tf

    from tf_bert.config import Config
    from tf_bert.training.devices import distribution

    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 4)

    def strategy(size, distribution_, **options):
        config = Config(
            output_dir="x", train_batch_size=size, distribution=distribution_)
        return distribution.get_strategy(config, **options)

    def error(size):
        try:
            strategy(size, "mirrored")
        except ValueError as error:
            return str(error)

    per_device = Config(
        output_dir="x", train_batch_size=None, per_device_train_batch_size=3,
        gradient_accumulation_steps=2, distribution="mirrored")
    print(json.dumps({
        "mirrored": strategy(8, "mirrored").num_replicas_in_sync,
        "is_one_object": strategy(8, "mirrored") is strategy(4, "mirrored"),
        "evaluates": strategy(
            9, "mirrored", trains=False).num_replicas_in_sync,
        "one_device": strategy(8, "one_device").num_replicas_in_sync,
        "auto": type(strategy(8, "auto")).__name__,
        "error": error(10),
        "batch_size": distribution.with_batch_size(per_device).train_batch_size,
    }))
"""

# Started once for each worker, with its own TF_CONFIG.
WORKER = """
    import json, sys

    from tf_bert.config import Config
    from tf_bert.training.devices import distribution

    # Before anything else: collectives must be set up first.
    strategy = distribution.get_strategy(Config(output_dir="x"))

    import numpy as np
    from tf_bert.adaptation import freezing
    from tf_bert.data.tokens.tokenization import EncodedTexts
    from tf_bert.training.inference import Inference

    sys.path.insert(0, sys.argv[1])
    import training_loop_test

    def features(inference, examples):
        return np.concatenate([
            features for _, features in inference.frozen_features(examples)])

    examples = training_loop_test.make_examples()
    texts = EncodedTexts(
        examples.ids, examples.row_splits, examples.first_lengths)
    results = []
    for here in strategy, distribution._one_device("/cpu:0"):
        with here.scope():
            model = training_loop_test.make_model()
        freezing.freeze(model, "lower_1", fresh=frozenset())
        inference = Inference(model, here, batch_size=4)
        results.append(
            (inference.logits(examples), inference.logits_of_texts(texts),
             features(inference, examples)))
    print(json.dumps({
        "num_replicas": strategy.num_replicas_in_sync,
        "num_rows": len(results[0][0]),
        "differences": [
            float(abs(a - b).max()) for a, b in zip(*results, strict=True)],
    }))
"""


def run_python(code, *arguments):
    """Runs a program; returns what it prints last."""
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=pathlib.Path(__file__).parents[3],
        capture_output=True,
        text=True,
    )
    if process.returncode != 0:
        raise AssertionError(process.stderr[-3000:])
    return json.loads(process.stdout.splitlines()[-1])


class GetStrategyTest(parameterized.TestCase):
    def test_without_a_gpu_runs_on_the_cpu(self):
        if tf.config.list_logical_devices("GPU"):
            self.skipTest("This machine has a GPU.")
        with self.assertLogs("absl", "INFO") as logs:
            strategy = get_strategy(Config(output_dir="x"))
        self.assertIn("Running on /cpu:0.", logs.output[0])
        self.assertEqual(strategy.num_replicas_in_sync, 1)
        with strategy.scope():
            self.assertIn("CPU:0", tf.Variable(1.0).device)

    @parameterized.parameters("auto", "one_device", "mirrored")
    def test_the_same_devices_have_one_strategy(self, distribution):
        config = Config(output_dir="x", distribution=distribution)
        self.assertIs(get_strategy(config), get_strategy(config, trains=False))

    def test_without_kernels_for_a_tpu_the_way_to_them_is_said(self):
        if tf.config.list_physical_devices("TPU_SYSTEM"):
            self.skipTest("This TensorFlow has kernels for TPUs.")
        config = Config(output_dir="x", distribution="tpu", tpu_name="local")
        with self.assertRaisesRegex(
            ValueError, r"kernels for TPUs .* tensorflow-tpu==2.20.0, as docs/t"
        ):
            get_strategy(config)

    def test_a_tpu_that_cannot_be_found_is_named(self):
        config = Config(output_dir="x", distribution="tpu", tpu_name="mine")
        # Where it would be asked for; nobody answers there.
        with mock.patch.dict(os.environ, GCE_METADATA_IP="127.0.0.1:9"):
            with self.assertRaisesRegex(
                ValueError, "TPU that answers. Received: tpu_name=mine, .*urlo"
            ):
                get_strategy(config)


class GetClusterTest(parameterized.TestCase):
    TWO = (
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", '
        '"index": 0}}'
    )

    @parameterized.parameters(
        ("auto", 2), ("multi_worker", 2), ("one_device", None), ("tpu", None)
    )
    def test_only_a_run_on_several_workers_looks(self, distribution, count):
        config = Config(output_dir="x", distribution=distribution)
        with mock.patch.dict(os.environ, TF_CONFIG=self.TWO):
            cluster = get_cluster(config)
        self.assertEqual(cluster and len(cluster), count)

    def test_several_workers_must_be_named_if_asked_for(self):
        config = Config(output_dir="x", distribution="multi_worker")
        with mock.patch.dict(os.environ):
            os.environ.pop("TF_CONFIG", None)
            with self.assertRaisesRegex(ValueError, "TF_CONFIG must name"):
                get_cluster(config)


@pytest.mark.large
class SeveralDevicesTest(parameterized.TestCase):
    def test_mirrored_takes_all_and_they_must_divide_the_batch(self):
        result = run_python(FOUR_DEVICES)
        self.assertIn("--train_batch_size=8, the nearest", result.pop("error"))
        self.assertEqual(
            result,
            {
                "mirrored": 4,
                "is_one_object": True,
                "evaluates": 4,
                "one_device": 1,
                "auto": "OneDeviceStrategy",
                "batch_size": 24,
            },
        )

    def test_every_worker_gets_the_outputs_of_all(self):
        cluster = {"worker": free_addresses(2)}
        processes = [
            subprocess.Popen(
                [
                    *(sys.executable, "-c", textwrap.dedent(WORKER)),
                    str(pathlib.Path(__file__).parents[1]),
                ],
                env={
                    **os.environ,
                    "TF_CONFIG": json.dumps(
                        {
                            "cluster": cluster,
                            "task": {"type": "worker", "index": index},
                        }
                    ),
                },
                cwd=pathlib.Path(__file__).parents[3],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for index in range(2)
        ]
        for process in processes:
            output, errors = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, errors[-3000:])
            result = json.loads(output.splitlines()[-1])
            self.assertEqual(result["num_replicas"], 2)
            self.assertEqual(result["num_rows"], 11)
            self.assertLess(max(result["differences"]), 1e-6)


@pytest.mark.large
class TwoReplicasTest(parameterized.TestCase):
    # Two micro-batches on one device have the masks of two replicas.
    @parameterized.parameters(({}, 1), ({"mixout": 0.3}, 2))
    def test_two_devices_give_the_weights_of_one(self, options, parts_on_one):
        result = run_python(
            TWO_DEVICES,
            str(pathlib.Path(__file__).parents[1]),
            json.dumps([options, parts_on_one]),
        )
        self.assertEqual(result["num_replicas"], 2)
        self.assertEqual(result["iterations"], [20, 20])
        self.assertAlmostEqual(*result["losses"], delta=1e-4)
        self.assertLess(result["difference"], 1e-5)
        self.assertGreater(result["moved"], 1e-3)
        self.assertTrue(result["copies_are_equal"])
        self.assertTrue(result["priors_are_the_start"])


class BatchSizeTest(parameterized.TestCase):
    def test_per_device_becomes_that_of_an_update(self):
        config = with_batch_size(
            Config(
                output_dir="x",
                train_batch_size=None,
                per_device_train_batch_size=8,
                gradient_accumulation_steps=2,
            )
        )
        num_devices = get_strategy(config).num_replicas_in_sync
        self.assertEqual(config.train_batch_size, 16 * num_devices)
        self.assertIsNone(config.per_device_train_batch_size)

    def test_of_an_update_stays(self):
        config = Config(output_dir="x", train_batch_size=6)
        self.assertEqual(with_batch_size(config), config)
