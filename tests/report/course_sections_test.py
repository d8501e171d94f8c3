"""Tests of tf_bert/report/course_sections.py: bands over trials."""

import numpy as np

from tf_bert.report import course_sections, task_results, trials_content
from tf_bert.report.figures import course_figures


def sections_of(path):
    (task,) = trials_content.read([str(path)])
    results = task_results.compute(task)
    return (
        course_sections.curves_section(results),
        course_sections.updates_section(results),
        course_sections.distances_section(results),
    )


class TestBand:
    def test_it_is_over_the_trials_that_have_the_step(self):
        trials = [
            [{"step": 1, "x": 0.0}, {"step": 2, "x": 5.0}],
            [{"step": 1, "x": 4.0}],
        ]
        assert course_figures.band(trials, "x") == {
            1: (1.0, 2.0, 3.0),
            2: (5.0, 5.0, 5.0),
        }

    def test_a_value_that_is_not_defined_is_left_out(self):
        trials = [[{"step": 1, "validation": None}, {"step": 2}]]
        assert course_figures.band(trials, "validation", "loss") == {}


class TestSections:
    def test_the_measured_ratio_is_that_of_the_recipe(
        self, write_trials, tmp_path
    ):
        path = write_trials(
            tmp_path / "x",
            sweep={"on": {}, "off": {"bias_correction": False}},
            scores={"on": [0.8, 0.9], "off": [0.7, 0.8]},
            record_updates=True,
        )
        _, updates, distances = sections_of(path)
        # The fixture's updates are 4 times as large without it.
        assert updates.sentences[0].endswith("on: 1.00.")
        ratios = [
            row for row in updates.pictures[0].table.rows if row[0] == "off"
        ]
        assert {row[2] for row in ratios} == {"4.000"}
        # Step 1 has a rate of 0, which moves nothing: it has no ratio.
        assert ratios[0][1] == "2"
        assert "farthest. on: classifier." in distances.sentences[0]

    def test_what_is_not_recorded_is_said(self, write_trials, tmp_path):
        path = write_trials(tmp_path / "x", scores={"all trials": [0.8, 0.9]})
        curves, updates, distances = sections_of(path)
        assert len(curves.pictures) == 1
        for section in (updates, distances):
            assert "--record_updates" in section.sentences[0]
            assert section.pictures == ()

    def test_many_recipes_leave_room(self, write_trials, tmp_path):
        sweep = {f"reinit_layers={n}": {"reinit_layers": n} for n in range(8)}
        path = write_trials(
            tmp_path / "x",
            sweep=sweep,
            scores={
                label: [0.6 + 0.02 * place] for place, label in enumerate(sweep)
            },
        )
        curves, _, _ = sections_of(path)
        drawn = {row[0] for row in curves.pictures[0].table.rows}
        # The baseline, which is the worst, and the five best.
        best = {f"reinit_layers={n}" for n in range(3, 8)}
        assert drawn == {"reinit_layers=0"} | best
        assert "Of 8 recipes the baseline and" in curves.pictures[0].caption


def test_a_spread_has_both_ends():
    steps = list(np.arange(1, 1001))
    chosen = course_sections._spread(steps, 200)
    assert len(chosen) == 200
    assert chosen[0] == 1
    assert chosen[-1] == 1000
