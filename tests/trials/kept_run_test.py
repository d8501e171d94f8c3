"""A trial whose model is kept is a finished run, for every mode."""

import json
import shutil

import pytest

from tf_bert import run


@pytest.fixture(scope="module")
def sweep(finished_sweep, tmp_path_factory):
    """A copy of the sweep, to be written to."""
    folder = tmp_path_factory.mktemp("kept") / "sweep"
    return shutil.copytree(finished_sweep, folder)


@pytest.fixture(scope="module")
def best(sweep):
    """The folder of the one trial whose model is kept."""
    (model,) = sweep.glob("trials/*/model")
    return model.parent


@pytest.mark.large
class TestKeptRun:
    def test_is_evaluated_as_it_was_scored(self, best):
        assert run.main(["--mode=evaluate", f"--output_dir={best}"]) == 0
        found = json.loads((best / "evaluation.json").read_text())
        record = json.loads(best.with_suffix(".json").read_text())
        scores = record[record["chosen"]]["test"]
        assert found["test"]["accuracy"] == scores["accuracy"]
        assert found["test"]["loss"] == pytest.approx(scores["loss"])

    def test_predicts(self, best, reviews):
        arguments = [f"--output_dir={best}", "--mode=predict"]
        assert run.main([*arguments, f"--predict_file={reviews}/test.csv"]) == 0
        lines = (best / "predictions.tsv").read_text().splitlines()
        assert len(lines) == 1 + 12

    def test_has_a_report_of_its_own(self, best):
        assert run.main(["--mode=report", f"--output_dir={best}"]) == 0
        assert (best / "report.html").stat().st_size > 10_000

    def test_is_no_run_without_its_model(self, sweep, best, capsys):
        other = next(
            x for x in (sweep / "trials").iterdir() if x.is_dir() and x != best
        )
        capsys.readouterr()
        assert run.main(["--mode=evaluate", f"--output_dir={other}"]) == 2
        assert "must hold a finished run" in capsys.readouterr().err


@pytest.mark.large
class TestReport:
    def test_is_made_of_real_trials(self, sweep):
        assert run.main(["--mode=report", f"--output_dir={sweep}"]) == 0
        page = (sweep / "report.html").read_text()
        for label in ("reinit_layers=0", "reinit_layers=1"):
            assert label in page
        assert (sweep / "report/tables/trials.tsv").read_text().count("\n") == 5
