"""setup.py: what ships, and what a package index shows of it."""

import pathlib
import re
import runpy

import pytest
import setuptools

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture
def arguments(monkeypatch):
    """What setup.py passes to `setuptools.setup`."""
    passed = {}
    monkeypatch.setattr(setuptools, "setup", passed.update)
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(ROOT / "setup.py"))
    return passed


def test_every_file_of_the_package_ships(arguments):
    shipped = {
        path
        for name in arguments["packages"]
        for pattern in ("*.py", *arguments["package_data"].get(name, ()))
        for path in (ROOT / name.replace(".", "/")).glob(pattern)
    }
    files = {
        path
        for path in (ROOT / "tf_bert").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files == shipped
    assert ROOT / "tf_bert" / "py.typed" in shipped


def test_every_pattern_of_data_finds_a_file(arguments):
    for name, patterns in arguments["package_data"].items():
        folder = ROOT / name.replace(".", "/")
        for pattern in patterns:
            assert list(folder.glob(pattern)), (name, pattern)


def test_an_index_shows_the_readme_without_links_that_lead_nowhere(arguments):
    text = arguments["long_description"]
    assert text.startswith("# tf_bert\n")
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert targets
    assert all(target.startswith("https://") for target in targets)
    assert "docs/data.md: which files are read" in text


def test_versions_of_python_are_those_that_pip_takes(arguments):
    named = [
        int(minor)
        for line in arguments["classifiers"]
        for minor in re.findall(r":: 3\.(\d+)$", line)
    ]
    assert arguments["python_requires"] == (
        f">=3.{min(named)},<3.{max(named) + 1}"
    )
    assert named == list(range(min(named), max(named) + 1))
