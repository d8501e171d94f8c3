"""Tests of tf_bert/config/sweep_flags.py."""

import pathlib
import tempfile

from absl.testing import parameterized

from tf_bert.config import parse, sweep_flags

ROOT = pathlib.Path(__file__).parents[2]


def labels(*sweeps):
    return [c.label for c in sweep_flags.combinations(sweeps)]


class SplitTest(parameterized.TestCase):
    @parameterized.parameters(
        (["--sweep=a:1", "--seed=3"],),
        (["-sweep=a:1", "--seed=3"],),
        (["--sweep", "a:1", "--seed=3"],),
        (["--seed=3", "--sweep", "a:1"],),
    )
    def test_takes_sweeps_out(self, arguments):
        self.assertEqual(sweep_flags.split(arguments), (["a:1"], ["--seed=3"]))

    def test_a_flag_whose_name_begins_alike_stays(self):
        arguments = ["--sweeper=a:1"]
        self.assertEqual(sweep_flags.split(arguments), ([], arguments))


class CombinationsTest(parameterized.TestCase):
    def test_the_last_axis_changes_fastest(self):
        self.assertEqual(
            labels("mixout:0,0.5", "reinit_layers:1,2"),
            [
                "mixout=0, reinit_layers=1",
                "mixout=0, reinit_layers=2",
                "mixout=0.5, reinit_layers=1",
                "mixout=0.5, reinit_layers=2",
            ],
        )

    def test_a_value_may_hold_colons(self):
        (found,) = sweep_flags.combinations(["train_file:gs://b/x.csv"])
        self.assertEqual(found.behind, ["--train_file=gs://b/x.csv"])

    def test_values_with_commas_go_as_a_json_list(self):
        found = sweep_flags.combinations(
            ['label_names:["a,b", "b,a"]', "bias_correction:[true]"]
        )
        self.assertEqual(
            found[0].behind, ["--label_names=a,b", "--bias_correction=true"]
        )

    @parameterized.parameters("freeze:,encoder", 'freeze:[null, "encoder"]')
    def test_an_empty_value_leaves_the_flag_out(self, text):
        found = sweep_flags.combinations([text])
        self.assertEqual(found[0].label, "without freeze")
        self.assertEqual((found[0].behind, found[0].without), ([], ["freeze"]))
        self.assertEqual(found[1].behind, ["--freeze=encoder"])

    def test_a_recipe_goes_before_all_other_flags(self):
        (found,) = sweep_flags.combinations(["recipe:some/path/mine.flags"])
        self.assertEqual(found.label, "mine")
        self.assertEqual(found.before, ["--flagfile=some/path/mine.flags"])
        self.assertEqual(found.behind, [])

    @parameterized.parameters(
        ("mixout:", "must be a flag, a colon and its values"),
        (":1", "must be a flag, a colon and its values"),
        ("output_dir:a,b", "only be over a flag that trainings differ in"),
        ("mixout:0,0", "has the same value twice"),
        ('mixout:["0"', "must be a JSON list"),
        ("mixout:[]", "must be a JSON list of one or more"),
    )
    def test_what_is_no_sweep_is_refused(self, text, message):
        with self.assertRaisesRegex(ValueError, message):
            sweep_flags.combinations([text])

    def test_of_two_the_message_names_the_right_ones(self):
        with self.assertRaisesRegex(ValueError, "Received: a:0 and a:1. Give"):
            sweep_flags.combinations(["a:0", "ab:3", "a:1"])

    def test_a_recipe_that_is_not_there_is_refused_with_those_that_are(self):
        with self.assertRaisesRegex(FileNotFoundError, "zhang.*--sweep"):
            sweep_flags.combinations(["recipe:no_such"])


class CommandLineTest(parameterized.TestCase):
    def parse(self, *arguments):
        return parse.parse(
            [
                "--mode=trials",
                "--num_trials=2",
                "--output_dir=x",
                "--train_file=reviews.csv",
                *arguments,
            ]
        )

    def test_a_recipe_has_the_fields_in_which_it_differs(self):
        given = self.parse("--mixout=0.1", "--sweep=mixout:0.1,0.2")
        self.assertEqual(
            given["sweep"], {"mixout=0.1": {}, "mixout=0.2": {"mixout": 0.2}}
        )
        self.assertEqual(given["sweep_given"], ("mixout:0.1,0.2",))

    def test_what_stands_beside_a_recipe_counts(self):
        path = ROOT / "flags" / "recipes" / "mixout.flags"
        given = self.parse("--mixout=0.3", f"--sweep=recipe:{path}")
        self.assertNotIn("mixout", given["sweep"]["mixout"])

    def test_two_that_are_the_same_training_are_refused(self):
        with self.assertRaisesRegex(ValueError, "are one training"):
            self.parse("--sweep=mixout:0.1,1e-1")

    @parameterized.parameters(
        "remat:true,false", "steps_per_loop:1,2", "save_every_seconds:0,9"
    )
    def test_what_changes_no_result_is_not_swept(self, sweep):
        """Trials are named by what changes their result: both had one name."""
        with self.assertRaisesRegex(ValueError, "that trainings differ in"):
            self.parse(f"--sweep={sweep}")
        # By another program's name.
        with self.assertRaisesRegex(ValueError, "are one training"):
            self.parse("--sweep=iterations_per_loop:1,2")

    def test_a_recipe_with_a_seed_of_its_own_is_refused(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = pathlib.Path(folder, "mine.flags")
        path.write_text("--seed=3\n--mixout=0.1\n", encoding="utf-8")
        with self.assertRaisesRegex(ValueError, "seed=3 in 'mine'"):
            self.parse(f"--sweep=recipe:{path}")
        given = self.parse("--seed=4", f"--sweep=recipe:{path}")
        self.assertEqual(given["sweep"], {"mine": {"mixout": 0.1}})

    @parameterized.parameters("lr:,0.1", "no_such:[null]")
    def test_only_a_flag_of_ours_can_be_left_out(self, sweep):
        with self.assertRaisesRegex(ValueError, "a flag by its own name"):
            self.parse("--learning_rate=0.2", f"--sweep={sweep}")

    def test_what_holds_for_every_recipe_is_said_once(self):
        with self.assertLogs("absl") as logs:
            self.parse(
                "--num_train_steps=8",
                "--num_train_epochs=2",
                "--max_steps=9",
                "--sweep=mixout:0.1,0.2,0.3",
            )
        lines = [record.getMessage() for record in logs.records]
        self.assertLen(lines, len(set(lines)))
        self.assertIn("the last one counts", " ".join(lines))
