"""Tests of tf_bert/config/."""

import dataclasses
import json

from absl.testing import parameterized

from tf_bert import config as config_lib
from tf_bert.config import Config


def make_config(**fields):
    return Config(output_dir="runs/x", **fields)


class ConfigTest(parameterized.TestCase):
    def test_three_seeds_follow_the_seed(self):
        config = make_config(seed=7)
        self.assertEqual(
            (config.head_seed, config.data_seed, config.dropout_seed), (7, 7, 7)
        )

    def test_a_seed_of_its_own_does_not_follow(self):
        config = make_config(seed=7, data_seed=0)
        self.assertEqual((config.head_seed, config.data_seed), (7, 0))

    def test_the_split_never_follows_the_seed(self):
        self.assertEqual(make_config(seed=7).split_seed, 0)

    def test_an_inspection_alone_needs_no_folder(self):
        self.assertIsNone(Config(mode="inspect").output_dir)
        with self.assertRaisesRegex(ValueError, "output_dir=None. Pass"):
            Config(mode="train")

    def test_fields_cannot_be_replaced(self):
        with self.assertRaises(dataclasses.FrozenInstanceError):
            make_config().seed = 1

    def test_survives_json(self):
        config = make_config(label_names=("no", "yes"), dropout=0.2, seed=3)
        fields = json.loads(json.dumps(config.as_dict()))
        self.assertEqual(Config.from_dict(fields), config)

    @parameterized.parameters(
        (3.0, 10, 30),
        (0.25, 10, 3),  # A part of a step is a step.
        (0.001, 10, 1),
    )
    def test_epochs_become_steps(self, epochs, steps_per_epoch, expected):
        config = make_config(num_train_epochs=epochs)
        self.assertEqual(config.num_steps(steps_per_epoch), expected)

    @parameterized.parameters((1, 1, 8), (4, 1, 32), (2, 3, 48))
    def test_a_batch_size_per_device_is_that_of_a_part(
        self, num_devices, num_parts, expected
    ):
        config = make_config(
            train_batch_size=None,
            per_device_train_batch_size=8,
            gradient_accumulation_steps=num_parts,
        ).for_devices(num_devices)
        self.assertEqual(config.train_batch_size, expected)
        self.assertIsNone(config.per_device_train_batch_size)

    def test_a_batch_size_of_all_devices_stays(self):
        config = make_config(train_batch_size=6)
        self.assertEqual(config.for_devices(4), config)

    def test_steps_stay_as_given(self):
        config = make_config(num_train_epochs=None, num_train_steps=17)
        self.assertEqual(config.num_steps(10), 17)


class BadConfigTest(parameterized.TestCase):
    @parameterized.parameters(
        ("train_batch_size", 0, "at least 1"),
        ("gradient_accumulation_steps", 0, "at least 1"),
        ("num_evaluations", 0, "at least 1"),
        ("num_train_epochs", 0.0, "above 0"),
        ("adam_epsilon", 0.0, "above 0"),
        ("max_seq_length", 2, "at least 3"),
        ("warmup_proportion", 1.1, "between 0 and 1"),
        ("validation_proportion", 1.0, "between 0 and 0.999"),
        ("dropout", 1.0, "between 0 and"),
        ("mixout", 1.0, "between 0 and"),
        ("adam_beta_1", 1.0, "between 0 and"),
        ("label_smoothing_factor", 1.0, "between 0 and"),
        ("per_device_train_batch_size", 0, "at least 1"),
        ("evaluate_every_steps", 0, "at least 1"),
        ("evaluate_every_epochs", 0.0, "above 0"),
    )
    def test_bounds_are_named(self, name, value, bounds):
        with self.assertRaisesRegex(
            ValueError,
            f"`{name}` must be {bounds}.*Received: {name}={value}. "
            f"Correct --{name}",
        ):
            make_config(**{name: value})

    @parameterized.parameters(
        ({"num_train_steps": 10}, "`num_train_epochs`, `num_train_steps`"),
        ({"num_train_epochs": None}, "num_train_epochs=None, num_train_steps"),
        ({"num_warmup_steps": 0}, "`warmup_proportion`, `num_warmup_steps`"),
        ({"evaluate_every_steps": 5}, "num_evaluations=10, evaluate_every_ste"),
        ({"train_batch_size": None}, "Pass --train_batch_size or --per_device"),
    )
    def test_one_of_the_alternatives_is_set(self, fields, message):
        with self.assertRaisesRegex(ValueError, message):
            make_config(**fields)

    @parameterized.parameters("text_column", "label_column")
    def test_groups_are_neither_texts_nor_labels(self, name):
        with self.assertRaisesRegex(
            ValueError, f"`group_column` must be another .*'x', {name}='x'"
        ):
            make_config(group_column="x", **{name: "x"})

    def test_zero_steps_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`num_train_steps` must be ab"):
            make_config(num_train_epochs=None, num_train_steps=0)

    @parameterized.parameters(
        {"weight_decay": 50.0},
        {"weight_decay": 0.0, "pretrained_weight_decay": 50.0},
        {"weight_decay": 25.0, "pretrained_weight_decay": 25.0},
    )
    def test_one_step_does_not_decay_past_the_target(self, **decays):
        with self.assertRaisesRegex(
            ValueError, "must be below 1.* Received: learning_rate=0.02, .*Low"
        ):
            make_config(learning_rate=0.02, **decays)
        make_config(learning_rate=0.0199, **decays)

    def test_labels_of_a_regression_are_not_smoothed(self):
        with self.assertRaisesRegex(
            ValueError, "for a regression.*label_smoothing_factor=0.1, labels "
        ):
            make_config(task_type="regression", label_smoothing_factor=0.1)
        make_config(task_type="regression", label_smoothing_factor=0.0)

    @parameterized.parameters(
        ("text_column", "sentence"),
        ("text_pair_column", "sentence2"),
        ("label_column", "1"),
        ("label_names", ("no", "yes")),
        ("task_type", "regression"),
    )
    def test_a_task_takes_no_columns_or_labels(self, name, value):
        with self.assertRaisesRegex(
            ValueError, f"`{name}` must be left out with a `task_name`"
        ):
            make_config(task_name="rte", **{name: value})


