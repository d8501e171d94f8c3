"""Tests of tf_bert/training/batch_iterator.py."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.data.batches.batch_plan import Plan
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.training.batch_iterator import Batches


def make_batches(num_rows, *, static_shapes=False):
    """Batches of one example, over and over, that tell their step."""
    num_steps = len(num_rows)
    plan = Plan(
        examples=np.zeros([num_steps, 1, 1, 1], np.int32),
        places=np.zeros([num_steps, 1, 1, 1], np.int32),
        num_rows=np.array(num_rows, np.int32),
        widths=np.full(num_steps, 8, np.int32),
        steps_per_epoch=1,
    )
    return Batches(
        examples=TokenizedExamples(
            ids=np.array([2, 3], np.int32),
            row_splits=np.array([0, 2], np.int64),
            first_lengths=np.array([2], np.int32),
            labels=np.zeros(1, np.int32),
        ),
        plan=plan,
        per_step={"number": np.arange(num_steps)},
        per_replica={},
        strategy=tf.distribute.OneDeviceStrategy("/cpu:0"),
        static_shapes=static_shapes,
    )


def take_all(batches, *, most, first_step=0):
    """Takes the steps as a training does; returns them, call by call."""
    taken, step = batches.iterate(first_step), first_step
    calls = []
    while step < batches.plan.num_steps:
        iterator, count = taken.at(
            step, min(most, batches.plan.num_steps - step)
        )
        calls.append([int(next(iterator)["number"]) for _ in range(count)])
        step += count
    return calls


class BatchesTest(parameterized.TestCase):
    def test_open_shapes_come_from_one_iterator(self):
        batches = make_batches([1, 2, 1, 3, 1])
        self.assertEqual(take_all(batches, most=3), [[0, 1, 2], [3, 4]])

    def test_a_call_has_steps_of_one_static_shape(self):
        batches = make_batches([3, 3, 3, 2, 2, 3, 3], static_shapes=True)
        self.assertEqual(
            take_all(batches, most=2), [[0, 1], [2], [3, 4], [5, 6]]
        )

    @parameterized.product(static_shapes=(True, False), first_step=(0, 2, 6))
    def test_each_step_from_the_first_one_comes_once(
        self, static_shapes, first_step
    ):
        batches = make_batches(
            [3, 3, 3, 2, 2, 3, 3], static_shapes=static_shapes
        )
        calls = take_all(batches, most=3, first_step=first_step)
        self.assertEqual(sum(calls, []), list(range(first_step, 7)))
