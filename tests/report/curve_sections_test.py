"""Tests of the sections about curves and blocks, and of their pictures."""

import numpy as np
import pytest

from tf_bert.report import band_tables, block_sections, curve_sections
from tf_bert.report.figures import curve_figures, style
from tf_bert.training.update_log import UpdateLog


@pytest.fixture
def sections_of(compute):
    """Returns a function from a folder to its sections about curves."""

    def sections(folder):
        results = compute(folder)
        return (
            curve_sections.curves_section(results),
            block_sections.updates_section(results),
            block_sections.distances_section(results),
        )

    return sections


def test_a_band_is_over_the_trials_that_have_a_value():
    trials = [
        [{"step": 1, "x": {"y": 0.0}}, {"step": 2, "x": {"y": 5.0}}],
        [{"step": 1, "x": {"y": 4.0}}, {"step": 2, "x": None}, {"step": 3}],
    ]
    assert curve_figures.band(trials, "x", "y") == {
        1: (1.0, 2.0, 3.0),
        2: (5.0, 5.0, 5.0),
    }


class TestSections:
    def test_the_measured_ratio_is_that_of_the_recipe(
        self, write_trials, sections_of, tmp_path
    ):
        path = write_trials(
            tmp_path / "x",
            sweep={"on": {}, "off": {"bias_correction": False}},
            scores={"on": [0.8, 0.9], "off": [0.7, 0.8]},
            record_updates=True,
        )
        _, updates, distances = sections_of(path)
        # The fixture's updates are 4 times as large without it.
        assert updates.text.endswith(": 1.00 with on.")
        ratios = [
            row for row in updates.pictures[0].table.rows if row[0] == "off"
        ]
        assert {row[2] for row in ratios} == {"4.000"}
        # Step 1 has a rate of 0, which moves nothing: it has no ratio.
        assert ratios[0][1] == "2"
        assert "at the last step: classifier with on." in distances.text

    def test_what_is_not_recorded_is_said(
        self, write_trials, sections_of, tmp_path
    ):
        path = write_trials(tmp_path / "x", scores={"all trials": [0.8, 0.9]})
        curves, updates, distances = sections_of(path)
        assert len(curves.pictures) == 1
        for section in (updates, distances):
            assert "--record_updates" in section.text
            assert section.pictures == ()

    def test_many_recipes_leave_room(self, write_trials, sections_of, tmp_path):
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

    def test_a_training_has_no_bands_and_the_best_is_said(
        self, write_run, sections_of, tmp_path
    ):
        path = write_run(
            tmp_path / "x", task_name="product_reviews", record_updates=True
        )
        curves, updates, distances = sections_of(path)
        table = curves.pictures[0].table
        assert table.header == [
            "step",
            "training loss",
            "validation loss",
            "validation accuracy",
            "learning rate",
        ]
        assert [row[0] for row in table.rows] == ["8", "16", "24", "32"]
        assert "of 4 evaluations is 0.8" in curves.text
        losses, _, rates = curves.pictures[0].figure.axes
        assert len(losses.lines) == 2
        # Of every step, as it was recorded.
        assert len(rates.lines[0].get_xdata()) == 32
        assert updates.text.endswith("corrected Adam's: 1.00.")
        (by_step,) = distances.pictures
        assert len(by_step.figure.axes[0].lines) == 5

    def test_without_validation_there_are_fewer_panels(
        self, write_run, sections_of, tmp_path
    ):
        entry = {"validation": None}
        path = write_run(
            tmp_path / "x", entry=entry, task_name="product_reviews"
        )
        curves, _, _ = sections_of(path)
        assert len(curves.pictures[0].figure.axes) == 2
        assert curves.text.startswith("At the last step: training loss")

    def test_without_a_rate_there_is_no_ratio(
        self, write_run, sections_of, tmp_path
    ):
        path = write_run(
            tmp_path / "x", task_name="product_reviews", record_updates=True
        )
        log = UpdateLog(("embeddings", "classifier"))
        log.append(np.float32(0), np.zeros((2, 2), np.float32))
        (path / "updates.npz").write_bytes(log.to_bytes())
        _, updates, _ = sections_of(path)
        assert "no step has had a learning rate" in updates.text
        assert updates.pictures == ()


def test_a_spread_has_both_ends():
    steps = list(np.arange(1, 1001))
    chosen = band_tables.spread(steps, 200)
    assert len(chosen) == 200
    assert chosen[0] == 1
    assert chosen[-1] == 1000


class TestStyles:
    @pytest.mark.parametrize("num_layers", [2, 12])
    def test_blocks_differ_without_colour(self, num_layers):
        layers = [f"layer_{i}" for i in range(num_layers)]
        styles = style.block_styles(
            ["embeddings", *layers, "pooler", "classifier"]
        )
        looks = {(str(s["linestyle"]), s["marker"]) for s in styles.values()}
        assert len(looks) == num_layers + 3

    def test_layers_grow_lighter(self):
        styles = style.block_styles([f"layer_{i}" for i in range(24)])
        lightness = [
            np.dot(s["color"][:3], [0.30, 0.59, 0.11]) for s in styles.values()
        ]
        assert np.all(np.diff(lightness) > 0)

    @pytest.mark.parametrize("num_points", [0, 1, 5, 6, 60])
    def test_every_line_has_a_marker(self, num_points):
        for place in range(27):
            first, distance = style.sparse_markers(num_points, place, 27)
            assert 0 <= first < max(1, num_points)
            assert distance >= 1
