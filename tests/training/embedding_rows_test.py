"""Tests of tf_bert/training/embedding_rows.py."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from small_training import (
    NUM_WORDS,
    assert_close,
    comparable_weights,
    make_examples,
    make_model,
    make_plan,
    take_steps,
)

from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.training.embedding_rows import EmbeddingRows, decay_factors
from tf_bert.training.training_loop import TrainingLoop, trained_variables

WORDS = "bert/embeddings/word_embeddings/embeddings"
STEPS = 12
PAUSE = 5
RATES = np.linspace(0.02, 0, STEPS, dtype=np.float32)


def make_table():
    with keras.name_scope("words"):
        return keras.Variable(np.arange(12.0).reshape(6, 2), name="embeddings")


class TableTest(parameterized.TestCase):
    def test_rows_are_the_words_in_use_under_the_path_of_the_table(self):
        words = EmbeddingRows(make_table(), np.array([4, 1, 4, 1, 1]))
        np.testing.assert_array_equal(words.rows.numpy(), [[2, 3], [8, 9]])
        self.assertEqual(words.rows.path, "words/embeddings")
        self.assertTrue(words.rows.trainable)

    def test_embeds_as_the_table_does(self):
        words = EmbeddingRows(make_table(), np.array([4, 1]))
        embedded = words.embed(tf.constant([[4, 1], [1, 1]]))
        np.testing.assert_array_equal(
            embedded, [[[8, 9], [2, 3]], [[2, 3], [2, 3]]]
        )

    def test_write_back_sets_the_rows_and_decays_the_others(self):
        table = make_table()
        words = EmbeddingRows(table, np.array([4, 1]))
        words.rows.assign([[-1, -2], [-3, -4]])
        words.write_back(0.5)
        np.testing.assert_array_equal(
            table.numpy(),
            [[0, 0.5], [-1, -2], [2, 2.5], [3, 3.5], [-3, -4], [5, 5.5]],
        )

    def test_read_takes_what_was_loaded(self):
        table = make_table()
        words = EmbeddingRows(table, np.array([5]))
        table.assign(-table.numpy())
        words.read()
        np.testing.assert_array_equal(words.rows.numpy(), [[-10, -11]])


class DecayFactorsTest(parameterized.TestCase):
    @parameterized.parameters(
        # To zero: a product. To the start alone, or not at all: nothing. To
        # both: the distance from their balance, 1/4, is a product.
        (0.3, 0.0, 0.0, 0.3),
        (0.0, 0.7, 1.0, 0.0),
        (0.0, 0.0, 1.0, 0.0),
        (0.3, 0.1, 0.25, 0.4),
    )
    def test_a_weight_goes_to_the_balance_of_its_decays(
        self, to_zero, to_start, balance, total
    ):
        factors = decay_factors(
            RATES, weight_decay=to_zero, pretrained_weight_decay=to_start
        )
        left = np.cumprod([1, *(1 - total * RATES.astype(np.float64))])
        expected = balance + (1 - balance) * left
        np.testing.assert_allclose(factors, expected, rtol=1e-14)


class TrainingTest(parameterized.TestCase):
    """The loop with `EmbeddingRows` against the loop on the whole table."""

    def train(self, *, uses_embedding_rows, **rules):
        # Only the even words of 60, some of them many times.
        examples = make_examples()
        examples = dataclasses.replace(examples, ids=2 * examples.ids)
        model = make_model(vocab_size=2 * NUM_WORDS)
        table = model.bert.embeddings.word_embeddings.embeddings
        words = EmbeddingRows(table, examples.ids)
        words = words if uses_embedding_rows else None
        optimizer = AdamWeightDecay(1.0, epsilon=1e-6, **rules)
        optimizer.build(trained_variables(model, words))
        loop = TrainingLoop(
            model,
            optimizer,
            tf.distribute.OneDeviceStrategy("/cpu:0"),
            # Low, so that clipping is at work in every step.
            max_grad_norm=0.1,
            embedding_rows=words,
        )
        plan = make_plan(examples, STEPS)
        for first, last in ((0, PAUSE), (PAUSE, STEPS)):
            take_steps(
                loop,
                examples,
                plan,
                RATES,
                first_step=first,
                num_steps=last - first,
            )
            if words:
                factors = words.factors(optimizer, RATES)
                words.write_back(factors[last] / factors[first])
                words.read()  # As a run that is continued does.
        return comparable_weights(model)

    @pytest.mark.large
    def test_gives_the_weights_of_the_whole_table(self):
        rules = {
            "bias_correction": False,
            "weight_decay_rate": 3.0,
            "pretrained_weight_decay": 5.0,
            "learning_rate_multipliers": {WORDS: 0.5},
        }
        small, whole = (
            self.train(uses_embedding_rows=uses, **rules)
            for uses in (True, False)
        )
        assert_close(small, whole, atol=2e-6)
