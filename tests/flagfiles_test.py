"""Tests of the flag files in flags/."""

import os
import pathlib

from absl.testing import parameterized

from tf_bert import cli
from tf_bert.config import Config

ROOT = pathlib.Path(__file__).parents[1]
NAMES = [
    path.relative_to(ROOT).as_posix()
    for path in sorted((ROOT / "flags").rglob("*.flags"))
]


class FlagFilesTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        # Flag files name others by the path from here.
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(ROOT)

    def test_the_quickstart_is_there(self):
        self.assertIn("flags/quickstart.flags", NAMES)

    @parameterized.parameters(NAMES)
    def test_becomes_a_configuration(self, name):
        given = cli.parse(["--output_dir=runs/x", f"--flagfile={name}"])
        self.assertIsInstance(Config(**given), Config)
        # Something is set, and not by the first argument alone.
        self.assertGreater(len(given), 1)

    @parameterized.parameters(NAMES)
    def test_says_first_how_to_run_it_and_what_it_is(self, name):
        first, second, *_ = pathlib.Path(name).read_text("utf-8").splitlines()
        self.assertStartsWith(
            first, f"# python -m tf_bert.run --flagfile={name}"
        )
        self.assertRegex(second, r"^# \w")

    def test_every_file_of_the_folder_is_one(self):
        others = [
            path
            for path in (ROOT / "flags").rglob("*")
            if path.is_file() and path.suffix != ".flags"
        ]
        self.assertEmpty(others)
