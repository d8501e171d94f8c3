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
