"""Tests of tf_bert/training/steps_per_execution.py."""

from absl.testing import parameterized

from tf_bert.training.steps_per_execution import StepsPerExecution


def calls(per_call, *, seconds_per_step, count=12):
    """Returns the numbers of steps of some calls that take so long."""
    numbers = []
    for _ in range(count):
        numbers.append(per_call.num_steps)
        per_call.adapt(
            per_call.num_steps,
            seconds_per_step * per_call.num_steps,
        )
    return numbers


class PaceTest(parameterized.TestCase):
    @parameterized.parameters((0.001, 64), (0.02, 4), (0.06, 1), (3.0, 1))
    def test_a_call_takes_up_to_a_tenth_of_a_second(self, seconds, expected):
        numbers = calls(StepsPerExecution(), seconds_per_step=seconds)
        self.assertEqual(numbers[0], 1)
        self.assertEqual(numbers[-1], expected)

    def test_slower_steps_shorten_a_call(self):
        per_call = StepsPerExecution()
        calls(per_call, seconds_per_step=0.001)
        self.assertEqual(calls(per_call, seconds_per_step=0.09)[-1], 1)

    def test_a_short_call_counts_for_what_it_was(self):
        per_call = StepsPerExecution()
        self.assertEqual(calls(per_call, seconds_per_step=0.001)[-1], 64)
        per_call.adapt(2, seconds=0.002)
        self.assertEqual(per_call.num_steps, 64)

    def test_there_are_limits(self):
        per_call = StepsPerExecution(8, smallest=2)
        self.assertEqual(calls(per_call, seconds_per_step=1e-6)[-1], 8)
        self.assertEqual(calls(per_call, seconds_per_step=3.0)[-1], 2)
