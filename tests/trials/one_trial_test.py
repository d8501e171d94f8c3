"""Tests of tf_bert/trials/one_trial.py: a trial is what it is alone."""

import json
import math

import pytest

from tf_bert.config import Config, parse
from tf_bert.trials.live_table import SilentBar
from tf_bert.trials.one_trial import Workbench
from tf_bert.trials.planned_trials import Job, planned_trials

pytestmark = pytest.mark.large

# Every part of a training that a restart must bring back. Each follows on
# the one before it in one process, so what is left over would show.
RECIPES = {
    "base": {},
    "other_length": {
        "num_train_steps": 8,
        "learning_rate": 0.02,
        "checkpoint_to_use": "last",
    },
    "reinit_stopped_early": {
        "reinit_layers": 1,
        "early_stopping_patience": 1,
        "num_train_steps": 9,
        "num_evaluations": 9,
    },
    "mixout_frozen": {"mixout": 0.5, "freeze": "lower_1"},
    "recorded": {
        "record_updates": True,
        "bias_correction": False,
        "weight_decay": 0.1,
    },
    "accumulated_pulled": {
        "gradient_accumulation_steps": 3,
        "layerwise_lr_decay": 0.5,
        "pretrained_weight_decay": 0.5,
        "weight_decay": 0.1,
    },
    "cached": {
        "freeze": "lower_1",
        "reinit_pooler": True,
        "cache_frozen_features": True,
    },
    "cached_encoder": {"freeze": "encoder", "cache_frozen_features": True},
    "base_again": {"num_train_epochs": 2, "num_train_steps": None},
}


@pytest.fixture(scope="module")
def base(flags, reviews):
    """Returns the configuration of a sweep over some recipes."""

    def make(folder, recipes, **changes):
        given = parse.parse(
            flags(
                mode="trials",
                output_dir=folder,
                test_file=reviews / "test.csv",
                seed=1,
                num_trials=2,
                **changes,
            )
        )
        return Config(**given, sweep=recipes)

    return make


def run_all(trials, beats=math.inf):
    """The result of each trial, one after the other on one workbench."""
    workbench = Workbench()
    return [
        workbench.run_trial(Job(trial, beats), make_bar=SilentBar)
        for trial in trials
    ]


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def assert_is_what_it_is_alone(record, files, alone):
    """Compares a trial with the folder of a single run."""
    assert record["status"] == "ok", record["error"]
    results = read_json(alone / "all_results.json")
    chosen = record[record["chosen"]]
    assert chosen["step"] == results["train"]["chosen_step"]
    assert record["step"] == results["train"]["num_steps"]
    for split in ("validation", "test"):
        for name, value in chosen[split].items():
            assert value == results[split][name], (split, name)
    names = {"history.jsonl", "scored_rows.tsv"}
    names |= {"updates.npz"} & set(files)
    for name in names:
        assert files[name] == (alone / name).read_bytes(), name


class TestAlone:
    def test_every_recipe_is_what_it_is_alone(
        self, base, train, reviews, tmp_path
    ):
        """The second seed of each: a restart of the first."""
        trials = planned_trials(base(tmp_path / "trials", RECIPES))
        results = run_all(trials)
        for trial, result in zip(trials[1::2], results[1::2], strict=True):
            alone = train(
                tmp_path / trial.recipe,
                test_file=reviews / "test.csv",
                **RECIPES[trial.recipe],
                **trial.seeds,
            )
            assert_is_what_it_is_alone(result.record, result.files, alone)
