"""Tests of tf_bert/trials/runners/ray_cluster.py that need no Ray."""

import sys

import pytest

from tf_bert.config import Config
from tf_bert.trials.runners import ray_cluster


def test_without_ray_it_says_what_to_install(monkeypatch):
    # As Python does with a module that it must not import.
    monkeypatch.setitem(sys.modules, "ray", None)
    config = Config(
        mode="trials",
        num_trials=2,
        output_dir="runs/x",
        train_file="x.csv",
        trial_runner="ray",
    )
    with (
        pytest.raises(ValueError, match=r"pip install 'tf_bert\[ray\]'"),
        ray_cluster.connected(config),
    ):
        pass


@pytest.mark.parametrize(
    ("num_cpus", "num_gpus", "number"), [(2, 0.5, 4), (0.1, 0, 3), (1, 1, 0)]
)
def test_as_many_fit_as_the_scarcest_has_room_for(num_cpus, num_gpus, number):
    config = Config(
        mode="trials",
        num_trials=9,
        output_dir="runs/x",
        train_file="x.csv",
        trial_runner="ray",
        num_cpus_per_trial=num_cpus,
        num_gpus_per_trial=num_gpus,
    )
    has = {0.1: {"CPU": 0.3}, 2: {"CPU": 16, "GPU": 2}, 1: {"CPU": 8}}
    assert ray_cluster._num_fitting(has[num_cpus], config) == number
