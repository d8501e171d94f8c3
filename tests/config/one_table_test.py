"""Knowledge of settings is in the table: read from the syntax trees."""

import ast
import pathlib
from collections.abc import Iterator

from absl.testing import parameterized

from tf_bert.config.all_settings import SETTINGS

PACKAGE = pathlib.Path(__file__).parents[2] / "tf_bert"
TREES = {
    str(path.relative_to(PACKAGE)): ast.parse(path.read_text("utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0] != "config"
}

# Keys that are called like settings, but are no knowledge of settings.
NO_LISTS = {
    "optimization/schedules.py": "What a schedule of Keras is made of again.",
    "trials/trial_record.py": "The task of a trial's record, from its data.",
}


def setting_names(nodes: list[ast.expr | None]) -> set[str]:
    """Names of settings among the nodes, or first in the rows they are."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Tuple | ast.List) and node.elts:
            node = node.elts[0]
        if isinstance(node, ast.Constant) and node.value in SETTINGS:
            found.add(node.value)
    return found


def listed_names(tree: ast.AST) -> Iterator[tuple[int, set[str]]]:
    """Yields the line and the names of each list or mapping of settings."""
    for node in ast.walk(tree):
        names: set[str] = set()
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            names = setting_names(node.elts)
        elif isinstance(node, ast.Dict):
            names = setting_names(node.keys)
        elif _called(node) == "dict":
            names = {x.arg for x in node.keywords} & SETTINGS.keys()
        if len(names) > 1:
            yield node.lineno, names


def asked_names(tree: ast.AST) -> Iterator[int]:
    """Yields the line of each `getattr` of a configuration or a setting."""
    configs = {
        argument.arg
        for argument in ast.walk(tree)
        if isinstance(argument, ast.arg)
        and argument.annotation is not None
        and ast.unparse(argument.annotation) == "Config"
    }
    for node in ast.walk(tree):
        if _called(node) not in ("getattr", "setattr", "hasattr"):
            continue
        asked, name, *_ = node.args
        is_config = (isinstance(asked, ast.Name) and asked.id in configs) or (
            isinstance(asked, ast.Attribute) and asked.attr == "config"
        )
        if is_config or setting_names([name]):
            yield node.lineno


def _called(node: ast.AST) -> str | None:
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return node.func.id if is_call else None


class OneTableTest(parameterized.TestCase):
    def test_no_list_of_settings_stands_beside_the_table(self):
        found = {
            f"{path}:{line}: {sorted(names)}"
            for path, tree in TREES.items()
            if path not in NO_LISTS
            for line, names in listed_names(tree)
        }
        self.assertEmpty(found)

    def test_no_setting_is_asked_for_by_a_text(self):
        found = [
            f"{path}:{line}"
            for path, tree in TREES.items()
            for line in asked_names(tree)
        ]
        self.assertEmpty(found)

    @parameterized.parameters(
        "x = ('seed', 'mixout')",
        "x = {'seed', *y, 'mixout'}",
        "x = (('seed', 1), ('mixout', 2))",
        "x = {'seed': 1, 'mixout': 2}",
        "x = dict(seed=1, mixout=2)",
    )
    def test_lists_are_found(self, code):
        self.assertLen(list(listed_names(ast.parse(code))), 1)

    @parameterized.parameters(
        "x = ('seed', 'other')", "f(seed=1, mixout=2)", "x = {'seed': 'mixout'}"
    )
    def test_other_things_are_no_lists(self, code):
        self.assertEmpty(list(listed_names(ast.parse(code))))

    @parameterized.parameters(
        ("getattr(x, 'seed')", 1),
        ("def f(given: Config): getattr(given, name)", 1),
        ("getattr(run.config, name)", 1),
        ("def f(model: Model): getattr(model, name)", 0),
        ("x.seed", 0),
    )
    def test_questions_are_found(self, code, number):
        self.assertLen(list(asked_names(ast.parse(code))), number)
