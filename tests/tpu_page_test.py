"""docs/tpu.md: its flags, versions and paths are those of the code."""

import pathlib
import re
import shlex

from absl.testing import parameterized

from tf_bert.config import Config, all_settings, parse
from tf_bert.doctor import install_plan, packages

ROOT = pathlib.Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "tpu.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```", TEXT, re.M | re.S)
# What the shell fills in.
VARIABLES = {"$TPU": "bert", "$ZONE": "us-west4-a", "$PROJECT": "mine"}


class TpuPageTest(parameterized.TestCase):
    def test_its_runs_have_valid_flags(self):
        commands = re.findall(
            r"python -m tf_bert\.run (--.*)$", "\n".join(BLOCKS), re.M
        )
        self.assertLen(commands, 2)
        for command in commands:
            for name, value in VARIABLES.items():
                command = command.replace(name, value)
            # The quote that ends the command of another machine.
            arguments = shlex.split(command.removesuffix('"'))
            arguments = [
                a.replace("=flags/", f"={ROOT}/flags/") for a in arguments
            ]
            config = Config(**parse.parse(arguments))
            self.assertEqual(config.distribution, "tpu")

    def test_flags_in_the_text_exist(self):
        known = set(all_settings.SETTINGS)
        named = set(re.findall(r"`--(\w+)", TEXT))
        self.assertNotEmpty(named)
        self.assertContainsSubset(named, known)

    def test_its_commands_are_those_of_the_set_up(self):
        [by_hand] = [b for b in BLOCKS if "pip install tensorflow==" in b]
        first, *others = by_hand.splitlines()
        planned = install_plan.plan("TPU", {}, packages.requirements())
        self.assertEqual(
            others, [f"pip {shlex.join(command)}" for command in planned[1:]]
        )
        pins = set(re.findall(r"\S+==\S+", first))
        self.assertLen(pins, 2)
        self.assertContainsSubset(pins, planned[0])

    def test_variables_are_set_before_they_are_used(self):
        text = "\n".join(BLOCKS)
        for name in set(re.findall(r"\$(\w+)", text)):
            start = re.search(rf"^export .*\b{name}=", text, re.M).start()
            self.assertLess(start, text.index(f"${name}"), name)

    def test_its_paths_and_links_lead_somewhere(self):
        paths = re.findall(r"`((?:colab|tests|flags|docs)/[\w./]+)`", TEXT)
        self.assertNotEmpty(paths)
        for path in paths:
            self.assertTrue((ROOT / path).exists(), path)
        heading = re.search(r"^## What was checked.*$", TEXT, re.M)[0]
        anchor = re.sub(r"[^\w -]", "", heading[3:].lower()).replace(" ", "-")
        self.assertIn(f"(#{anchor})", TEXT)
