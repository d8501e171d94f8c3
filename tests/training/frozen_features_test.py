"""Tests of tf_bert/training/frozen_features.py."""

import contextlib
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import transformers
from absl.testing import parameterized

from tf_bert.adaptation import freezing
from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.batches import pipeline
from tf_bert.data.tokens.feature_store import FeatureFiles
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.training import frozen_features
from tf_bert.training.inference import Inference
from tf_bert.training.trained_words import TrainedWords
from tf_bert.training.training_loop import TrainingLoop, trained_variables

# Logical devices are chosen before TensorFlow starts: so in a process apart.
TWO_DEVICES = """
    import sys
    import tensorflow as tf

    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

    sys.path.insert(0, sys.argv[1])
    import frozen_features_test as this

    # One for all: the reductions of two would take each other's numbers.
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    for what, spills in ("lower_1", True), ("encoder", False):
        this.assert_close(
            this.train(what, spills=spills, strategy=strategy),
            this.train(what, strategy=strategy))
    print("All are equal.")
"""
NUM_STEPS = 4
SIZE = 8
KINDS = ("embeddings", "lower_1", "encoder", "all_but_head")


@functools.cache
def make_examples(size=11):
    """The last batch of 4 lacks one."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 13, size)
    return TokenizedExamples(
        ids=rng.integers(1, 30, lengths.sum()).astype(np.int32),
        row_splits=np.concatenate([[0], np.cumsum(lengths)]),
        first_lengths=rng.integers(2, lengths).astype(np.int32),
        labels=rng.integers(0, 2, size).astype(np.int32),
    )


class Training:
    """A model with a frozen part, and its training on one or more devices."""

    def __init__(self, what, *, strategy=None, precision="float32"):
        self.strategy = strategy or tf.distribute.OneDeviceStrategy("/cpu:0")
        config = transformers.BertConfig(
            vocab_size=30,
            hidden_size=SIZE,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=16,
            initializer_range=0.3,
        )
        with self.strategy.scope():
            self.model = TFBertForSequenceClassification(
                config, seed=0, dtype=precision
            )
            freezing.freeze(self.model, what)
            words = self.model.bert.embeddings.word_embeddings.embeddings
            self.words = None
            if words.trainable:
                self.words = TrainedWords(words, make_examples().ids)
            self.optimizer = AdamWeightDecay(0.0, epsilon=1e-6)
            self.optimizer.build(trained_variables(self.model, self.words))
        self.loop = TrainingLoop(
            self.model, self.optimizer, self.strategy, trained_words=self.words
        )
        self.inference = Inference(self.model, self.strategy, batch_size=6)

    def cached(self, **options):
        return frozen_features.cached(
            self.inference, {"train": make_examples()}, **options
        )

    def train(self, examples, *, micro_batches=1):
        """Takes some steps; returns the weights, losses and all logits."""
        plan = planning.plan_training(
            examples.lengths,
            batch_size=4,
            num_steps=NUM_STEPS,
            data_seed=1,
            num_replicas=self.strategy.num_replicas_in_sync,
            num_micro_batches=micro_batches,
        )
        dataset = pipeline.packed_dataset(
            examples,
            plan,
            per_step={"learning_rate": np.full(NUM_STEPS, 0.01, np.float32)},
            per_replica={"dropout_seeds": planning.dropout_seeds(1, plan)},
        )
        iterator = iter(
            self.strategy.distribute_datasets_from_function(lambda _: dataset)
        )
        losses = self.loop.train_steps(iterator, tf.constant(NUM_STEPS))
        weights = {
            path: variable.numpy()
            for path, variable in self.model.weights_by_path().items()
            # Their gradient is rounding noise, which Adam makes large.
            if not path.endswith("key/bias")
        }
        return {
            **weights,
            "losses": losses.numpy(),
            "logits": self.inference.logits(examples),
        }


def train(what, *, spills=None, micro_batches=1, **options):
    """Trains without a cache (`spills` None), with one in memory or files."""
    training = Training(what, **options)
    if spills is None:
        return training.train(make_examples(), micro_batches=micro_batches)
    limit = 0 if spills else frozen_features.MAX_BYTES_IN_MEMORY
    with training.cached(max_bytes_in_memory=limit) as splits:
        return training.train(splits["train"], micro_batches=micro_batches)


def assert_close(actual, expected, atol=1e-5):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(
            actual[name], value, rtol=0, atol=atol, err_msg=name
        )


class CachedTest(parameterized.TestCase):
    def test_features_of_examples_train_the_same_weights(self):
        assert_close(train("encoder", spills=False), train("encoder"))

    def test_features_are_those_of_the_model_in_order(self):
        training = Training("lower_1")
        examples = make_examples()
        with training.cached() as splits:
            values = splits["train"].features.values.numpy()
        self.assertEqual(values.shape, (len(examples.ids), SIZE))
        for number in (0, 7, 10):
            start, end = examples.row_splits[number : number + 2]
            types = np.arange(end - start) >= examples.first_lengths[number]
            states = training.model(
                examples.ids[None, start:end],
                token_type_ids=types[None].astype(np.int32),
                output_hidden_states=True,
            ).hidden_states
            np.testing.assert_allclose(
                values[start:end], states[1][0], atol=1e-5
            )

    @parameterized.parameters("encoder", "all_but_head")
    def test_there_is_one_row_per_example_behind_all_blocks(self, what):
        # In memory whatever the limit is.
        with Training(what).cached(max_bytes_in_memory=0) as splits:
            features = splits["train"].features
        self.assertEqual(features.values.shape, (len(make_examples()), SIZE))
        self.assertFalse(features.is_per_token)

    def test_the_limit_is_that_of_all_splits_together(self):
        training = Training("embeddings")
        examples = make_examples()
        num_bytes = 4 * SIZE * len(examples.ids)
        splits = {"train": examples, "validation": examples}
        for limit, is_in_files in ((2 * num_bytes, False), (num_bytes, True)):
            with frozen_features.cached(
                training.inference, splits, max_bytes_in_memory=limit
            ) as cached:
                for name in splits:
                    self.assertEqual(
                        isinstance(cached[name].features, FeatureFiles),
                        is_in_files,
                    )

    @parameterized.parameters(KeyboardInterrupt, ValueError)
    def test_files_are_removed_whatever_ends_the_training(self, error):
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(tempfile, "tempdir", folder),
        ):
            with (
                contextlib.suppress(error),
                Training("embeddings").cached(max_bytes_in_memory=0),
            ):
                (made,) = os.listdir(folder)
                self.assertLen(
                    os.listdir(os.path.join(folder, made, "train")), 11
                )
                raise error
            self.assertEmpty(os.listdir(folder))

    def test_without_room_for_the_files_nothing_is_computed(self):
        usage = mock.Mock(free=10)
        with (
            mock.patch.object(shutil, "disk_usage", return_value=usage),
            self.assertRaisesRegex(OSError, "There must be room.*TMPDIR"),
            Training("embeddings").cached(max_bytes_in_memory=0),
        ):
            self.fail("Not refused.")


@pytest.mark.large
class EveryKindTest(parameterized.TestCase):
    @parameterized.product(what=KINDS, micro_batches=(1, 2))
    def test_trains_the_same_weights(self, what, micro_batches):
        options = {"micro_batches": micro_batches}
        expected = train(what, **options)
        for spills in (False, True):
            assert_close(train(what, spills=spills, **options), expected)

    @parameterized.parameters("lower_1", "encoder")
    def test_trains_the_same_weights_in_bfloat16(self, what):
        options = {"precision": "mixed_bfloat16"}
        expected = train(what, **options)
        for spills in (False, True):
            actual = train(what, spills=spills, **options)
            # A rounding of a feature: 8 bits of a number of size 2, in 4 steps.
            assert_close(actual, expected, atol=0.05)
            self.assertTrue(np.isfinite(actual["losses"]).all())

    def test_trains_the_same_weights_on_two_devices(self):
        process = subprocess.run(
            [
                sys.executable,
                "-c",
                textwrap.dedent(TWO_DEVICES),
                str(pathlib.Path(__file__).parent),
            ],
            cwd=pathlib.Path(__file__).parents[2],
            capture_output=True,
            text=True,
        )
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn("All are equal.", process.stdout)
