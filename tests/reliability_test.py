"""Runs that are interrupted in every way: benchmarks/reliability.py, shorter,
and docs/reliability.md, whose table that program printed."""

import pathlib
import subprocess
import sys

import pytest
import reliability

ROOT = pathlib.Path(__file__).parents[1]


class TestPage:
    def test_its_table_is_that_of_the_stored_rows(self):
        page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
        assert reliability.render(reliability.stored_rows()) in page

    def test_its_rows_are_as_often_as_the_scenarios_say(self):
        times = {s.title: s.times for s in reliability.SCENARIOS.values()}
        for row in reliability.stored_rows():
            assert row.times == times[row.scenario]

    def test_every_run_ended_like_an_unbroken_one(self):
        for row in reliability.stored_rows():
            assert row.num_same == row.num_runs > 0


# The others have short forms elsewhere: kill -9 and SIGTERM of a run in
# finetune_resume_test.py, of one of two workers in workers_run_test.py.
SHORT = ("gcs", "disk", "damage", "twice")


@pytest.mark.large
def test_a_run_ends_the_same_whatever_happens_to_it(
    users_environment, tmp_path
):
    """A process of its own: the full disk needs mounts that nobody sees."""
    stored = reliability.STORED.read_bytes()
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "benchmarks" / "reliability.py"),
            "--quick",
            f"--scenarios={','.join(SHORT)}",
        ],
        capture_output=True,
        text=True,
        env={**users_environment, "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [x for x in done.stdout.split("\n\n")[-1].splitlines()[2:] if x]
    assert len(rows) == len(SHORT)
    assert reliability.STORED.read_bytes() == stored
