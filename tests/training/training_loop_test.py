"""Tests of tf_bert/training/training_loop.py."""

import functools
import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf
import transformers
from absl.testing import parameterized

from tf_bert.adaptation.mixout import Mixout
from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.batches import pipeline
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.training.training_loop import TrainingLoop


def make_examples(size=11, num_labels=2):
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 13, size)
    labels = rng.integers(0, num_labels, size)
    if num_labels == 1:
        labels = rng.normal(size=size).astype(np.float32)
    return TokenizedExamples(
        ids=rng.integers(1, 30, lengths.sum()).astype(np.int32),
        row_splits=np.concatenate([[0], np.cumsum(lengths)]),
        first_lengths=rng.integers(2, lengths).astype(np.int32),
        labels=labels,
    )


def make_model(dropout=0.0, num_labels=2):
    config = transformers.BertConfig(
        vocab_size=30,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        num_labels=num_labels,
        initializer_range=0.2,
    )
    return TFBertForSequenceClassification(config, seed=0)


def make_plan(examples, num_steps, *, batch_size=4, **options):
    return planning.plan_training(
        examples.lengths,
        batch_size=batch_size,
        num_steps=num_steps,
        data_seed=1,
        **options,
    )


class Run:
    """A model that is trained by the loop on one device."""

    def __init__(
        self, *, dropout=0.0, num_labels=2, mixout=0.0, decays=None, **options
    ):
        self.model = make_model(dropout, num_labels)
        if mixout:
            options["mixout"] = Mixout(self.model, mixout)
        self.optimizer = AdamWeightDecay(1.0, epsilon=1e-6, **(decays or {}))
        self.optimizer.build(self.model.trainable_variables)
        self.strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
        self.loop = TrainingLoop(
            self.model, self.optimizer, self.strategy, **options
        )
        self.dropout_seed = 1
        self._start = [
            (variable, variable.numpy())
            for variable in self.optimizer.variables
            + self.model.trainable_variables
        ]

    def restart(self, *, dropout_seed=1):
        """Goes back to the fresh weights; keeps what was traced."""
        self.dropout_seed = dropout_seed
        for variable, value in self._start:
            variable.assign(value)
        return self

    def train(self, examples, plan, *, rate=0.01, first_step=0, steps=None):
        """Takes some steps of a plan, and returns the sum of their losses."""
        rates = np.full(plan.num_steps, rate, np.float32)
        dataset = pipeline.packed_dataset(
            examples,
            plan,
            first_step=first_step,
            per_step={"learning_rate": rates},
            per_replica={
                "dropout_seeds": planning.dropout_seeds(self.dropout_seed, plan)
            },
        )
        iterator = iter(
            self.strategy.distribute_datasets_from_function(lambda _: dataset)
        )
        steps = plan.num_steps - first_step if steps is None else steps
        losses = self.loop.train_steps(iterator, tf.constant(steps))
        return float(losses.numpy().sum())

    def weights(self):
        return {v.path: v.numpy() for v in self.model.trainable_variables}

    def gradients(self):
        """After one step: what the optimizer was given."""
        return {
            path: moment.numpy() / 0.1
            for path, moment in self.optimizer.moments().items()
            if path.startswith("m/")
        }


@functools.cache
def traced_run(**options):
    """Tracing is slow, and runs may share a trace."""
    return Run(**options)


def new_run(*, dropout_seed=1, **options):
    return traced_run(**options).restart(dropout_seed=dropout_seed)


def global_norm(arrays):
    return np.sqrt(sum(np.square(array).sum() for array in arrays))


def assert_all_close(actual, expected, **tolerance):
    assert actual.keys() == expected.keys()
    for path, value in expected.items():
        np.testing.assert_allclose(
            actual[path], value, err_msg=path, **tolerance
        )


def assert_all_equal(actual, expected):
    assert actual.keys() == expected.keys()
    for path, value in expected.items():
        np.testing.assert_array_equal(actual[path], value, path)


def without_key_biases(weights):
    """Their gradient is rounding noise, which Adam makes as large as any."""
    return {
        path: value
        for path, value in weights.items()
        if not path.endswith("key/bias")
    }


