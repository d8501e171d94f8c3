"""The pages of docs/ as a site: each is found, and begins with its answer."""

import importlib.util
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_it_begins_with_its_answer_in_five_lines(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    title, answer, _ = text.split("\n\n", 2)
    assert re.fullmatch("# .+", title)
    assert not re.match(r"[#|>-]|```", answer)  # A sentence.
    lines = answer.splitlines()
    assert len(lines) <= 5 and max(map(len, lines)) <= 88


@pytest.mark.parametrize("page", PAGES)
def test_the_menu_leads_to_it(page):
    menu = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[2]
    assert f"- {page}\n" in menu


@pytest.mark.large  # It needs the extra [docs].
def test_links_between_the_pages_and_the_files_beside_docs():
    path = ROOT / "docs" / "site" / "start_page.py"
    spec = importlib.util.spec_from_file_location("start_page", path)
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    text = "[a](docs/x.md) [b](../README.md#c) [d](CONTRIBUTING.md) [e](y.md#f)"
    assert hook.on_page_markdown(text) == (
        "[a](x.md) [b](index.md#c) [d](contributing.md) [e](y.md#f)"
    )
