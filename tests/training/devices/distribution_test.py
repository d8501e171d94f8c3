"""Tests of tf_bert/training/devices/distribution.py."""

import os
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.training.devices import distribution
from tf_bert.training.devices.distribution import (
    get_cluster,
    get_strategy,
    with_batch_size,
)


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

    @parameterized.parameters(
        ("/job:localhost/replica:0/task:0/device:GPU:1", False, False),
        ("/device:GPU:1", True, True),
        ("/cpu:0", False, True),
        ("/device:TPU:0", False, True),
    )
    def test_gpus_repeat_themselves_only_if_asked_to(
        self, device, deterministic, expected
    ):
        config = Config(output_dir="x", deterministic=deterministic)
        found = distribution.is_repeatable(config, ["/cpu:0", device])
        self.assertEqual(found, expected)

    @parameterized.parameters("auto", "one_device", "mirrored")
    def test_the_same_devices_have_one_strategy(self, distribution):
        config = Config(output_dir="x", distribution=distribution)
        self.assertIs(get_strategy(config), get_strategy(config, trains=False))

    def test_without_kernels_for_a_tpu_the_way_to_them_is_said(self):
        if tf.config.list_physical_devices("TPU_SYSTEM"):
            self.skipTest("This TensorFlow has kernels for TPUs.")
        config = Config(output_dir="x", distribution="tpu", tpu_name="local")
        with self.assertRaisesRegex(
            ValueError, r"kernels for TPUs.* tensorflow-tpu==2.20.0, as docs/t"
        ):
            get_strategy(config)

    def test_a_tpu_that_cannot_be_found_is_named(self):
        config = Config(output_dir="x", distribution="tpu", tpu_name="mine")
        # Where it would be asked for; nobody answers there.
        with mock.patch.dict(os.environ, GCE_METADATA_IP="127.0.0.1:9"):
            with self.assertRaisesRegex(
                ValueError,
                "connect to the TPU: .*urlo.*Received: tpu_name=mine",
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
            with self.assertRaisesRegex(
                ValueError, "no environment variable TF_CONFIG"
            ):
                get_cluster(config)


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
