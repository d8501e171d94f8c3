"""Tests of reports on trials that were stopped early: shown, not counted."""

import json

import pytest

from tf_bert.report import (
    conclusion_sections,
    course_sections,
    score_sections,
    sentences,
    task_results,
    trials_content,
)

SCORES = {"on": [0.6, 0.61, 0.9, 0.92], "off": [0.7, 0.8, 0.81, 0.82]}
FLAG = "keep:2,at:0.25"


def stop(path):
    """Makes a trial's files those of one that was stopped."""
    record = json.loads(path.read_text("utf-8"))
    history = path.with_suffix("") / "history.jsonl"
    first = history.read_text("utf-8").splitlines()[0]
    step, scores = (json.loads(first)[x] for x in ("step", "validation"))
    record |= {
        "status": "stopped",
        "early_stop_trials": FLAG,
        "step": step,
        "chosen": "last",
        "last": {"step": step, "validation": scores},
        "best": None,
        "is_failed": None,
        "is_degenerate": None,
        "is_constant": None,
    }
    path.write_text(json.dumps(record), "utf-8")
    history.write_text(f"{first}\n", "utf-8")
    (path.with_suffix("") / "scored_rows.tsv").unlink()


def read_results(folder):
    (task,) = trials_content.read([str(folder)])
    return task_results.compute(task)


@pytest.fixture
def folder(write_trials, tmp_path):
    """Of the recipe `on`, the two best at the end alone have gone on."""
    folder = write_trials(
        tmp_path / "trials",
        sweep={"on": {}, "off": {"bias_correction": False}},
        scores=SCORES,
        early_stop_trials=FLAG,
        record_updates=True,
    )
    for path in (folder / "trials").glob("*.json"):
        record = json.loads(path.read_text("utf-8"))
        if record["recipe"] == "on" and record["seeds"]["data_seed"] < 2:
            stop(path)
    return folder


@pytest.fixture
def results(folder):
    return read_results(folder)


class TestStoppedTrials:
    def test_they_are_counted_and_no_score_of_theirs(self, results):
        summary = results.summary("on")
        assert (summary.num_trials, summary.num_stopped) == (2, 2)
        assert abs(summary.mean - 0.91) < 1e-12
        assert summary.num_failed == 0

    def test_the_summary_says_that_the_rest_is_a_selection(self, results):
        text = " ".join(sentences.summary(results))
        assert "2 of them were stopped early" in text
        assert "better than over all trials" in text

    def test_the_scores_and_the_tests_say_so_too(self, results):
        for section in (
            score_sections.scores_section(results),
            conclusion_sections.comparisons_section(results),
        ):
            assert any("a selection of the best" in x for x in section.notes)

    def test_every_trial_has_its_row(self, results):
        section = score_sections.scores_section(results)
        rows = [
            row for row in section.pictures[0].table.rows if row[4] == "stopped"
        ]
        assert len(rows) == 2
        for row in rows:
            assert row[5] and row[6:] == ("", "", "")

    def test_without_a_draw_there_is_no_expected_score(self, results):
        assert list(results.expected) == ["off"]
        assert results.best == "on"
        assert sentences.trials_advice(results) == ""

    def test_bands_leave_them_out_and_lines_show_them(self, results):
        section = course_sections.curves_section(results)
        (axes, scores) = section.pictures[0].figure.axes
        for panel in (axes, scores):
            grey = [x for x in panel.lines if x.get_color() == "0.7"]
            assert [len(x.get_xdata()) for x in grey] == [1, 1]
        assert "Thin grey lines" in section.pictures[0].caption
        distances = course_sections.distances_section(results)
        # They have moved as far as the last step, not as the first.
        rows = distances.pictures[0].table.rows
        (row,) = (x for x in rows if x[:2] == ("on", "embeddings"))
        assert float(row[2]) > 1

    def test_the_sweep_is_finished(self, results):
        assert not results.task.missing

    def test_by_another_rule_they_are_still_to_come(self, folder):
        path = folder / "config.json"
        config = json.loads(path.read_text("utf-8"))
        del config["early_stop_trials"]
        path.write_text(json.dumps(config), "utf-8")
        assert read_results(folder).task.missing == {"on": 2}
