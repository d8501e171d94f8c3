"""README.md and the pages it became: commands, flags and paths are the code's.

Pages with tests of their own, such as docs/trials.md, are not here.
"""

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
# What stood in the README once, and is checked as it is.
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(
        f"docs/{x}.md"
        for x in "data devices models product_reviews recipes results "
        "workflow".split()
    ),
)
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


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


class PagesTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(ROOT)

    def test_their_runs_have_valid_flags(self):
        commands = [x for page in PAGES for x in run_commands(read(page))]
        self.assertNotEmpty(commands)
        for arguments in commands:
            if arguments != ["--help"]:
                Config(**parse.parse(arguments))

    def test_flags_in_the_text_exist(self):
        known = set(all_settings.SETTINGS)
        known |= {f"no{name}" for name in known} | FURTHER_FLAGS
        for page in PAGES:
            named = set(re.findall(r"`--(\w+)", read(page)))
            self.assertContainsSubset(named, known, page)

    @parameterized.parameters(*PAGES)
    def test_paths_exist(self, page):
        paths = re.findall(
            r"(?<![\w/.-])((?:tf_bert|tests|flags|benchmarks|\.ci)/[\w./-]*\w)",
            read(page),
        )
        self.assertEmpty([path for path in paths if not os.path.exists(path)])

    @parameterized.parameters(*PAGES)
    def test_modules_in_the_text_exist(self, page):
        modules = [
            f"/{path.as_posix()}"
            for folder in ("tf_bert", "tests", "benchmarks")
            for path in (ROOT / folder).rglob("*.py")
        ]
        for name in re.findall(r"`([\w/]+\.py)`", read(page)):
            self.assertTrue(any(m.endswith(f"/{name}") for m in modules), name)

    @parameterized.parameters(
        "README.md",
        "CONTRIBUTING.md",
        *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    )
    def test_links_into_the_repository_lead_somewhere(self, page):
        targets = re.findall(r"\]\(([^)\s]+)\)", read(page))
        missing = [
            target
            for target in targets
            if not re.match(r"https?://|mailto:", target)
            and not self._leads_somewhere(page, target)
        ]
        self.assertEmpty(missing)

    def _leads_somewhere(self, page, target):
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        if not anchor:
            return path.exists()
        headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.M)
        return anchor in {
            re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in headings
        }


class ReadmeTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.text = read("README.md")

    def test_is_read_in_minutes(self):
        self.assertLessEqual(len(self.text.splitlines()), 150)

    def test_two_commands_set_everything_up_and_the_check_runs_them(self):
        script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        pattern = re.search(r"grep -E '(.*?)' README.md", script)[1]
        commands = [x for x in self.text.splitlines() if re.match(pattern, x)]
        self.assertEqual(commands[:2], SETUP_COMMANDS)
        for index in range(2):
            self.assertIn(f'bash -c "${{commands[{index}]}}"', script)

    def test_its_results_are_those_of_the_page(self):
        short, long = rows_of(self.text), rows_of(read("docs/results.md"))
        self.assertLen(long, 12)
        # The page has the scored examples and the majority's score too.
        self.assertEqual(short, [row[:2] + row[3:4] + row[5:] for row in long])

    def test_its_rooms_are_there(self):
        _, _, text = self.text.partition("## Read the code in this order")
        rooms = set(re.findall(r"`(\w+/)`", text)) - {"tf_bert/"}
        self.assertGreater(len(rooms), 10)
        missing = [x for x in rooms if not (ROOT / "tf_bert" / x).is_dir()]
        self.assertEmpty(missing)


def rows_of(text):
    """The rows of the table of results, as lists of cells."""
    [table] = re.findall(r"^\| data \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.M)
    return [
        [cell.strip() for cell in line[1:-1].split("|")]
        for line in table.splitlines()
    ]
