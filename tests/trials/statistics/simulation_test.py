"""What the intervals and tests promise, on scores whose truth is known."""

import dataclasses
import subprocess
import sys

import interval_simulation
import pytest
import statistics_simulation as simulation
from absl.testing import parameterized

from tf_bert.trials.statistics import recipe_summary, recipe_tests


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


class IntervalsOfRowsTest(parameterized.TestCase):
    @parameterized.parameters(
        ("f1", "2: 10%", 100, "even", 0.7),
        ("f1", "2: 20%", 50, "missed", 0.5),
        ("macro_f1", "2: 10%", 100, "by share", 0.7),
        ("macro_f1", "5: 5%", 100, "even", 0.8),
        ("matthews", "2: 10%", 100, "even", 0.5),
        ("matthews", "5: 5%", 100, "by share", 0.7),
    )
    def test_they_hold_the_true_value_in_few_rows(self, *population):
        cell = interval_simulation.simulate(*population, num_bootstraps=2)
        self.assertBetween(cell.coverage, 0.93, 0.99)

    def test_what_was_measured_keeps_the_promise(self):
        for cell in interval_simulation.read():
            self.assertGreaterEqual(cell.coverage, 0.93, cell)
            if 0.5 <= cell.value <= 0.9:
                self.assertLessEqual(cell.coverage, 0.99, cell)
                self.assertLessEqual(
                    cell.width, 1.5 * cell.bootstrap_width, cell
                )

    def test_every_planned_population_was_measured(self):
        self.assertEqual(
            [dataclasses.astuple(x)[:5] for x in interval_simulation.read()],
            list(interval_simulation.plan()),
        )

    def test_its_table_has_a_line_for_each_value(self):
        cell = interval_simulation.Cell(
            "f1", "2: 5%", 200, "even", 0.5, 0.94, None, 0.4, 0.5, 0.9
        )
        other = dataclasses.replace(cell, errors="missed", coverage=0.96)
        self.assertEndsWith(
            interval_simulation.table([cell, other]),
            "\n| F1, 2 | 0.5 | 2 | 0.940 to 0.960 | 0.40 to 0.40 | "
            "0.80 to 0.80 | 0.90 |",
        )


@pytest.mark.large
class ManyDrawsTest(parameterized.TestCase):
    def test_the_quick_form_runs(self):
        subprocess.run(
            [sys.executable, simulation.__file__, "--quick"],
            check=True,
            capture_output=True,
        )

    @parameterized.parameters(*range(0, 1100, 200))
    def test_stored_intervals_are_what_the_command_finds(self, number):
        stored = interval_simulation.read()[number]
        found = interval_simulation.simulate(*dataclasses.astuple(stored)[:5])
        self.assertEqual(found, stored)

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
        # Of 10 trials all 184,756 splits are taken, which is slow.
        num_draws = 2000 if num_trials == 10 else simulation.NUM_DRAWS
        shares = simulation.rejections(num_trials, num_draws=num_draws)
        for name in recipe_tests.TEST_NAMES:
            self.assertLessEqual(shares[name], 0.06, name)
        for name in ("welch", "permutation", "paired", "student"):
            self.assertGreater(shares[name], 0.04, name)
