"""Tests of tf_bert/runs/restart.py."""

import numpy as np
import pytest
from conftest import make_config

from tf_bert.runs import build, restart, training_run
from tf_bert.runs.state.run_checkpoints import MemoryCheckpoints
from tf_bert.trials.live_table import SilentBar


def values_of(run):
    return {
        name: variable.numpy()
        for name, variable in run.state().items()
        if name != "iterations"
    }


@pytest.fixture(scope="module")
def trained(flags):
    """A run with a prior, moments and a record of updates, trained."""
    run = build.build(
        make_config(
            flags,
            pretrained_weight_decay=0.3,
            record_updates=True,
            num_train_steps=4,
            num_evaluations=2,
        )
    )
    training_run.train(run, MemoryCheckpoints(), make_bar=SilentBar)
    return run


@pytest.fixture(scope="module")
def changes():
    return {
        "pretrained_weight_decay": 0.3,
        "record_updates": True,
        "seed": 3,
        "reinit_layers": 1,
        "learning_rate": 0.02,
        "num_train_steps": 5,
        "num_evaluations": 1,
    }


@pytest.fixture(scope="module")
def pair(trained, flags, changes):
    """The trained run restarted, and a new one of that configuration."""
    config = make_config(flags, **changes)
    return restart.restart(trained, config), build.build(config)


class TestRestart:
    def test_gives_what_a_new_run_has(self, pair):
        restarted, new = pair
        expected = values_of(new)
        for name, value in values_of(restarted).items():
            np.testing.assert_array_equal(value, expected[name], name)
        assert restarted.optimizer.iterations.numpy() == 0
        assert restarted.config == new.config
        assert restarted.classifier.new == new.classifier.new
        assert (
            restarted.schedule.evaluation_steps == new.schedule.evaluation_steps
        )
        np.testing.assert_array_equal(
            restarted.schedule.learning_rates, new.schedule.learning_rates
        )
        np.testing.assert_array_equal(
            restarted.schedule.plan.examples, new.schedule.plan.examples
        )

    def test_keeps_the_trace(self, pair):
        restarted, _ = pair
        training_run.train(restarted, MemoryCheckpoints(), make_bar=SilentBar)
        loop = restarted.loop
        assert loop.train_steps.experimental_get_tracing_count() == 1

    def test_trains_from_the_checkpoint_whatever_was_trained(
        self, pair, flags, changes
    ):
        """Its weights are kept in memory: the training must not reach them."""
        restarted, new = pair
        config = make_config(flags, **changes)
        for _ in range(2):
            restarted = restart.restart(restarted, config)
            expected = values_of(new)
            for name, value in values_of(restarted).items():
                np.testing.assert_array_equal(value, expected[name], name)
            for variable in restarted.classifier.model.trainable_variables:
                variable.assign(variable + 1)

    @pytest.mark.parametrize(
        "other",
        [
            {"mixout": 0.1},
            {"bias_correction": False},
            {"max_seq_length": 16},
            {"split_seed": 1},
            {"train_batch_size": 6},
        ],
        ids=str,
    )
    def test_refuses_what_is_in_the_trace_or_the_data(
        self, pair, flags, changes, other
    ):
        config = make_config(flags, **{**changes, **other})
        assert not restart.can_restart(pair[0], config)
        with pytest.raises(ValueError, match="can be restarted with other"):
            restart.restart(pair[0], config)
