"""What the intervals and tests promise, on scores whose truth is known."""

import pytest
import statistics_simulation as simulation
from absl.testing import absltest, parameterized

from tf_bert.statistics import recipe_summary, recipe_tests


class FewDrawsTest(parameterized.TestCase):
    def test_intervals_of_normal_scores_hold_what_they_promise(self):
        mean, median = simulation.coverage("normal", 5, num_draws=2000)
        self.assertBetween(mean, 0.93, 0.97)
        self.assertBetween(median, 0.91, 0.96)

    def test_where_runs_fail_the_mean_is_missed_when_none_is_seen(self):
        mean, median = simulation.coverage("a fifth fails", 5, num_draws=2000)
        self.assertBetween(mean, 0.64, 0.70)  # 1 - 0.8^5 = 0.672
        self.assertBetween(median, 0.91, 0.96)

    def test_tables_have_a_row_for_each_fact(self):
        intervals = simulation.coverage_table(20).splitlines()
        self.assertLen(intervals, 2 + 2 * len(simulation.SOURCES))
        tests = simulation.rejection_table(20)
        for name in recipe_tests.TEST_NAMES.values():
            self.assertIn(f"| {name} |", tests)


@pytest.mark.large
class ManyDrawsTest(parameterized.TestCase):
    @parameterized.parameters(*simulation.NUM_TRIALS)
    def test_the_mean_of_normal_scores_is_held_in_95_of_100(self, num_trials):
        mean, _ = simulation.coverage("normal", num_trials)
        self.assertBetween(mean, 0.94, 0.96)

    @parameterized.parameters(*simulation.NUM_TRIALS)
    def test_the_warning_tells_the_coverage_where_runs_fail(self, num_trials):
        mean, median = simulation.coverage("a fifth fails", num_trials)
        told = recipe_summary.COVERAGE_WHERE_A_FIFTH_FAILS[num_trials]
        self.assertAlmostEqual(100 * mean, told, delta=1)
        self.assertGreater(median, 0.92)

    @parameterized.parameters(*simulation.NUM_TRIALS)
    def test_equal_recipes_are_seldom_called_different(self, num_trials):
        shares = simulation.rejections(num_trials)
        for name in recipe_tests.TEST_NAMES:
            self.assertLessEqual(shares[name], 0.06, name)
        for name in ("welch", "permutation", "paired", "student"):
            self.assertGreater(shares[name], 0.04, name)


if __name__ == "__main__":
    absltest.main()
