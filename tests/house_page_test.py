"""docs/house.md: every place that it names is there."""

import importlib
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "tf_bert"
TEXT = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")


def rows() -> list[dict[str, str]]:
    """The rows of the first table: the title of a column -> the cell."""
    table = re.search(r"(?:^\|.*\n)+", TEXT, re.M)[0]
    lines = table.splitlines()
    cells = [[x.strip() for x in line[1:-1].split("|")] for line in lines]
    head, _, *others = cells
    return [dict(zip(head, row, strict=True)) for row in others]


def cells(title: str) -> list[str]:
    """Those of the last column with this word: of the code as it is now."""
    return [
        [row[name] for name in row if name.endswith(title)][-1]
        for row in rows()
    ]


def place(name: str) -> object:
    """What `data.plan.Plan.fill` stands for.

    Raises:
        ImportError, AttributeError: if there is no such thing.
    """
    parts = name.split(".")
    count = 1
    while PACKAGE.joinpath(*parts[:count]).is_dir():
        count += 1
    found = importlib.import_module(".".join(["tf_bert", *parts[:count]]))
    for part in parts[count:]:
        found = getattr(found, part)
    return found


def test_there_are_twenty_questions():
    assert [row[""] for row in rows()] == [str(n) for n in range(1, 21)]


@pytest.mark.parametrize("cell", cells("where"))
def test_every_answer_is_a_place_in_the_code(cell):
    found = place(re.fullmatch(r"`([\w.]+)`", cell)[1])
    assert found.__module__.startswith("tf_bert.")


@pytest.mark.parametrize("name", ["data.plan.plan", "data.tabels", "finetun"])
def test_what_is_not_there_is_noticed(name):
    with pytest.raises((ImportError, AttributeError)):
        place(name)


def test_guesses_are_counted_with_those_that_failed():
    for row in rows():
        for title in row:
            if title.endswith("guesses"):
                wrong = re.findall(r"`([\w/]+)`", row[title])
                assert row[title].split()[0] == str(1 + len(wrong)), row


def test_the_files_that_are_opened_first_are_there():
    for cell in cells("guesses"):
        for name in re.findall(r"`([\w/]+)`", cell):
            assert (PACKAGE / f"{name}.py").is_file(), name
