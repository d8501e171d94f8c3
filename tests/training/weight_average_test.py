"""Tests of tf_bert/training/weight_average.py, and of its place in a run."""

import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.config import Config, parse
from tf_bert.runs import build, restart
from tf_bert.training.embedding_rows import decay_factors
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
    return build.build(Config(**parse.parse(flags(output_dir="x", **chosen))))


def weights_of(run):
    weights = run.classifier.model.weights_by_path()
    return {path: variable.numpy() for path, variable in weights.items()}


def take_step(run, step):
    """Takes one step and brings the word embeddings up to date."""
    iterator, count = run.batches.iterate(step).at(step, 1)
    run.loop.take_steps(iterator, count)
    words = run.embedding_rows
    if words is not None:
        factors = words.factors(run.optimizer, run.schedule.learning_rates)
        words.write_back(factors[step + 1] / factors[step])


@pytest.fixture(scope="module")
def averaged(flags):
    """A run, and what the average is after each step, by NumPy."""
    run = build_run(flags)
    average = {p: w.astype(np.float64) for p, w in weights_of(run).items()}
    for step in range(NUM_STEPS):
        take_step(run, step)
        decay = min(0.4, (2 + step) / (11 + step))
        average = {
            path: decay * average[path] + (1 - decay) * weight
            for path, weight in weights_of(run).items()
        }
    return run, average


@pytest.mark.large
class TestWeightAverage:
    def test_is_that_of_all_steps_unused_words_too(self, averaged):
        run, average = averaged
        raw = weights_of(run)
        with run.scored_weights():
            scored = weights_of(run)
        for path, expected in average.items():
            np.testing.assert_allclose(
                scored[path], expected, rtol=1e-5, atol=1e-6, err_msg=path
            )
            if path.endswith(("kernel", "embeddings")):
                assert abs(scored[path] - raw[path]).max() > 1e-4, path

    def test_the_raw_weights_come_back_bit_for_bit(self, averaged):
        run, _ = averaged
        raw = weights_of(run)
        with pytest.raises(KeyError), run.scored_weights():
            raise KeyError
        for path, weight in weights_of(run).items():
            np.testing.assert_array_equal(weight, raw[path], path)

    def test_the_training_itself_is_the_same(self, averaged, flags):
        run, _ = averaged
        plain = build_run(flags, ema_decay=0.0)
        for step in range(NUM_STEPS):
            take_step(plain, step)
        raw = weights_of(run)
        for path, weight in weights_of(plain).items():
            np.testing.assert_array_equal(raw[path], weight, path)
        with plain.scored_weights():
            assert (
                weights_of(plain)["classifier/kernel"]
                == raw["classifier/kernel"]
            ).all()

    def test_frozen_parts_stay_and_the_rest_is_averaged(self, flags):
        run = build_run(flags, freeze="encoder", mixout=0.3)
        start = weights_of(run)
        for step in range(2):
            take_step(run, step)
        run.use_scored_weights()
        for path, weight in weights_of(run).items():
            is_trained = path.startswith(("bert/pooler", "classifier"))
            assert (weight != start[path]).any() == is_trained, path

    def test_restarted_it_begins_again(self, flags):
        run = build_run(flags)
        take_step(run, 0)
        run.use_scored_weights()
        again = restart.restart(run, run.config).state()
        for name, variable in build_run(flags).state().items():
            np.testing.assert_array_equal(
                again[name].numpy(), variable.numpy(), name
            )

    def test_is_what_a_finished_run_keeps(self, averaged, train, tmp_path):
        run, average = averaged
        folder = train(
            tmp_path / "run",
            ema_decay=0.4,
            num_train_steps=NUM_STEPS,
            weight_decay=3.0,
            checkpoint_to_use="last",
        )
        saved = safetensors.numpy.load_file(
            folder / "model" / "model.safetensors"
        )
        raw = weights_of(run)["classifier/kernel"]
        kept = saved["classifier.weight"].T
        np.testing.assert_allclose(
            kept, average["classifier/kernel"], rtol=1e-5, atol=1e-6
        )
        assert abs(kept - raw).max() > 1e-4
        np.testing.assert_allclose(
            saved["bert.embeddings.word_embeddings.weight"],
            average["bert/embeddings/word_embeddings/embeddings"],
            rtol=1e-5,
            atol=1e-6,
        )
