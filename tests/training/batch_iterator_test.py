"""Tests of tf_bert/training/batch_iterator.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.data.batches.batch_plan import Plan
from tf_bert.training.batch_iterator import Feed


def make_feed(num_rows, **options):
    """A feed whose iterators are lists of the steps they were opened for."""
    num_steps = len(num_rows)
    plan = Plan(
        examples=np.zeros([num_steps, 1, 1, 1], np.int32),
        places=np.zeros([num_steps, 1, 1, 1], np.int32),
        num_rows=np.array(num_rows, np.int32),
        widths=np.full(num_steps, 8, np.int32),
        steps_per_epoch=1,
    )
    return Feed(plan, lambda steps: iter(steps.tolist()), **options)


def take_all(feed, num_steps, *, most, first_step=0):
    """Takes the steps as a training does; returns them, call by call."""
    calls, step = [], first_step
    while step < num_steps:
        iterator, count = feed.at(step, min(most, num_steps - step))
        calls.append([next(iterator) for _ in range(count)])
        step += count
    return calls


class FeedTest(parameterized.TestCase):
    def test_open_shapes_come_from_one_iterator(self):
        feed = make_feed([1, 2, 1, 3, 1])
        self.assertEqual(take_all(feed, 5, most=3), [[0, 1, 2], [3, 4]])

    def test_a_call_has_steps_of_one_static_shape(self):
        feed = make_feed([3, 3, 3, 2, 2, 3, 3], static_shapes=True)
        self.assertEqual(
            take_all(feed, 7, most=2), [[0, 1], [2], [3, 4], [5, 6]]
        )

    @parameterized.product(static_shapes=(True, False), first_step=(0, 2, 6))
    def test_each_step_from_the_first_one_comes_once(
        self, static_shapes, first_step
    ):
        feed = make_feed(
            [3, 3, 3, 2, 2, 3, 3],
            static_shapes=static_shapes,
            first_step=first_step,
        )
        calls = take_all(feed, 7, most=3, first_step=first_step)
        self.assertEqual(sum(calls, []), list(range(first_step, 7)))
