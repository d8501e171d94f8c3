"""docs/stabilisers.md and the pages it leads to: what they say is right."""

import os
import pathlib
import re
import shlex

import numpy as np
from absl.testing import parameterized

from tf_bert.config import Config, all_settings, parse

ROOT = pathlib.Path(__file__).parents[1]


def read(page):
    return (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


class StabilisersPageTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.text = read("stabilisers")
        self.formulas = read("bias_correction")
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(ROOT)

    def test_its_runs_have_valid_flags(self):
        commands = re.findall(r"^python -m tf_bert\.run (.*)$", self.text, re.M)
        self.assertNotEmpty(commands)
        for command in commands:
            Config(**parse.parse(shlex.split(command)))

    def test_every_stabiliser_has_its_words_and_every_flag_exists(self):
        known = set(all_settings.SETTINGS)
        named = set(re.findall(r"--(\w+)", self.text)) - {"flagfile"}
        self.assertContainsSubset(
            named, known | {"nobias_correction", "data_dir"}
        )
        stabilisers = {x.name for x in all_settings.GROUPS["Stabilisers"]}
        self.assertContainsSubset(stabilisers | {"bias_correction"}, named)

    def test_every_recipe_is_named(self):
        for path in (ROOT / "flags" / "recipes").iterdir():
            self.assertIn(f"`{path.stem}`", read("recipes"))

    def test_its_steps_are_as_much_too_long_as_it_says(self):
        [steps] = re.findall(r"^\| step \|(.*)\|$", self.formulas, re.M)
        [ratios] = re.findall(
            r"^\| times too long \|(.*)\|$", self.formulas, re.M
        )
        t = np.array([int(cell) for cell in steps.split("|")])
        expected = (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
        np.testing.assert_allclose(
            [float(cell) for cell in ratios.split("|")], expected, atol=0.005
        )

    def test_rates_without_correction_are_as_high_as_it_says(self):
        """The factor after warm-up, and that of all updates together."""
        said = re.search(
            r"end of warm-up is ([\d.]+), .* are ([\d.]+) times .* with 234, "
            r"([\d.]+) and ([\d.]+); with 3,200, ([\d.]+) and ([\d.]+)\. ",
            " ".join(self.formulas.split()),
        )
        factors = np.array(said.groups(), float).reshape(3, 2)
        for num_steps, expected in zip((96, 234, 3200), factors, strict=True):
            t = np.arange(1, num_steps + 1)
            num_warmup = int(0.1 * num_steps)
            rates = np.minimum(
                (t - 1) / num_warmup,
                (num_steps - t + 1) / (num_steps - num_warmup),
            )
            ratios = (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
            np.testing.assert_allclose(
                [ratios[num_warmup], rates @ ratios / rates.sum()],
                expected,
                atol=0.05,
            )
