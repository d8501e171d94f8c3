"""Tests of tf_bert/training/distribution.py."""

import json
import pathlib
import subprocess
import sys
import textwrap

import pytest
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.training.distribution import get_strategy, with_batch_size

# Logical devices are chosen before TensorFlow starts: so in a process apart.
TWO_DEVICES = """
    import json, sys
    import numpy as np
    import tensorflow as tf

    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

    sys.path.insert(0, sys.argv[1])
    import loop_test

    class Mirrored(loop_test.Run):
        def __init__(self, **options):
            strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
            with strategy.scope():
                super().__init__(**options)
            self.strategy = self.loop.strategy = strategy

    examples = loop_test.make_examples()
    options, parts_on_one = json.loads(sys.argv[2])
    options["decays"] = {
        "weight_decay_rate": 0.3, "pretrained_weight_decay": 2.0}
    runs = loop_test.Run(**options), Mirrored(**options)
    losses = []
    for run, micro_batches in zip(runs, (parts_on_one, 1)):
        replicas = run.strategy.num_replicas_in_sync
        plan = loop_test.make_plan(
            examples, 20, num_replicas=replicas,
            num_micro_batches=micro_batches)
        losses.append(run.train(examples, plan))
    weights = [loop_test.without_key_biases(run.weights()) for run in runs]
    start = loop_test.make_model()
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


class GetStrategyTest(parameterized.TestCase):
    def test_without_a_gpu_runs_on_the_cpu(self):
        if tf.config.list_logical_devices("GPU"):
            self.skipTest("This machine has a GPU.")
        with self.assertLogs("absl", "INFO") as logs:
            strategy = get_strategy()
        self.assertIn("Running on /cpu:0.", logs.output[0])
        self.assertEqual(strategy.num_replicas_in_sync, 1)
        with strategy.scope():
            self.assertIn("CPU:0", tf.Variable(1.0).device)


@pytest.mark.large
class TwoReplicasTest(parameterized.TestCase):
    # Two micro-batches on one device have the masks of two replicas.
    @parameterized.parameters(({}, 1), ({"mixout": 0.3}, 2))
    def test_two_devices_give_the_weights_of_one(self, options, parts_on_one):
        process = subprocess.run(
            [
                sys.executable,
                "-c",
                textwrap.dedent(TWO_DEVICES),
                str(pathlib.Path(__file__).parent),
                json.dumps([options, parts_on_one]),
            ],
            cwd=pathlib.Path(__file__).parents[2],
            capture_output=True,
            text=True,
        )
        self.assertEqual(process.returncode, 0, process.stderr)
        result = json.loads(process.stdout.splitlines()[-1])
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
        num_devices = get_strategy().num_replicas_in_sync
        self.assertEqual(config.train_batch_size, 16 * num_devices)
        self.assertIsNone(config.per_device_train_batch_size)

    def test_of_an_update_stays(self):
        config = Config(output_dir="x", train_batch_size=6)
        self.assertEqual(with_batch_size(config), config)
