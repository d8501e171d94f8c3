"""docs/study.md: its tables are those of the stored trials."""

import os
import pathlib

import study
from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.config import Config, parse
from tf_bert.trials import planned_trials

ROOT = pathlib.Path(__file__).parents[1]
STORED = ("uci_amazon", "trec")


class StudyPageTest(WithFolder):
    def setUp(self):
        super().setUp()
        self.text = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(ROOT)

    @parameterized.parameters(*STORED)
    def test_its_tables_are_of_the_stored_trials(self, task):
        self.assertIn(study.table(task), self.text)

    @parameterized.parameters(*STORED)
    def test_the_stored_trials_are_those_of_its_command(self, task):
        config = Config(**parse.parse(study.study_flags(task)))
        planned = {
            trial.name for trial in planned_trials.planned_trials(config)
        }
        records = study.read_records(ROOT / study.FOLDER / task)
        self.assertEqual({r["trial"] for r in records}, planned)

    @parameterized.parameters(*STORED)
    def test_its_picture_has_the_baseline_that_it_names(self, task):
        self.assertIn(f"{study.TFIDF[task]:.3f}", self.text)
        path = self.folder / "scores.png"
        study.draw(task, str(path))
        self.assertTrue(path.read_bytes().startswith(b"\x89PNG"))

    @parameterized.parameters("mrpc", "rte")
    def test_the_flags_of_the_other_tasks_are_valid(self, task):
        Config(**parse.parse(study.study_flags(task)))

    def test_every_recipe_is_explained(self):
        for path in (ROOT / study.FOLDER / "recipes").iterdir():
            self.assertIn(f"`{path.stem}`", self.text)
