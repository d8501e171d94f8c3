"""Tests of tf_bert/training/weight_average.py, and of its place in a run."""

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from tf_bert import build, cli
from tf_bert.config import Config
from tf_bert.training.trained_words import decay_factors
from tf_bert.training.weight_average import average_decays, average_factors

NUM_STEPS = 5


class DecaysTest(parameterized.TestCase):
    @parameterized.parameters(0.0, 0.3, 0.9, 0.999)
    def test_are_those_of_tensorflow(self, ema_decay):
        value, updates = tf.Variable(0.0), tf.Variable(0.0)
        average = tf.train.ExponentialMovingAverage(ema_decay, updates)
        average.apply([value])
        expected = 0.0
        for step, decay in enumerate(average_decays(30, ema_decay), 1):
            updates.assign(step)
            value.assign(step**2)
            average.apply([value])
            expected = decay * expected + (1 - decay) * step**2
            self.assertAlmostEqual(
                average.average(value).numpy() / expected, 1, delta=1e-5
            )

    def test_of_a_weight_without_gradient_is_its_average(self):
        rng = np.random.default_rng(0)
        factors = decay_factors(
            rng.uniform(0, 0.1, 20),
            weight_decay=0.3,
            pretrained_weight_decay=0.2,
        )
        decays = rng.uniform(0, 1, 20)
        averages, value = average_factors(factors, decays), 1.0
        for step in range(20):
            value = value * decays[step] + factors[step + 1] * (
                1 - decays[step]
            )
            self.assertAlmostEqual(averages[step + 1], value)


def build_run(flags, **changes):
    chosen = {
        "ema_decay": 0.4,
        "num_train_steps": NUM_STEPS,
        "weight_decay": 3.0,
        **changes,
    }
    return build.build(Config(**cli.parse(flags(output_dir="x", **chosen))))


def weights_of(run):
    weights = run.classifier.model.weights_by_path()
    return {path: variable.numpy() for path, variable in weights.items()}


def take_step(run, step):
    """Takes one step and brings the word embeddings up to date."""
    iterator, count = run.feed(step).at(step, 1)
    run.loop.take_steps(iterator, count)
    words = run.trained_words
    if words is not None:
        to_zero, to_prior = run.optimizer.decay_rates(words.rows)
        factors = decay_factors(
            run.learning_rates,
            weight_decay=to_zero,
            pretrained_weight_decay=to_prior,
        )
        words.write_back(factors[step + 1] / factors[step])


