"""Tests of tf_bert/training/frozen_features.py."""

import contextlib
import os
import shutil
import tempfile
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from small_training import (
    assert_close,
    comparable_weights,
    make_examples,
    make_model,
    make_plan,
    take_steps,
)

from tf_bert.adaptation import freezing
from tf_bert.data.tokens.tokenized_examples import FeatureFiles
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.training import frozen_features
from tf_bert.training.embedding_rows import EmbeddingRows
from tf_bert.training.inference import Inference
from tf_bert.training.training_loop import TrainingLoop, trained_variables

NUM_STEPS = 4
SIZE = 8
KINDS = ("embeddings", "lower_1", "encoder", "all_but_head")


class Training:
    """A model with a frozen part, and its training."""

    def __init__(self, what, *, precision="float32"):
        strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
        self.model = make_model(
            num_hidden_layers=2, dropout=0.1, precision=precision
        )
        freezing.freeze(self.model, what)
        words = self.model.bert.embeddings.word_embeddings.embeddings
        embedding_rows = None
        if words.trainable:
            embedding_rows = EmbeddingRows(words, make_examples().ids)
        optimizer = AdamWeightDecay(0.0, epsilon=1e-6)
        optimizer.build(trained_variables(self.model, embedding_rows))
        self.loop = TrainingLoop(
            self.model, optimizer, strategy, embedding_rows=embedding_rows
        )
        self.inference = Inference(self.model, strategy, batch_size=6)

    def cached(self, **options):
        return frozen_features.cached(
            self.inference, {"train": make_examples()}, **options
        )

    def train(self, examples, *, micro_batches=1):
        """Takes some steps; returns the weights, losses and all logits."""
        plan = make_plan(examples, NUM_STEPS, num_micro_batches=micro_batches)
        losses = take_steps(self.loop, examples, plan, 0.01)
        return {
            **comparable_weights(self.model),
            "losses": losses,
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


class CachedTest(parameterized.TestCase):
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
            self.assertRaisesRegex(OSError, "Not enough room.*TMPDIR"),
            Training("embeddings").cached(max_bytes_in_memory=0),
        ):
            self.fail("Not refused.")


@pytest.mark.large
class EveryKindTest(parameterized.TestCase):
    # Features of tokens in one part: in bfloat16, below.
    @parameterized.parameters(*((what, 2) for what in KINDS), ("encoder", 1))
    def test_trains_the_same_weights(self, what, micro_batches):
        options = {"micro_batches": micro_batches}
        expected = train(what, **options)
        for spills in (False, True):
            assert_close(
                train(what, spills=spills, **options), expected, atol=1e-5
            )

    def test_trains_the_same_weights_in_bfloat16(self):
        what = "lower_1"
        options = {"precision": "mixed_bfloat16"}
        expected = train(what, **options)
        for spills in (False, True):
            actual = train(what, spills=spills, **options)
            # A rounding of a feature: 8 bits of a number of size 2, in 4 steps.
            assert_close(actual, expected, atol=0.05)
            self.assertTrue(np.isfinite(actual["losses"]).all())
