"""Tests of `Config`; of what it refuses: rules_test.py, tests/bad_inputs.py."""

import dataclasses
import json

import pytest

from tf_bert import config as config_lib
from tf_bert.config import Config


def make_config(**fields):
    return Config(output_dir="runs/x", **fields)


def test_three_seeds_follow_the_seed_unless_given():
    config = make_config(seed=7, data_seed=0)
    assert (config.head_seed, config.data_seed, config.dropout_seed) == (
        *(7, 0, 7),
    )
    assert config.split_seed == 0


def test_fields_cannot_be_replaced():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_config().seed = 1


@pytest.mark.parametrize(
    "fields, steps_per_epoch, expected",
    [
        ({"num_train_epochs": 3.0}, 10, 30),
        ({"num_train_epochs": 0.25}, 10, 3),  # A part of a step is a step.
        ({"num_train_epochs": 0.001}, 10, 1),
        ({"num_train_epochs": None, "num_train_steps": 17}, 10, 17),
    ],
)
def test_length_in_steps(fields, steps_per_epoch, expected):
    assert make_config(**fields).num_steps(steps_per_epoch) == expected


@pytest.mark.parametrize(
    "num_devices, num_parts, expected", [(1, 1, 8), (4, 1, 32), (2, 3, 48)]
)
def test_a_batch_size_per_device_is_that_of_a_part(
    num_devices, num_parts, expected
):
    config = make_config(
        train_batch_size=None,
        per_device_train_batch_size=8,
        gradient_accumulation_steps=num_parts,
    ).for_devices(num_devices)
    assert config.train_batch_size == expected
    assert config.per_device_train_batch_size is None


def test_a_batch_size_of_all_devices_stays():
    config = make_config(train_batch_size=6)
    assert config.for_devices(4) == config


class TestFromDict:
    def test_survives_json(self):
        config = make_config(label_names=("no", "yes"), dropout=0.2, seed=3)
        fields = json.loads(json.dumps(config.as_dict()))
        assert Config.from_dict(fields) == config

    def test_whole_numbers_may_stand_for_others(self):
        config = Config.from_dict({"output_dir": "x", "learning_rate": 0})
        assert config.learning_rate == 0

    @pytest.mark.parametrize(
        "name, value, message",
        [
            ("moonshine", 1, "An unknown setting .*Received: moonshine=1"),
            ("seed", "many", "A wrong value .*Received: seed='many'"),
            ("seed", 1.5, "A wrong value .*Received: seed=1.5"),
            ("seed", None, "A wrong value .*Received: seed=None"),
            ("learning_rate", "1", "Received: learning_rate='1'"),
            ("text_column", 1, "Received: text_column=1"),
            ("label_names", "no", "Received: label_names='no'"),
        ],
    )
    def test_what_another_version_wrote_is_refused(self, name, value, message):
        with pytest.raises(ValueError, match=message):
            Config.from_dict({"output_dir": "x", name: value})


class TestDifferences:
    def test_each_difference_is_told(self):
        old = make_config(seed=1, learning_rate=1e-5)
        new = make_config(seed=1, learning_rate=2e-5, dropout=0.2)
        assert config_lib.differences(old.as_dict(), new.as_dict()) == [
            "dropout: None -> 0.2",
            "learning_rate: 1e-05 -> 2e-05",
        ]

    def test_what_cannot_change_the_training_is_not_compared(self):
        new = Config(
            output_dir="elsewhere",
            mode="predict",
            resume="must",
            overwrite_output_dir=True,
            predict_file="new.csv",
            tensorboard=False,
        )
        old = make_config()
        assert not config_lib.differences(old.as_dict(), new.as_dict())

    def test_a_field_of_another_version_differs(self):
        old = make_config().as_dict()
        found = config_lib.differences({**old, "gone": 0.1}, old)
        assert found == ["gone: 0.1 -> None"]

    def test_a_field_that_an_earlier_version_lacks_has_its_default(self):
        old = make_config().as_dict()
        old.pop("test_proportion")
        new = make_config(test_proportion=0.2).as_dict()
        found = config_lib.differences(old, new)
        assert found == ["test_proportion: 0.0 -> 0.2"]
        assert not config_lib.differences(old, make_config().as_dict())
