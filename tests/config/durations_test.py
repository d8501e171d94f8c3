"""Tests of tf_bert/config/durations.py."""

from absl.testing import parameterized

from tf_bert.config import Config, durations


def evaluation_steps(num_steps, steps_per_epoch=1, **fields):
    config = Config(output_dir="x", **{"num_evaluations": None} | fields)
    return durations.evaluation_steps(config, num_steps, steps_per_epoch)


class WarmupStepsTest(parameterized.TestCase):
    @parameterized.parameters((0, 0), (0.1, 2), (0.5, 11), (1, 23))
    def test_a_proportion_is_rounded_down(self, proportion, expected):
        config = Config(output_dir="x", warmup_proportion=proportion)
        self.assertEqual(durations.warmup_steps(config, 23), expected)

    @parameterized.parameters(0, 5, 23)
    def test_a_number_stays(self, number):
        config = Config(
            output_dir="x", warmup_proportion=None, num_warmup_steps=number
        )
        self.assertEqual(durations.warmup_steps(config, 23), number)

    def test_is_not_longer_than_the_training(self):
        config = Config(
            output_dir="x", warmup_proportion=None, num_warmup_steps=24
        )
        with self.assertRaisesRegex(
            ValueError, "Received: num_warmup_steps=24 of 23 steps"
        ):
            durations.warmup_steps(config, 23)


class EvaluationStepsTest(parameterized.TestCase):
    @parameterized.parameters(
        (234, 4, (58, 117, 175, 234)),
        (10, 10, tuple(range(1, 11))),
        (3, 10, (1, 2, 3)),
        (1, 1, (1,)),
        (7, 2, (3, 7)),
    )
    def test_are_spread_evenly_up_to_the_end(self, steps, number, expected):
        self.assertEqual(
            evaluation_steps(steps, num_evaluations=number), expected
        )

    def test_are_as_many_as_asked_for(self):
        for num_steps in range(20, 100):
            steps = evaluation_steps(num_steps, num_evaluations=20)
            self.assertLen(steps, 20)
            self.assertEqual(steps[-1], num_steps)

    @parameterized.parameters(
        (10, 4, (4, 8, 10)),
        (8, 4, (4, 8)),
        (9, 4, (4, 8, 9)),
        (3, 1, (1, 2, 3)),
        (3, 100, (3,)),
    )
    def test_every_so_many_steps_and_at_the_end(self, steps, every, expected):
        self.assertEqual(
            evaluation_steps(steps, evaluate_every_steps=every), expected
        )

    @parameterized.parameters(
        (30, 10, 1.0, (10, 20, 30)),
        (25, 10, 1.0, (10, 20, 25)),
        (20, 10, 1 / 3, (3, 7, 10, 13, 17, 20)),
        (30, 10, 2.0, (20, 30)),
        (5, 10, 1.0, (5,)),
        # More often than every step is every step.
        (3, 10, 1e-6, (1, 2, 3)),
    )
    def test_every_so_many_epochs_and_at_the_end(
        self, steps, steps_per_epoch, every, expected
    ):
        self.assertEqual(
            evaluation_steps(
                steps, steps_per_epoch, evaluate_every_epochs=every
            ),
            expected,
        )
