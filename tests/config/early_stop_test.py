"""Tests of tf_bert/config/early_stop.py."""

from absl.testing import parameterized

from tf_bert.config.early_stop import EarlyStop


class EarlyStopTest(parameterized.TestCase):
    @parameterized.parameters(
        ("keep:10,at:0.3", 10, 0.3),
        ("keep:1,at:.25", 1, 0.25),
        ("keep:03,at:0.50", 3, 0.5),
    )
    def test_is_parsed(self, text, keep, at):
        self.assertEqual(EarlyStop.parse(text), EarlyStop(keep, at))

    @parameterized.parameters(
        "10",
        "keep:10",
        "at:0.3,keep:10",
        "keep:10, at:0.3",
        "keep:0,at:0.3",
        "keep:-1,at:0.3",
        "keep:1.5,at:0.3",
        "keep:10,at:0",
        "keep:10,at:1",
        "keep:10,at:1.5",
        "keep:10,at:30%",
        "keep:10,at:nan",
        "keep:10,at:",
        "keep:\u0663,at:0.3",
    )
    def test_anything_else_is_refused(self, text):
        with self.assertRaisesRegex(ValueError, r"must be keep:K,at:F"):
            EarlyStop.parse(text)

    @parameterized.parameters("keep:10,at:0.3", "keep:2,at:0.125")
    def test_is_written_as_it_is_parsed(self, text):
        self.assertEqual(str(EarlyStop.parse(text)), text)

    @parameterized.parameters(
        (0.3, tuple(range(1, 11)), 3),
        (0.3, (10, 20, 30, 40), 20),
        (0.01, (10, 20), 10),
        (0.5, (10, 20), 10),
        (0.55, (10, 20), 20),
        (0.29, (29, 58, 100), 29),
        (0.7, (10,), 10),
    )
    def test_pauses_at_the_first_evaluation_from_there_on(
        self, at, steps, expected
    ):
        self.assertEqual(EarlyStop(2, at).pause_step(steps), expected)

    @parameterized.parameters(*range(10, 200, 7))
    def test_of_ten_evaluations_the_third_is_at_three_tenths(self, num_steps):
        steps = tuple(num_steps * i // 10 for i in range(1, 11))
        self.assertEqual(EarlyStop(2, 0.3).pause_step(steps), steps[2])
