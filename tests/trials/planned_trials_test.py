"""Tests of tf_bert/trials/planned_trials.py."""

from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.trials import planned_trials


def sweep_of(**fields):
    return Config(
        mode="trials",
        **{
            "output_dir": "runs/x",
            "train_file": "reviews.csv",
            "num_trials": 2,
            **fields,
        },
    )


class PlannedTrialsTest(parameterized.TestCase):
    def test_trial_i_has_seed_plus_i_for_all_that_is_drawn(self):
        trials = planned_trials.planned_trials(sweep_of(seed=5, split_seed=9))
        self.assertEqual(
            [trial.seeds for trial in trials],
            [
                {"head_seed": n, "data_seed": n, "dropout_seed": n}
                for n in (5, 6)
            ],
        )
        self.assertEqual({t.config.split_seed for t in trials}, {9})
        self.assertEqual({t.recipe for t in trials}, {"all trials"})

    def test_a_grid_has_every_head_seed_with_every_data_seed(self):
        trials = planned_trials.planned_trials(
            sweep_of(
                num_trials=None, num_head_seeds=2, num_data_seeds=3, seed=1
            )
        )
        self.assertEqual(
            [tuple(trial.seeds.values()) for trial in trials],
            [(head, data, data) for head in (1, 2) for data in (1, 2, 3)],
        )

    def test_a_pair_of_equal_seeds_is_the_trial_of_that_seed(self):
        grid = planned_trials.planned_trials(
            sweep_of(num_trials=None, num_head_seeds=2, num_data_seeds=2)
        )
        line = planned_trials.planned_trials(sweep_of())
        self.assertEqual([grid[0].name, grid[3].name], [t.name for t in line])

    def test_recipes_follow_one_another_each_with_all_seeds(self):
        trials = planned_trials.planned_trials(
            sweep_of(sweep={"a": {"mixout": 0.5}, "b": {"reinit_layers": 2}})
        )
        self.assertEqual([t.recipe for t in trials], ["a", "a", "b", "b"])
        self.assertEqual(trials[0].config.mixout, 0.5)
        self.assertEqual(trials[0].config.reinit_layers, 0)
        self.assertEqual(trials[2].config.reinit_layers, 2)
        self.assertLen({trial.name for trial in trials}, 4)

    def test_a_trial_is_a_training_with_one_seed(self):
        (trial, _) = planned_trials.planned_trials(
            sweep_of(trials_save_model="all")
        )
        self.assertEqual(trial.config.mode, "train")
        self.assertIsNone(trial.config.num_trials)
        self.assertEqual(trial.config.trials_save_model, "best")
        self.assertEqual(trial.config.output_dir, f"runs/x_{trial.name}")


class NameTest(parameterized.TestCase):
    # A folder of trials is continued by later versions: these names must not
    # change, whatever fields are added to `Config`.
    @parameterized.parameters(
        ({}, "57b55f36e08ec2db"),
        (
            {"seed": 7, "learning_rate": 1e-4, "reinit_layers": 2},
            "39b0203fce321cfd",
        ),
        ({"mixout": 0.5, "label_names": ("bad", "good")}, "bcc3327a12f1cdf9"),
    )
    def test_is_that_of_the_first_version(self, fields, name):
        self.assertEqual(
            planned_trials.planned_trials(sweep_of(**fields))[0].name, name
        )

    @parameterized.parameters(
        {"output_dir": "elsewhere", "num_trials": 5},
        {"sweep": {"other": {}, "label": {"mixout": 0.1}}},
        {"trials_save_model": "all", "resume": "must"},
        {"tensorboard": False, "compare_baselines": False},
    )
    def test_does_not_depend_on_what_cannot_change_the_result(self, **fields):
        first, other = (
            planned_trials.planned_trials(sweep_of(**f))[0]
            for f in ({}, fields)
        )
        self.assertEqual(first.name, other.name)
        self.assertEqual(first.configuration, other.configuration)

    @parameterized.parameters(
        {"learning_rate": 1e-3},
        {"split_seed": 1},
        {"seed": 1},
        {"max_train_examples": 100},
    )
    def test_depends_on_what_can(self, **fields):
        first, other = (
            planned_trials.planned_trials(sweep_of(**f))[0]
            for f in ({}, fields)
        )
        self.assertNotEqual(first.name, other.name)