class FromDictTest(parameterized.TestCase):
    def test_whole_numbers_may_stand_for_others(self):
        config = Config.from_dict({"output_dir": "x", "learning_rate": 0})
        self.assertEqual(config.learning_rate, 0)

    @parameterized.parameters(
        ("moonshine", 1, "An unknown setting .*Received: moonshine=1"),
        ("seed", "many", "A wrong value .*Received: seed='many'"),
        ("seed", 1.5, "A wrong value .*Received: seed=1.5"),
        ("seed", None, "A wrong value .*Received: seed=None"),
        ("learning_rate", "1", "Received: learning_rate='1'"),
        ("text_column", 1, "Received: text_column=1"),
        ("label_names", "no", "Received: label_names='no'"),
    )
    def test_what_another_version_wrote_is_refused(self, name, value, message):
        with self.assertRaisesRegex(ValueError, message):
            Config.from_dict({"output_dir": "x", name: value})


class DifferencesTest(parameterized.TestCase):
    def test_each_difference_is_told(self):
        old = make_config(seed=1, learning_rate=1e-5)
        new = make_config(seed=1, learning_rate=2e-5, dropout=0.2)
        self.assertEqual(
            config_lib.differences(old.as_dict(), new.as_dict()),
            ["dropout: None -> 0.2", "learning_rate: 1e-05 -> 2e-05"],
        )

    def test_what_cannot_change_the_training_is_not_compared(self):
        old = make_config().as_dict()
        new = Config(
            output_dir="elsewhere",
            mode="predict",
            resume="must",
            overwrite_output_dir=True,
            predict_file="new.csv",
            tensorboard=False,
        )
        self.assertEmpty(config_lib.differences(old, new.as_dict()))

    def test_a_field_of_another_version_differs(self):
        old = make_config().as_dict()
        self.assertEqual(
            config_lib.differences({**old, "gone": 0.1}, old),
            ["gone: 0.1 -> None"],
        )

    def test_a_field_that_an_earlier_version_lacks_has_its_default(self):
        new = make_config(test_proportion=0.2).as_dict()
        old = make_config().as_dict()
        old.pop("test_proportion")
        self.assertEqual(
            config_lib.differences(old, new), ["test_proportion: 0.0 -> 0.2"]
        )
        new["test_proportion"] = 0.0
        self.assertEmpty(config_lib.differences(old, new))


class TfdsTest(parameterized.TestCase):
    @parameterized.parameters(
        "imdb_reviews", "glue/rte", "glue/rte:2.0.0", "paws_x_wiki/de:1.*.*"
    )
    def test_names(self, name):
        self.assertEqual(make_config(tfds_name=name).tfds_name, name)

    @parameterized.parameters(
        "glue/", "glue rte", "huggingface:glue/rte", "../rte", "a/b/c"
    )
    def test_what_is_no_name(self, name):
        with self.assertRaisesRegex(
            ValueError, f"such as imdb_reviews .*tfds_name='{name}'. Correct"
        ):
            make_config(tfds_name=name)

    @parameterized.parameters(
        ("tfds_name", {"tfds_name": "glue/rte", "task_name": "rte"}),
        ("tfds_name", {"tfds_name": "glue/rte", "train_file": "a.csv"}),
        ("tfds_name", {"tfds_name": "glue/rte", "test_file": "a.csv"}),
        ("tfds_name", {"tfds_name": "glue/rte", "data_dir": "glue"}),
        ("tfds_data_dir", {"tfds_data_dir": "d"}),
        ("tfds_data_dir", {"tfds_data_dir": "d", "train_file": "a.csv"}),
        (
            "tfds_data_dir",
            {"tfds_data_dir": "d", "task_name": "rte", "data_dir": "g"},
        ),
    )
    def test_there_is_one_source_of_data(self, flag, fields):
        with self.assertRaisesRegex(
            ValueError, f"`{flag}` must be the only source of the data"
        ):
            make_config(**fields)

    def test_a_finished_run_is_evaluated_on_any_file(self):
        make_config(tfds_name="glue/rte", test_file="a.tsv", mode="evaluate")
