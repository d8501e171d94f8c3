"""Tests of whole runs with `--record_updates`; see finetune_resume_test.py."""

import numpy as np
import pytest
from conftest import read_history, read_json

from tf_bert.report import report_run
from tf_bert.training.update_log import bias_ratio

BLOCKS = {"embeddings", "layer_0", "layer_1", "pooler", "classifier"}


# Decay and epsilon are no part of the paper's formula.
UNCORRECTED = {
    "bias_correction": False,
    "weight_decay": 0,
    "adam_epsilon": 1e-14,
    "warmup_proportion": 0.5,
    "learning_rate": 1e-3,
}


@pytest.fixture(scope="module")
def recorded(train, tmp_path_factory):
    """The folders of the same run, recorded and not."""
    parent = tmp_path_factory.mktemp("recorded")
    return tuple(
        train(parent / str(is_on), record_updates=is_on, **UNCORRECTED)
        for is_on in (True, False)
    )


class TestRecorded:
    def test_the_result_is_the_same_to_the_bit(self, recorded):
        for name in ("model/model.safetensors", "eval_results.txt"):
            contents = [(folder / name).read_bytes() for folder in recorded]
            assert contents[0] == contents[1], name
        histories = [read_history(folder) for folder in recorded]
        for entry in histories[0]:
            del entry["distance"]
        assert histories[0] == histories[1]
        assert not (recorded[1] / "updates.npz").exists()

    def test_every_step_and_block_is_there(self, recorded):
        with np.load(recorded[0] / "updates.npz") as arrays:
            assert arrays["step"].tolist() == [1, 2, 3, 4, 5, 6]
            assert set(arrays) == {
                "step",
                "learning_rate",
                "bias_ratio",
                *(f"update_norm/{block}" for block in BLOCKS),
                *(f"expected_norm/{block}" for block in BLOCKS),
            }

    def test_the_ratio_is_that_of_the_paper(self, recorded):
        with np.load(recorded[0] / "updates.npz") as arrays:
            steps, ratios = arrays["step"], arrays["bias_ratio"]
        assert np.isnan(ratios[0])  # The warm-up begins with a rate of 0.
        np.testing.assert_allclose(
            ratios[1:], bias_ratio(steps, 0.9, 0.999)[1:], rtol=1e-3
        )

    def test_the_distances_fit_the_updates(self, recorded):
        history = read_history(recorded[0])
        assert {frozenset(e["distance"]) for e in history} == {
            frozenset(BLOCKS)
        }
        with np.load(recorded[0] / "updates.npz") as arrays:
            for block in BLOCKS:
                moved = arrays[f"update_norm/{block}"]
                # The first step has a rate of 0; the second goes straight.
                assert history[0]["distance"][block] == pytest.approx(
                    moved[1], rel=1e-5
                )
                assert history[-1]["distance"][block] <= moved.sum() * 1.00001

    def test_what_it_costs_is_said(self, recorded):
        runtime = read_json(recorded[0] / "all_results.json")["runtime"]
        assert 0 < runtime["recording_share_of_step_time"] < 1
        runtime = read_json(recorded[1] / "all_results.json")["runtime"]
        assert "recording_share_of_step_time" not in runtime

    def test_the_report_has_every_picture(self, recorded):
        (part,) = report_run.report_page([str(recorded[0])]).parts
        pictures = {
            x.name for section in part.sections for x in section.pictures
        }
        assert pictures >= {
            "bias-ratio",
            "curves",
            "distances-by-step",
            "update-norms",
        }
