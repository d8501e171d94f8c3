"""Tests of tf_bert/data/batches/batch_plan.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.data.batches import batch_plan as planning

LENGTHS = np.random.default_rng(0).integers(2, 40, size=37)
WIDTH = 64
SPLITS = ((1, 1), (2, 1), (1, 4), (2, 2))


def training(num_steps=12, **changes):
    arguments = {"batch_size": 8, "data_seed": 1, "width": WIDTH} | changes
    return planning.plan_training(LENGTHS, num_steps=num_steps, **arguments)


def assert_places_are_valid(plan, lengths):
    """No two tokens of a micro-batch share a place, no example a row's end."""
    for step in range(plan.num_steps):
        for examples, places in zip(
            plan.examples[step].reshape(-1, plan.examples.shape[-1]),
            plan.places[step].reshape(-1, plan.examples.shape[-1]),
            strict=True,
        ):
            taken = np.zeros(plan.num_rows[step] * plan.widths[step], int)
            for example, place in zip(examples, places, strict=True):
                if example >= 0:
                    end = place + lengths[example]
                    taken[place:end] += 1
                    row = place // plan.widths[step]
                    assert row == (end - 1) // plan.widths[step]
            assert taken.max(initial=0) <= 1
            real = lengths[examples[examples >= 0]].sum()
            assert taken.sum() == real


class PlanTrainingTest(parameterized.TestCase):
    def test_every_epoch_takes_each_example_once(self):
        plan = training(num_steps=15)
        self.assertEqual(plan.steps_per_epoch, 5)
        epochs = plan.examples.reshape(3, -1)
        for epoch in epochs:
            np.testing.assert_array_equal(
                np.sort(epoch[epoch >= 0]), np.arange(37)
            )
        self.assertNotEqual(epochs[0].tolist(), epochs[1].tolist())
        other = training(num_steps=15, data_seed=2)
        self.assertNotEqual(plan.examples.tolist(), other.examples.tolist())

    @parameterized.parameters(
        (6, {}, [8, 8, 8, 8, 5, 8]),
        (2, {"batch_size": 37}, [37, 37]),
        (2, {"batch_size": 64}, [37, 37]),
        (0, {}, []),
    )
    def test_last_batch_of_an_epoch_is_smaller(self, steps, changes, expected):
        plan = training(num_steps=steps, **changes)
        self.assertEqual(plan.num_examples.tolist(), expected)
        missing = plan.places[plan.examples < 0]
        np.testing.assert_array_equal(missing, 0)

    @parameterized.product(split=SPLITS, width=(None, WIDTH))
    def test_parts_share_a_batch_and_its_examples_do_not_overlap(
        self, split, width
    ):
        plan = training(
            width=width, num_replicas=split[0], num_micro_batches=split[1]
        )
        shape = (12, *split, 8 // split[0] // split[1])
        self.assertEqual(plan.examples.shape, shape)
        np.testing.assert_array_equal(
            plan.examples.reshape(12, -1), training().examples.reshape(12, -1)
        )
        assert_places_are_valid(plan, LENGTHS)

    def test_each_step_gets_a_width_that_holds_its_longest(self):
        plan = training(width=None)
        self.assertGreater(len(set(plan.widths)), 1)
        for step in range(plan.num_steps):
            taken = plan.examples[step][plan.examples[step] >= 0]
            longest = LENGTHS[taken].max()
            self.assertBetween(plan.widths[step], longest, 2 * longest + 8)

    @parameterized.parameters(
        ((1, 1), 1, None), ((2, 2), 1, WIDTH), ((2, 2), 4, WIDTH)
    )
    def test_shorter_run_is_the_beginning_of_a_longer_one(
        self, split, steps_per_shape, width
    ):
        options = {
            "width": width,
            "num_replicas": split[0],
            "num_micro_batches": split[1],
            "steps_per_shape": steps_per_shape,
        }
        short = training(num_steps=8, **options)
        long = training(num_steps=13, **options)
        for name in ("examples", "places", "num_rows", "widths"):
            np.testing.assert_array_equal(
                getattr(short, name), getattr(long, name)[:8]
            )
        np.testing.assert_array_equal(
            planning.dropout_seeds(5, short),
            planning.dropout_seeds(5, long)[:8],
        )

    def test_one_number_of_rows_for_the_steps_of_a_shape(self):
        alone = training(num_steps=10)
        shared = training(num_steps=10, steps_per_shape=4)
        expected = [
            alone.num_rows[first : first + 4].max() for first in (0, 4, 8)
        ]
        self.assertEqual(
            shared.num_rows.tolist(), np.repeat(expected, 4)[:10].tolist()
        )
        np.testing.assert_array_equal(shared.examples, alone.examples)
        np.testing.assert_array_equal(shared.places, alone.places)

    @parameterized.parameters(((2, 1), 8), ((2, 2), 8), ((2, 8), 16))
    def test_error_names_a_batch_that_divides(self, split, size):
        options = {"num_replicas": split[0], "num_micro_batches": split[1]}
        with self.assertRaisesRegex(
            ValueError,
            f"divide evenly.*Received: batch_size=9, replicas={split[0]}, "
            f"micro-batches={split[1]}. Take {size} examples",
        ):
            training(batch_size=9, **options)
        self.assertEqual(training(batch_size=size, **options).num_steps, 12)

    def test_row_that_is_too_narrow_is_an_error(self):
        longest = LENGTHS.max()
        with self.assertRaisesRegex(
            ValueError, f"Received: width={longest - 1}, longest={longest}"
        ):
            training(width=longest - 1)
        self.assertEqual(training(width=longest).widths[0], longest)


class PlanEvaluationTest(parameterized.TestCase):
    @parameterized.parameters((1, 1), (8, 1), (8, 2), (37, 1), (64, 2))
    def test_takes_each_example_once_and_in_order(self, batch_size, replicas):
        plan = planning.plan_evaluation(
            LENGTHS, batch_size=batch_size, width=WIDTH, num_replicas=replicas
        )
        taken = plan.examples.ravel()
        np.testing.assert_array_equal(taken[taken >= 0], np.arange(37))
        self.assertEqual(plan.num_steps, -(-37 // batch_size))
        self.assertEqual(plan.steps_per_epoch, plan.num_steps)
        assert_places_are_valid(plan, LENGTHS)


class FillTest(parameterized.TestCase):
    def test_counts_every_micro_batch(self):
        lengths = np.array([6, 4, 5, 5])
        plan = planning.plan_training(
            lengths,
            batch_size=4,
            num_steps=3,
            data_seed=0,
            width=10,
            num_replicas=2,
            num_micro_batches=2,
        )
        self.assertEqual(plan.fill(lengths), 0.5)  # One example to a row.
        # Two rows of 10 hold 15 tokens.
        plan = planning.plan_evaluation(lengths[:3], batch_size=3, width=10)
        self.assertEqual(plan.fill(lengths), 0.75)


class DropoutSeedsTest(parameterized.TestCase):
    def test_every_micro_batch_has_its_own(self):
        plan = training(num_replicas=2, num_micro_batches=2)
        seeds = planning.dropout_seeds(3, plan)
        self.assertEqual(seeds.shape, (12, 2, 2, 2))
        self.assertEqual(seeds.dtype, np.int32)
        self.assertLen({tuple(s) for s in seeds.reshape(-1, 2).tolist()}, 48)
        other = planning.dropout_seeds(4, plan)
        self.assertNotEqual(seeds.tolist(), other.tolist())
