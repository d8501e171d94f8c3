"""README.md: its commands, flags and paths are those of the code."""

import os
import pathlib
import re
import shlex

from absl.testing import parameterized

from tf_bert.config import Config, all_settings, parse

ROOT = pathlib.Path(__file__).parents[1]
SETUP_COMMANDS = [
    "pip install -e . && python -m tf_bert.run"
    " --flagfile=flags/quickstart.flags",
    "pip install -e '.[test]' && pytest",
]
# Of absl and of `run.py`; the others are fields of `Config`.
FURTHER_FLAGS = {"flagfile", "help"}


def code_blocks(text):
    """Returns the fenced blocks, with continued lines joined."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.S | re.M)
    return [block.replace("\\\n", " ") for block in blocks]


def run_commands(text):
    """Returns the arguments of each `python -m tf_bert.run` in a block."""
    commands = []
    for block in code_blocks(text):
        for line in block.splitlines():
            _, is_command, rest = line.partition("python -m tf_bert.run")
            if is_command:
                rest = re.split(r"&&|\||;|>", rest)[0]
                commands.append(shlex.split(rest, comments=True))
    return commands


class ReadmeTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.text = (ROOT / "README.md").read_text(encoding="utf-8")
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(ROOT)

    def test_two_commands_set_everything_up(self):
        lines = self.text.splitlines()
        commands = [x for x in lines if x.startswith("pip install -e ")]
        self.assertEqual(commands[:2], SETUP_COMMANDS)

    def test_the_check_runs_the_commands_as_printed(self):
        script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        pattern = re.search(r"grep -E '(.*?)' README.md", script)[1]
        commands = [x for x in self.text.splitlines() if re.match(pattern, x)]
        self.assertEqual(commands[:2], SETUP_COMMANDS)
        for index in range(2):
            self.assertIn(f'bash -c "${{commands[{index}]}}"', script)

    def test_its_runs_have_valid_flags(self):
        commands = run_commands(self.text)
        self.assertNotEmpty(commands)
        for arguments in commands:
            if arguments != ["--help"]:
                Config(**parse.parse(arguments))

    def test_flags_in_the_text_exist(self):
        known = set(all_settings.SETTINGS)
        known |= {f"no{name}" for name in known} | FURTHER_FLAGS
        named = set(re.findall(r"`--(\w+)", self.text))
        self.assertNotEmpty(named)
        self.assertContainsSubset(named, known)

    def test_paths_exist(self):
        paths = re.findall(
            r"(?<![\w/.-])((?:tf_bert|tests|flags|benchmarks|\.ci)/[\w./-]*\w)",
            self.text,
        )
        self.assertNotEmpty(paths)
        self.assertEmpty([path for path in paths if not os.path.exists(path)])

    def test_modules_in_the_text_exist(self):
        modules = [
            f"/{path.as_posix()}"
            for folder in ("tf_bert", "tests", "benchmarks")
            for path in (ROOT / folder).rglob("*.py")
        ]
        for name in re.findall(r"`([\w/]+\.py)`", self.text):
            self.assertTrue(any(m.endswith(f"/{name}") for m in modules), name)

    def test_links_into_the_repository_lead_somewhere(self):
        targets = re.findall(r"\]\(([^)\s]+)\)", self.text)
        missing = [
            target
            for target in targets
            if not re.match(r"https?://|#|mailto:", target)
            and not os.path.exists(target.partition("#")[0])
        ]
        self.assertEmpty(missing)
