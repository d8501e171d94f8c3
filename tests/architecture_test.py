"""The rules that the code as a whole keeps, read from its syntax trees."""

import ast
import pathlib
from collections.abc import Iterator

from absl.testing import parameterized

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "tf_bert"

# The rooms, lowest first. A module may import from its own room and from those
# of lower rows.
LEVELS = (
    ("system",),
    ("config",),
    ("checkpoints", "data"),
    ("models", "optimization", "scoring"),
    ("adaptation",),
    ("training",),
    ("baselines",),
    ("runs",),
    ("doctor", "finetune", "inspection", "trials"),
    ("report",),
    ("library",),
    ("notebook",),
    ("run",),
)
LEVEL = {name: level for level, row in enumerate(LEVELS) for name in row}


def module_name(path: pathlib.Path) -> str:
    """Returns `tf_bert.data.readers.columns` for the path of that module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}


def imported(tree: ast.AST) -> Iterator[str]:
    """Yields the full name of everything imported, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError("A relative import.")
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    """Returns the room of `tf_bert.x` or `tf_bert.x.y`, or of a name of it."""
    return module.split(".")[1]


def is_allowed(importer: str, name: str) -> bool:
    """Whether a module may import a name of this package."""
    here, there = room(importer), room(name)
    return here == there or LEVEL[there] < LEVEL[here]


class ImportsTest(parameterized.TestCase):
    def test_every_module_is_in_a_room(self):
        rooms = {room(name) for name in MODULES if "." in name}
        self.assertContainsSubset(rooms, LEVEL)

    def test_imports_go_down_only(self):
        wrong = [
            f"{module} imports {name}"
            for module, tree in MODULES.items()
            if module != "tf_bert"
            for name in imported(tree)
            if name.startswith("tf_bert.") and not is_allowed(module, name)
        ]
        self.assertEmpty(wrong)

    @parameterized.parameters(
        ("tf_bert.runs.build", "tf_bert.data.readers.table_formats", True),
        (
            "tf_bert.data.tasks.load_splits",
            "tf_bert.data.readers.table_formats",
            True,
        ),
        ("tf_bert.data.tasks.load_splits", "tf_bert.runs.build", False),
        ("tf_bert.data.tasks.load_splits", "tf_bert.models.bert", False),
        (
            "tf_bert.data.tasks.load_splits",
            "tf_bert.optimization.schedules",
            False,
        ),
        ("tf_bert.training.training_loop", "tf_bert.runs.build.build", False),
    )
    def test_the_rule_itself(self, importer, name, expected):
        self.assertEqual(is_allowed(importer, name), expected)

    def test_only_the_command_line_knows_flags(self):
        users = {
            module
            for module, tree in MODULES.items()
            if any(name.startswith("absl.flags") for name in imported(tree))
        }
        self.assertEqual(users, {"tf_bert.config.parse"})

    def test_the_maths_runs_on_every_backend_of_keras(self):
        packages = ("tf_bert.models", "tf_bert.adaptation", "tf_bert.optimi")
        users = {
            module
            for module, tree in MODULES.items()
            if module.startswith(packages)
            and any(name.startswith("tensorflow") for name in imported(tree))
        }
        self.assertEqual(users, {"tf_bert.optimization.fused_adam"})

    def test_nothing_needs_pytorch(self):
        for module, tree in MODULES.items():
            for name in imported(tree):
                self.assertNotEqual(name.split(".")[0], "torch", module)


class CodeTest(parameterized.TestCase):
    def test_users_never_meet_an_assert(self):
        wrong = [
            f"{module}, line {node.lineno}"
            for module, tree in MODULES.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Assert)
        ]
        self.assertEmpty(wrong)

    def test_every_exception_is_caught_in_two_places_only(self):
        catching = [
            module
            for module, tree in MODULES.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.ExceptHandler)
            and (node.type is None or _names_exception(node.type))
        ]
        self.assertEqual(
            catching,
            [
                # Raised again, in the thread that waits for the other one.
                "tf_bert.runs.state.background",
                # A trial must not end the others: its error is recorded, and
                # the exit status is 1.
                "tf_bert.trials.one_trial",
            ],
        )

    def test_every_module_says_what_is_in_it(self):
        for module, tree in MODULES.items():
            self.assertIsNotNone(ast.get_docstring(tree), module)

    def test_modules_stay_short(self):
        for path in PACKAGE.rglob("*.py"):
            lines = path.read_text(encoding="utf-8").count("\n")
            self.assertLessEqual(lines, 400, path)

    def test_every_folder_of_modules_is_a_package(self):
        # Else setuptools does not ship it, nor are its doctests found.
        folders = {path.parent for path in PACKAGE.rglob("*.py")}
        missed = [f for f in folders if not (f / "__init__.py").exists()]
        self.assertEmpty(missed)

    def test_the_root_is_seen_at_a_glance(self):
        entries = {
            path.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*.py")
        }
        self.assertLessEqual(len(entries), 20)

    def test_no_two_modules_have_one_name(self):
        names = [m.split(".")[-1] for m in MODULES]
        twice = {name for name in names if names.count(name) > 1}
        self.assertEmpty(twice)

    @parameterized.parameters("utils", "helpers", "common", "misc")
    def test_every_module_has_a_subject(self, name):
        self.assertEmpty([m for m in MODULES if m.endswith(name)])


# What tests share, beside conftest.py.
OF_TESTS = (
    "adam_by_numpy.py",
    "bad_inputs.py",
    "broken_machine.py",
    "commands.py",  # Of tests/recorded/.
    "conftest.py",
    "fetch_client.py",
    "gcs_client.py",
    "gcs_server.py",
    "tiny_bert.py",
    "warm_program.py",
    "small_training.py",
    "worker_processes.py",
)


class TestsTest(parameterized.TestCase):
    def test_every_file_is_collected(self):
        missed = [
            str(path)
            for path in (ROOT / "tests").rglob("*.py")
            if path.name not in OF_TESTS and not path.name.endswith("_test.py")
        ]
        self.assertEmpty(missed)

    def test_folders_are_no_packages(self):
        self.assertEmpty(list((ROOT / "tests").rglob("__init__.py")))


def _names_exception(node: ast.AST) -> bool:
    names = {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}
    return bool(names & {"Exception", "BaseException"})
