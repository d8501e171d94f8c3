"""Tests of tf_bert/training/trained_words.py."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import transformers
from absl.testing import parameterized

from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.batches import pipeline
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.training.trained_words import TrainedWords, decay_factors
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
        words = TrainedWords(make_table(), np.array([4, 1, 4, 1, 1]))
        np.testing.assert_array_equal(words.rows.numpy(), [[2, 3], [8, 9]])
        self.assertEqual(words.rows.path, "words/embeddings")
        self.assertTrue(words.rows.trainable)

    def test_embeds_as_the_table_does(self):
        words = TrainedWords(make_table(), np.array([4, 1]))
        embedded = words.embed(tf.constant([[4, 1], [1, 1]]))
        np.testing.assert_array_equal(
            embedded, [[[8, 9], [2, 3]], [[2, 3], [2, 3]]]
        )

    def test_write_back_sets_the_rows_and_decays_the_others(self):
        table = make_table()
        words = TrainedWords(table, np.array([4, 1]))
        words.rows.assign([[-1, -2], [-3, -4]])
        words.write_back(0.5)
        np.testing.assert_array_equal(
            table.numpy(),
            [[0, 0.5], [-1, -2], [2, 2.5], [3, 3.5], [-3, -4], [5, 5.5]],
        )

    def test_read_takes_what_was_loaded(self):
        table = make_table()
        words = TrainedWords(table, np.array([5]))
        table.assign(-table.numpy())
        words.read()
        np.testing.assert_array_equal(words.rows.numpy(), [[-10, -11]])


class DecayFactorsTest(parameterized.TestCase):
    def test_decay_to_zero_is_a_product(self):
        factors = decay_factors(
            RATES, weight_decay=0.3, pretrained_weight_decay=0.0
        )
        expected = np.cumprod([1, *(1 - 0.3 * RATES.astype(np.float64))])
        np.testing.assert_allclose(factors, expected, rtol=1e-14)

    def test_pull_to_the_start_alone_changes_nothing(self):
        factors = decay_factors(
            RATES, weight_decay=0.0, pretrained_weight_decay=0.7
        )
        np.testing.assert_array_equal(factors, np.ones(STEPS + 1))

    def test_no_decay_changes_nothing(self):
        factors = decay_factors(
            RATES, weight_decay=0.0, pretrained_weight_decay=0.0
        )
        np.testing.assert_array_equal(factors, np.ones(STEPS + 1))

    def test_both_go_to_their_balance(self):
        # The distance to it, lambda / (wd + lambda), shrinks by a product.
        rates = np.full(2000, 0.02)
        factors = decay_factors(
            rates, weight_decay=0.3, pretrained_weight_decay=0.1
        )
        expected = 0.25 + 0.75 * (1 - 0.02 * 0.4) ** np.arange(2001)
        np.testing.assert_allclose(factors, expected, rtol=1e-12)

    def test_before_the_first_step_there_is_one(self):
        factors = decay_factors(
            RATES[:0], weight_decay=0.3, pretrained_weight_decay=0.1
        )
        np.testing.assert_array_equal(factors, [1.0])


class TrainingTest(parameterized.TestCase):
    """The loop with `TrainedWords` against the loop on the whole table."""

    def train(self, *, uses_trained_words, **rules):
        rng = np.random.default_rng(0)
        lengths = rng.integers(3, 13, 11)
        examples = TokenizedExamples(
            # Only the even words of 60, some of them many times.
            ids=2 * rng.integers(0, 30, lengths.sum()).astype(np.int32),
            row_splits=np.concatenate([[0], np.cumsum(lengths)]),
            first_lengths=lengths.astype(np.int32),
            labels=rng.integers(0, 2, 11),
        )
        config = transformers.BertConfig(
            vocab_size=60,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=16,
            initializer_range=0.2,
        )
        model = TFBertForSequenceClassification(config, seed=0)
        table = model.bert.embeddings.word_embeddings.embeddings
        words = TrainedWords(table, examples.ids)
        words = words if uses_trained_words else None
        optimizer = AdamWeightDecay(1.0, epsilon=1e-6, **rules)
        optimizer.build(trained_variables(model, words))
        strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
        # A low limit, so that clipping is at work in every step.
        loop = TrainingLoop(
            model, optimizer, strategy, max_grad_norm=0.1, trained_words=words
        )
        plan = planning.plan_training(
            examples.lengths, batch_size=4, num_steps=STEPS, data_seed=1
        )
        dataset = pipeline.packed_dataset(
            examples,
            plan,
            per_step={"learning_rate": RATES},
            per_replica={"dropout_seeds": planning.dropout_seeds(1, plan)},
        )
        iterator = iter(
            strategy.distribute_datasets_from_function(lambda _: dataset)
        )
        for first, last in ((0, PAUSE), (PAUSE, STEPS)):
            loop.train_steps(iterator, tf.constant(last - first))
            if words:
                to_zero, to_prior = optimizer.decay_rates(words.rows)
                factors = decay_factors(
                    RATES,
                    weight_decay=to_zero,
                    pretrained_weight_decay=to_prior,
                )
                words.write_back(factors[last] / factors[first])
                words.read()  # As a run that is continued does.
        return {v.path: v.numpy() for v in model.trainable_variables}

    @parameterized.parameters(
        {"weight_decay_rate": 0.5},
        {
            "bias_correction": False,
            "weight_decay_rate": 3.0,
            "pretrained_weight_decay": 5.0,
            "learning_rate_multipliers": {WORDS: 0.5},
        },
    )
    @pytest.mark.large
    def test_gives_the_weights_of_the_whole_table(self, **rules):
        small, whole = (
            self.train(uses_trained_words=uses, **rules)
            for uses in (True, False)
        )
        self.assertEqual(small.keys(), whole.keys())
        for path, expected in whole.items():
            if not path.endswith("key/bias"):  # Rounding noise, by softmax.
                np.testing.assert_allclose(
                    small[path], expected, rtol=0, atol=2e-6, err_msg=path
                )
