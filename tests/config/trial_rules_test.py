"""Tests of tf_bert/config/trial_rules.py."""

from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.config.all_settings import OF_TRIALS


def config_of(**fields):
    return Config(
        **{
            "mode": "trials",
            "output_dir": "x",
            "train_file": "reviews.csv",
            "num_trials": 2,
            **fields,
        }
    )


class CheckTest(parameterized.TestCase):
    @parameterized.parameters(
        {},
        {"num_trials": None, "num_head_seeds": 2, "num_data_seeds": 3},
        {"sweep": {"a": {}, "b": {"mixout": 0.1}}, "baseline": "b"},
        {"num_parallel_trials": 2},
        {"trial_runner": "ray", "ray_address": "auto"},
    )
    def test_accepts(self, **fields):
        self.assertEqual(config_of(**fields).mode, "trials")

    @parameterized.parameters(
        ({"num_head_seeds": 2}, "Pass --num_trials=20 alone"),
        (
            {"num_trials": None, "num_head_seeds": 2},
            "num_head_seeds=2, num_data_seeds=None",
        ),
        ({"head_seed": 4}, "head_seed=4, seed=0"),
        ({"predict_file": "new.csv"}, "predict_file='new.csv'"),
        (
            {"train_batch_size": None, "per_device_train_batch_size": 8},
            "Received: per_device_train_batch_size=8",
        ),
        ({"ray_address": "auto"}, "ray_address='auto', trial_runner=local"),
        (
            {"trial_runner": "ray", "num_parallel_trials": 2},
            "num_parallel_trials=2, trial_runner=ray",
        ),
        (
            {"baseline": "c", "sweep": {"a": {}, "b": {"mixout": 0.1}}},
            "recipes: a; b",
        ),
    )
    def test_refuses(self, fields, message):
        with self.assertRaisesRegex(ValueError, message):
            config_of(**fields)

    @parameterized.parameters(*sorted(OF_TRIALS))
    def test_a_single_training_has_none_of_them(self, name):
        values = {
            "sweep": {"a": {}},
            "trials_save_model": "all",
            "trial_runner": "ray",
            "num_parallel_trials": 2,
            "ray_address": "auto",
            "num_cpus_per_trial": 2.0,
            "num_gpus_per_trial": 1.0,
            "baseline": "a",
            "trials_dirs": ("a", "b"),
        }
        with self.assertRaisesRegex(ValueError, f"Received: {name}="):
            config_of(
                **{
                    "mode": "train",
                    "num_trials": None,
                    name: values.get(name, 2),
                }
            )
