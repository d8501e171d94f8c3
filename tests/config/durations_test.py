"""Tests of tf_bert/config/durations.py."""

import pytest

from tf_bert.config import Config, durations


@pytest.mark.parametrize(
    "proportion, number, expected",
    [
        # A proportion is rounded down.
        (0, None, 0),
        (0.1, None, 2),
        (0.5, None, 11),
        (1, None, 23),
        (None, 0, 0),
        (None, 23, 23),
    ],
)
def test_warmup_steps(proportion, number, expected):
    config = Config(
        output_dir="x", warmup_proportion=proportion, num_warmup_steps=number
    )
    assert durations.warmup_steps(config, 23) == expected


@pytest.mark.parametrize(
    "proportion, num_steps, expected",
    [(0.29, 100, 29), (0.57, 100, 57), (0.58, 99, 57), (1e-05, 100_000, 1)],
)
def test_a_proportion_is_what_was_written(proportion, num_steps, expected):
    config = Config(output_dir="x", warmup_proportion=proportion)
    assert durations.warmup_steps(config, num_steps) == expected


def test_a_tenth_is_what_it_was():
    config = Config(output_dir="x")
    for num_steps in range(20_000):
        steps = durations.warmup_steps(config, num_steps)
        assert steps == int(0.1 * num_steps) == num_steps // 10


EVEN = "num_evaluations"
STEPS = "evaluate_every_steps"
EPOCHS = "evaluate_every_epochs"


@pytest.mark.parametrize(
    "num_steps, name, value, expected",
    [
        (234, EVEN, 4, (58, 117, 175, 234)),
        (10, EVEN, 10, tuple(range(1, 11))),
        (3, EVEN, 10, (1, 2, 3)),
        (1, EVEN, 1, (1,)),
        (7, EVEN, 2, (3, 7)),
        (10, STEPS, 4, (4, 8, 10)),
        (8, STEPS, 4, (4, 8)),
        (9, STEPS, 4, (4, 8, 9)),
        (3, STEPS, 1, (1, 2, 3)),
        (3, STEPS, 100, (3,)),
        (30, EPOCHS, 1.0, (10, 20, 30)),
        (25, EPOCHS, 1.0, (10, 20, 25)),
        (20, EPOCHS, 1 / 3, (3, 7, 10, 13, 17, 20)),
        (30, EPOCHS, 2.0, (20, 30)),
        (5, EPOCHS, 1.0, (5,)),
        # More often than every step is every step.
        (3, EPOCHS, 1e-6, (1, 2, 3)),
    ],
)
def test_evaluation_steps_of_epochs_of_ten(num_steps, name, value, expected):
    config = Config(output_dir="x", **{EVEN: None, name: value})
    assert durations.evaluation_steps(config, num_steps, 10) == expected


def test_evaluations_are_as_many_as_asked_for():
    config = Config(output_dir="x", num_evaluations=20)
    for num_steps in range(20, 100):
        steps = durations.evaluation_steps(config, num_steps, 10)
        assert len(steps) == 20
        assert steps[-1] == num_steps
