"""Tests of tf_bert/config/rules.py; more is refused in tests/bad_inputs.py."""

import pytest

from tf_bert.config import Config
from tf_bert.config.all_settings import OF_TRIALS

TRIALS = {"mode": "trials", "num_trials": 2}
RAY = {**TRIALS, "trial_runner": "ray"}
GRID = {"mode": "trials", "num_head_seeds": 2}
SWEEP = {**TRIALS, "sweep": {"a": {}, "b": {"mixout": 0.1}}}


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "inspect", "output_dir": None},
        {"task_type": "regression", "label_smoothing_factor": 0.0},
        {"tfds_name": "imdb_reviews"},
        {"tfds_name": "glue/rte"},
        {"tfds_name": "glue/rte:2.0.0"},
        {"tfds_name": "paws_x_wiki/de:1.*.*"},
        # A finished run is evaluated on any file.
        {"tfds_name": "glue/rte", "test_file": "a.tsv", "mode": "evaluate"},
        TRIALS,
        {**GRID, "num_data_seeds": 3},
        {**SWEEP, "baseline": "b"},
        {**TRIALS, "num_parallel_trials": 2},
        {**RAY, "ray_address": "auto"},
    ],
)
def test_is_taken(fields):
    Config(**{"output_dir": "x", **fields})


ALTERNATIVES = [
    ({"num_train_steps": 10}, "`num_train_epochs`, `num_train_steps`"),
    ({"num_train_epochs": None}, "num_train_epochs=None, num_train_steps"),
    ({"num_warmup_steps": 0}, "`warmup_proportion`, `num_warmup_steps`"),
    ({"evaluate_every_steps": 5}, "num_evaluations=10, evaluate_every_ste"),
    ({"train_batch_size": None}, "Pass --train_batch_size or --per_device"),
]
DATA = [
    *(
        (
            {"group_column": "x", name: "x"},
            f"`group_column` must be another .*'x', {name}='x'",
        )
        for name in ("text_column", "label_column")
    ),
    (
        {"task_type": "regression", "label_smoothing_factor": 0.1},
        "for a regression.*label_smoothing_factor=0.1, labels ",
    ),
    (
        {"task_type": "regression", "positive_label": "1"},
        "for a regression.*positive_label='1', task_type=regression",
    ),
    *(
        (
            {"tfds_name": name},
            f"such as imdb_reviews .*tfds_name='{name}'. Correct",
        )
        for name in (
            *("glue/", "glue rte", "huggingface:glue/rte", "../rte", "a/b/c"),
        )
    ),
    *(
        (
            {"tfds_name": "glue/rte", **other},
            "`tfds_name` must be the only source of the data",
        )
        for other in (
            {"task_name": "rte"},
            {"train_file": "a.csv"},
            {"test_file": "a.csv"},
            {"data_dir": "glue"},
        )
    ),
    *(
        (
            {"tfds_data_dir": "d", **other},
            "`tfds_data_dir` must be the only source of the data",
        )
        for other in (
            {},
            {"train_file": "a.csv"},
            {"task_name": "rte", "data_dir": "g"},
        )
    ),
]
DEVICES = [
    (
        {"distribution": "mirrored", "tpu_name": "mine"},
        "without a TPU.*tpu_name='mine', distribution=mirrored",
    ),
    ({"tpu_zone": "z"}, "name of a TPU. Received: tpu_zone='z', tpu_name=None"),
    (
        {**TRIALS, "distribution": "multi_worker"},
        "devices of one machine.*distribution=multi_worker, mode=trials",
    ),
]
OF_SWEEPS = [
    ({**TRIALS, "num_head_seeds": 2}, "Pass --num_trials=20 alone"),
    (GRID, "num_head_seeds=2, num_data_seeds=None"),
    ({**TRIALS, "head_seed": 4}, "head_seed=4, seed=0"),
    ({**TRIALS, "predict_file": "new.csv"}, "predict_file='new.csv'"),
    (
        {**TRIALS, "train_batch_size": None, "per_device_train_batch_size": 8},
        "Received: per_device_train_batch_size=8",
    ),
    (
        {**TRIALS, "ray_address": "auto"},
        "ray_address='auto', trial_runner=local",
    ),
    (
        {**RAY, "num_parallel_trials": 2},
        "num_parallel_trials=2, trial_runner=ray",
    ),
    ({**SWEEP, "baseline": "c"}, "recipes: a; b"),
]


@pytest.mark.parametrize(
    "fields, message", [*ALTERNATIVES, *DATA, *DEVICES, *OF_SWEEPS]
)
def test_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Config(output_dir="x", **fields)


@pytest.mark.parametrize(
    "decays",
    [
        {"weight_decay": 50.0},
        {"weight_decay": 0.0, "pretrained_weight_decay": 50.0},
        {"weight_decay": 25.0, "pretrained_weight_decay": 25.0},
    ],
)
def test_one_step_does_not_decay_past_the_target(decays):
    with pytest.raises(ValueError, match="below 1.* Received: learning_rate=0"):
        Config(output_dir="x", learning_rate=0.02, **decays)
    Config(output_dir="x", learning_rate=0.0199, **decays)


OTHER_VALUES = {
    "sweep": {"a": {}},
    "sweep_given": ("a",),
    "trials_save_model": "all",
    "trial_runner": "ray",
    "num_cpus_per_trial": 2.0,
    "num_gpus_per_trial": 1.0,
    "ray_address": "auto",
    "baseline": "a",
    "trials_dirs": ("a", "b"),
}


@pytest.mark.parametrize("name", OF_TRIALS)
def test_a_single_training_takes_no_setting_of_trials(name):
    with pytest.raises(ValueError, match=f"Received: {name}="):
        Config(output_dir="x", **{name: OTHER_VALUES.get(name, 2)})