def example_loss(model, examples, example):
    """The loss of one example by itself, unpacked."""
    start, end = examples.row_splits[example : example + 2]
    positions = np.arange(end - start)
    output = model(
        examples.ids[None, start:end],
        token_type_ids=(positions >= examples.first_lengths[example])[
            None
        ].astype(np.int32),
        labels=examples.labels[example][None],
    )
    return output.loss[0]


def one_by_one(model, examples, step):
    return [
        float(example_loss(model, examples, example))
        for example in step.ravel()
        if example >= 0
    ]


class TrainingLoopTest(parameterized.TestCase):
    def test_micro_batches_give_the_weights_of_one_batch(self):
        examples = make_examples()
        losses, weights = [], []
        for micro_batches in (1, 4):
            run = new_run()
            plan = make_plan(examples, 6, num_micro_batches=micro_batches)
            losses.append(run.train(examples, plan))
            weights.append(without_key_biases(run.weights()))
        self.assertAlmostEqual(*losses, places=4)
        assert_all_close(*weights, atol=1e-6)

    @pytest.mark.large
    def test_its_trace_goes_with_it(self):
        # Of a sweep of many recipes, each has one.
        def trace():
            run, examples = Run(), make_examples()
            run.train(examples, make_plan(examples, 1))
            (function,) = run.loop.train_steps._list_all_concrete_functions()
            return weakref.ref(function.graph)

        graph = trace()
        gc.collect()
        self.assertIsNone(graph())

    @parameterized.parameters(1, 4)
    def test_loss_is_the_mean_over_real_examples(self, micro_batches):
        examples = make_examples()
        plan = make_plan(examples, 3, num_micro_batches=micro_batches)
        self.assertEqual(plan.num_examples.tolist(), [4, 4, 3])
        run = new_run()
        expected = [one_by_one(run.model, examples, s) for s in plan.examples]
        # With a rate of 0 the steps are independent of each other.
        total = run.train(examples, plan, rate=0.0)
        self.assertAlmostEqual(total, sum(map(np.mean, expected)), places=4)
        last = run.train(examples, plan, rate=0.0, first_step=2)
        self.assertAlmostEqual(last, np.mean(expected[2]), places=5)

    def test_regression_loss_is_the_mean_squared_error(self):
        examples = make_examples(num_labels=1)
        plan = make_plan(examples, 3)
        run = new_run(num_labels=1)
        expected = [one_by_one(run.model, examples, s) for s in plan.examples]
        total = run.train(examples, plan, rate=0.0)
        self.assertAlmostEqual(total, sum(map(np.mean, expected)), places=4)

    @parameterized.parameters(1, 4)  # The last of 4 has no example at all.
    def test_missing_examples_do_not_matter(self, micro_batches):
        examples = make_examples(size=3)
        plans = (
            make_plan(examples, 4, num_micro_batches=micro_batches),
            make_plan(examples, 4, batch_size=3),
        )
        self.assertEqual([(p.examples < 0).sum() for p in plans], [4, 0])
        weights = []
        for plan in plans:
            run = new_run()
            run.train(examples, plan)
            weights.append(without_key_biases(run.weights()))
        assert_all_close(*weights, atol=1e-6)

    def test_clipping_acts_on_the_summed_gradient(self):
        examples = make_examples()
        plan = make_plan(examples, 1, num_micro_batches=4)
        gradients = []
        for limit in (0.0, 0.01):
            run = new_run(max_grad_norm=limit)
            run.train(examples, plan)
            gradients.append(run.gradients())
        free, clipped = gradients
        norm = global_norm(free.values())
        self.assertGreater(norm, 0.1)
        expected = {path: g * (0.01 / norm) for path, g in free.items()}
        assert_all_close(clipped, expected, atol=1e-6)

    @pytest.mark.large
    def test_gradient_below_the_limit_is_not_clipped(self):
        examples = make_examples()
        plan = make_plan(examples, 1, num_micro_batches=4)
        weights = []
        for limit in (0.0, 1e3):
            run = new_run(max_grad_norm=limit)
            run.train(examples, plan)
            weights.append(run.weights())
        assert_all_equal(*weights)

    def test_gradients_are_those_of_the_mean_loss(self):
        examples = make_examples()
        plan = make_plan(examples, 1, num_micro_batches=4)
        run = new_run(max_grad_norm=0.0)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                [
                    example_loss(run.model, examples, example)
                    for example in plan.examples.ravel()
                ]
            )
        variables = run.model.trainable_variables
        expected = {
            f"m/{variable.path}": tf.convert_to_tensor(gradient).numpy()
            for variable, gradient in zip(
                variables,
                tape.gradient(loss, [v.value for v in variables]),
                strict=True,
            )
        }
        run.train(examples, plan)
        assert_all_close(run.gradients(), expected, atol=1e-6)

    @pytest.mark.large
    def test_each_micro_batch_is_mixed_by_its_own_seed(self):
        examples = make_examples()
        plan = make_plan(examples, 1, num_micro_batches=2)
        run = new_run(mixout=0.3, max_grad_norm=0.0)
        variables = run.model.trainable_variables
        expected = {f"m/{v.path}": np.zeros(v.shape) for v in variables}
        seeds = planning.dropout_seeds(run.dropout_seed, plan)[0, 0]
        for chosen, seed in zip(plan.examples[0, 0], seeds, strict=True):
            with tf.GradientTape() as tape, run.loop.mixout.scope(seed):
                losses = [example_loss(run.model, examples, i) for i in chosen]
                loss = tf.reduce_sum(losses) / plan.num_examples[0]
            for variable, gradient in zip(
                variables,
                tape.gradient(loss, [v.value for v in variables]),
                strict=True,
            ):
                gradient = tf.convert_to_tensor(gradient).numpy()
                expected[f"m/{variable.path}"] += gradient
        run.train(examples, plan)
        assert_all_close(run.gradients(), expected, atol=1e-6)

    def test_rate_comes_with_the_step(self):
        # The optimizer's own rate is 1: it would move by far more.
        examples = make_examples()
        run = new_run()
        before = run.weights()
        run.train(examples, make_plan(examples, 1), rate=1e-4)
        for path, value in run.weights().items():
            moved = np.abs(value - before[path]).max()
            self.assertBetween(moved, 0.0, 1.01e-4, path)
        self.assertEqual(int(run.optimizer.iterations), 1)

    @parameterized.parameters(dict(dropout=0.1), dict(mixout=0.3))
    def test_same_seeds_give_the_same_bits(self, **options):
        examples = make_examples()
        results = []
        # The second run reuses the trace of the first, the third has its own.
        for start in (new_run, new_run, Run):
            run = start(**options)
            loss = run.train(examples, make_plan(examples, 6))
            results.append({"loss": loss, **run.weights()})
        assert_all_equal(results[1], results[0])
        assert_all_equal(results[2], results[0])

    @parameterized.parameters(dict(dropout=0.1), dict(mixout=0.3))
    def test_pause_does_not_matter(self, **options):
        examples = make_examples()
        plan = make_plan(examples, 6)
        run = new_run(**options)
        run.train(examples, plan)
        unbroken = run.weights()
        run = new_run(**options)
        run.train(examples, plan, steps=2)
        run.train(examples, plan, first_step=2)
        self.assertEqual(int(run.optimizer.iterations), 6)
        assert_all_equal(run.weights(), unbroken)

    @parameterized.parameters(dict(dropout=0.1), dict(mixout=0.3))
    def test_other_dropout_seed_gives_other_weights(self, **options):
        examples = make_examples()
        heads = []
        for seed in (1, 2):
            run = new_run(**options, dropout_seed=seed)
            run.train(examples, make_plan(examples, 3))
            heads.append(run.weights()["classifier/kernel"])
        self.assertGreater(np.abs(heads[0] - heads[1]).max(), 1e-4)

    def test_trains(self):
        examples = make_examples()
        run = new_run()
        first = run.train(examples, make_plan(examples, 3), rate=0.0)
        run.train(examples, make_plan(examples, 60))
        last = run.train(examples, make_plan(examples, 3), rate=0.0)
        self.assertLess(last, first / 4)

    def test_steps_of_all_shapes_share_one_trace(self):
        examples = make_examples()
        plan = make_plan(examples, 9)
        shapes = set(zip(plan.num_rows, plan.widths, strict=True))
        self.assertGreater(len(shapes), 2)
        run = new_run(dropout=0.1)
        run.train(examples, plan, steps=5)
        run.train(examples, plan, first_step=5)
        self.assertEqual(
            run.loop.train_steps.experimental_get_tracing_count(), 1
        )
