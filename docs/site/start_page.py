"""A hook of mkdocs: README.md and CONTRIBUTING.md are pages of the site too."""

import pathlib
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parents[2]
# File beside docs/ -> its page.
_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}


def on_files(files, config):
    """Adds the two."""
    for source, page in _PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_within(text)))
    return files


def on_page_markdown(markdown, **_):
    """Lets links that lead from docs/ to one of the two lead to its page."""
    return _within(markdown)


def _within(text: str) -> str:
    """A page's text with its links as they are from docs/."""
    text = re.sub(r"\]\((?:\.\./)?(?:docs/)?([\w/]+\.md)", _link, text)
    return re.sub(r"\]\(docs/", "](", text)


def _link(match: re.Match) -> str:
    name = match[1]
    return f"]({_PAGES.get(name, name)}"
