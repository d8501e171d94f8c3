"""Tests of tf_bert/training/devices/device_counts.py."""

from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.training.devices.device_counts import check_count, largest_count


def make_config(train, parts=1, evaluation=64):
    return Config(
        output_dir="x",
        train_batch_size=train,
        gradient_accumulation_steps=parts,
        eval_batch_size=evaluation,
        distribution="mirrored",
    )


class LargestCountTest(parameterized.TestCase):
    @parameterized.parameters(
        (8, 1, 64, 8, 8),
        (8, 2, 64, 8, 4),
        (12, 1, 64, 8, 4),
        (24, 1, 10, 8, 2),
        (7, 1, 64, 8, 1),
        (6, 1, 6, 5, 3),
    )
    def test_divides_every_batch(self, train, parts, evaluation, available, n):
        config = make_config(train, parts, evaluation)
        self.assertEqual(largest_count(config, available, trains=True), n)

    def test_who_only_evaluates_looks_at_that_batch_alone(self):
        config = make_config(7)
        self.assertEqual(largest_count(config, 8, trains=False), 8)
        check_count(config, 8, trains=False)


class CheckCountTest(parameterized.TestCase):
    @parameterized.parameters((8, 1, 4), (8, 2, 4), (6, 3, 2))
    def test_what_divides_passes(self, train, parts, count):
        check_count(make_config(train, parts), count, trains=True)

    @parameterized.parameters(
        (10, 1, 64, 4, "train_batch_size=10, for 4", "--train_batch_size=8,"),
        (11, 1, 64, 4, "train_batch_size=11, for 4", "--train_batch_size=12,"),
        (1, 1, 64, 4, "train_batch_size=1, for 4", "--train_batch_size=4,"),
        (
            *(12, 2, 64, 4),
            "train_batch_size=12, gradient_accumulation_steps=2, for 4",
            "--train_batch_size=16,",
        ),
        (8, 2, 65, 4, "eval_batch_size=65, for 4", "--eval_batch_size=64,"),
        (
            *(9, 1, 3, 8),
            "eval_batch_size=3, train_batch_size=9, for 8",
            "--eval_batch_size=8 --train_batch_size=8,",
        ),
    )
    def test_else_the_nearest_is_named(
        self, train, parts, evaluation, count, received, advice
    ):
        with self.assertRaises(ValueError) as error:
            check_count(
                make_config(train, parts, evaluation), count, trains=True
            )
        message = str(error.exception)
        self.assertIn(f"Received: {received} devices", message)
        self.assertIn("--distribution=mirrored", message)
        self.assertIn(f"Pass {advice}", message)
