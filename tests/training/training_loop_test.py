"""Tests of tf_bert/training/training_loop.py."""

import functools
import gc
import weakref

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

from tf_bert.adaptation.mixout import Mixout
from tf_bert.data.batches import batch_plan as planning
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.training.training_loop import TrainingLoop


class Run:
    """A model that is trained by the loop on one device."""

    def __init__(self, *, dropout=0.0, mixout=0.0, **options):
        self.model = make_model(dropout=dropout)
        if mixout:
            options["mixout"] = Mixout(self.model, mixout)
        self.optimizer = AdamWeightDecay(1.0, epsilon=1e-6)
        self.optimizer.build(self.model.trainable_variables)
        self.loop = TrainingLoop(
            self.model,
            self.optimizer,
            tf.distribute.OneDeviceStrategy("/cpu:0"),
            **options,
        )
        self._start = [
            (variable, variable.numpy())
            for variable in self.optimizer.variables
            + self.model.trainable_variables
        ]

    def restart(self):
        """Goes back to the first weights; keeps what was traced."""
        for variable, value in self._start:
            variable.assign(value)
        return self

    def train(self, plan, *, examples=None, rate=0.01, **options):
        """Takes steps of a plan, and returns the sum of their losses."""
        examples = make_examples() if examples is None else examples
        losses = take_steps(self.loop, examples, plan, rate, **options)
        return float(losses.sum())

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


def new_run(**options):
    return traced_run(**options).restart()


def example_loss(model, examples, example):
    """The loss of one example by itself, unpacked."""
    start, end = examples.row_splits[example : example + 2]
    is_second = np.arange(end - start) >= examples.first_lengths[example]
    output = model(
        examples.ids[None, start:end],
        token_type_ids=is_second[None].astype(np.int32),
        labels=examples.labels[example][None],
    )
    return output.loss[0]


def moments_of(model, loss, tape):
    """The gradients of a loss, as `Run.gradients` names them."""
    variables = model.trainable_variables
    gradients = tape.gradient(loss, [v.value for v in variables])
    return {
        f"m/{variable.path}": tf.convert_to_tensor(gradient).numpy()
        for variable, gradient in zip(variables, gradients, strict=True)
    }


class TrainingLoopTest(parameterized.TestCase):
    def test_micro_batches_give_the_weights_of_one_batch(self):
        losses, weights = [], []
        for micro_batches in (1, 4):
            run = new_run()
            plan = make_plan(
                make_examples(), 6, num_micro_batches=micro_batches
            )
            losses.append(run.train(plan))
            weights.append(comparable_weights(run.model))
        self.assertAlmostEqual(*losses, places=4)
        assert_close(*weights, atol=3e-6)

    @parameterized.parameters(
        {"dropout": 0.2}, {"mixout": 0.3, "max_grad_norm": 0.0}
    )
    def test_micro_batches_draw_masks_of_their_own(self, **options):
        # So the result is that of one batch only without them, as the help
        # of --gradient_accumulation_steps says.
        first, second = (
            new_run(**options).train(
                make_plan(make_examples(), 2, num_micro_batches=parts)
            )
            for parts in (1, 4)
        )
        self.assertGreater(abs(first - second), 1e-3)

    @pytest.mark.large
    def test_its_trace_goes_with_it(self):
        # Of a sweep of many recipes, each has one.
        def trace():
            run = Run()
            run.train(make_plan(make_examples(), 1))
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
        expected = [
            np.mean(
                [
                    example_loss(run.model, examples, example)
                    for example in step.ravel()
                    if example >= 0
                ]
            )
            for step in plan.examples
        ]
        # With a rate of 0 the steps are independent of each other.
        losses = take_steps(run.loop, examples, plan, 0.0)
        np.testing.assert_allclose(losses, expected, atol=1e-5)
        (last,) = take_steps(run.loop, examples, plan, 0.0, first_step=2)
        self.assertAlmostEqual(last, expected[2], places=5)

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
            run.train(plan, examples=examples)
            weights.append(comparable_weights(run.model))
        assert_close(*weights, atol=3e-6)

    def test_gradients_are_those_of_the_mean_loss_and_clipped_as_a_whole(self):
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
        expected = moments_of(run.model, loss, tape)
        run.train(plan)
        assert_close(run.gradients(), expected, atol=1e-6)
        norm = np.sqrt(sum(np.square(g).sum() for g in expected.values()))
        self.assertGreater(norm, 0.1)
        run = new_run(max_grad_norm=0.01)
        run.train(plan)
        clipped = {path: g * (0.01 / norm) for path, g in expected.items()}
        assert_close(run.gradients(), clipped, atol=1e-6)

    @pytest.mark.large
    def test_each_micro_batch_is_mixed_by_its_own_seed(self):
        examples = make_examples()
        plan = make_plan(examples, 1, num_micro_batches=2)
        run = new_run(mixout=0.3, max_grad_norm=0.0)
        seeds = planning.dropout_seeds(1, plan)[0, 0]
        parts = []
        for chosen, seed in zip(plan.examples[0, 0], seeds, strict=True):
            with tf.GradientTape() as tape, run.loop.mixout.scope(seed):
                losses = [example_loss(run.model, examples, i) for i in chosen]
                loss = tf.reduce_sum(losses) / plan.num_examples[0]
            parts.append(moments_of(run.model, loss, tape))
        run.train(plan)
        expected = {path: parts[0][path] + parts[1][path] for path in parts[0]}
        assert_close(run.gradients(), expected, atol=1e-6)

    def test_rate_comes_with_the_step(self):
        # The optimizer's own rate is 1: it would move by far more.
        run = new_run()
        before = run.weights()
        run.train(make_plan(make_examples(), 1), rate=1e-4)
        for path, value in run.weights().items():
            moved = np.abs(value - before[path]).max()
            self.assertBetween(moved, 0.0, 1.01e-4, path)
        self.assertEqual(int(run.optimizer.iterations), 1)

    @parameterized.parameters(dict(dropout=0.1), dict(mixout=0.3))
    def test_seeds_alone_decide_the_bits(self, **options):
        plan = make_plan(make_examples(), 6)
        run = new_run(**options)
        run.train(plan)
        expected = run.weights()
        with self.subTest("With a break."):
            run.restart().train(plan, num_steps=2)
            run.train(plan, first_step=2)
            self.assertEqual(int(run.optimizer.iterations), 6)
            assert_close(run.weights(), expected)
        with self.subTest("With a trace of its own."):
            run = Run(**options)
            run.train(plan)
            assert_close(run.weights(), expected)
        with self.subTest("With another seed."):
            run = new_run(**options)
            run.train(plan, dropout_seed=2)
            head = "classifier/kernel"
            moved = np.abs(run.weights()[head] - expected[head]).max()
            self.assertGreater(moved, 1e-4)

    def test_trains(self):
        examples = make_examples()
        run = new_run()
        first = run.train(make_plan(examples, 3), rate=0.0)
        run.train(make_plan(examples, 60))
        last = run.train(make_plan(examples, 3), rate=0.0)
        self.assertLess(last, first / 4)

    def test_steps_of_all_shapes_share_one_trace(self):
        plan = make_plan(make_examples(), 9)
        shapes = set(zip(plan.num_rows, plan.widths, strict=True))
        self.assertGreater(len(shapes), 2)
        run = new_run(dropout=0.1)
        run.train(plan)
        self.assertEqual(
            run.loop.train_steps.experimental_get_tracing_count(), 1
        )
