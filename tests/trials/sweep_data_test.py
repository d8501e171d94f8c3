"""Tests of tf_bert/trials/sweep_data.py."""

import dataclasses
import json
import pathlib
import tempfile

from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.stored_rows import ChangedDataError
from tf_bert.trials import sweep_data
from tf_bert.trials.sweep_data import SweepData

ROWS = "text,label\n" + "".join(
    f"The mug is good {i}.,yes\nThe mug is bad {i}.,no\n" for i in range(10)
)


LABEL_NAMES = ("yes", "no", "YES", "NO")


class SweepDataTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.enter_context(tempfile.TemporaryDirectory())
        self.path = pathlib.Path(folder, "train.csv")
        self.path.write_text(ROWS)
        self.config = Config(
            output_dir="x", train_file=str(self.path), test_proportion=0.2
        )

    def read(self):
        data = SweepData()
        data.of(self.config)
        return data

    def test_recipes_on_the_same_data_share_it(self):
        data = SweepData()
        first = data.of(self.config)
        other = dataclasses.replace(self.config, mixout=0.5, head_seed=3)
        self.assertIs(data.of(other), first)
        divided = dataclasses.replace(self.config, split_seed=3)
        self.assertIsNot(data.of(divided), first)
        self.assertLen(data.records(), 2)

    @parameterized.parameters(
        ("mug is bad 0", "cup is bad 0"), ("bad 0.,no", "bad 0.,yes")
    )
    def test_another_text_or_label_is_told_by_its_row(self, old, new):
        known = json.loads(json.dumps(self.read().records()))
        self.read().check(known)
        self.path.write_text(ROWS.replace(old, new, 1))
        with self.assertRaisesRegex(
            ChangedDataError, r"train.csv: 1 row changed \(2\)\."
        ):
            self.read().check(known)

    @parameterized.parameters(
        ("mug is bad 0", "cup is bad 0"), ("bad 0.,no", "bad 0.,yes")
    )
    def test_the_number_that_an_earlier_version_kept_still_tells(
        self, old, new
    ):
        data = self.read()
        (key,) = data.records()
        known = {key: sweep_data._digest(data.of(self.config))}
        self.read().check(known)
        self.assertIsNone(sweep_data.record_of_rows(known, self.config))
        self.path.write_text(ROWS.replace(old, new, 1))
        with self.assertRaisesRegex(ChangedDataError, "or another file"):
            self.read().check(known)

    def test_a_sweep_that_parted_copies_goes_on_with_its_rows(self):
        """In an earlier version; only the division was another."""
        self.path.write_text(ROWS + ROWS.partition("\n")[2].upper())
        config = dataclasses.replace(self.config, label_names=LABEL_NAMES)
        task = run_data.get_task(config)
        before = run_data.load(config, task, copies_together=False)
        key = sweep_data.data_key(config.as_dict())
        known = {key: sweep_data._digest(before)}
        data = SweepData()
        drawn = data.of(config)
        self.assertIsNone(data.record_if_parted(config))
        self.assertNotEqual(drawn.test.texts, before.test.texts)
        data.check(known)
        self.assertEqual(data.of(config).test.texts, before.test.texts)
        again = run_data.load(
            config, task, record=data.record_if_parted(config)
        )
        self.assertEqual(again.test.texts, before.test.texts)

    def test_known_baselines_are_not_trained_again(self):
        data = SweepData()
        data.of(self.config)
        (key,) = data.records()
        self.assertEqual(data.baselines({key: {"split": 1}})[key], {"split": 1})
        trained = data.baselines({})[key]
        self.assertEqual(trained["split"], "test")
        self.assertEqual(set(trained["models"]), {"majority", "tfidf_svm"})
