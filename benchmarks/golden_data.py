"""Files that the commands of `golden.py` read, made from the bundled reviews.

Nothing in them is random.
"""

import csv
import pathlib
from collections.abc import Sequence

_REVIEWS = (
    pathlib.Path(__file__).parents[1] / "tf_bert" / "data" / "product_reviews"
)
# Where `write` writes them, below the folder that it gets.
NEW = "data/new.tsv"
SCORES = "data/scores.csv"
# More than the program computes at a time, the last time fewer.
_NUM_NEW = 1100


def _reviews(name: str) -> list[dict[str, str]]:
    # As the program reads .tsv files: quotes are ordinary characters.
    with open(_REVIEWS / name, encoding="utf-8", newline="") as file:
        lines = file.read().splitlines()
    names, *rows = (line.split("\t") for line in lines)
    return [dict(zip(names, row, strict=True)) for row in rows]


def new_texts() -> list[str]:
    """Returns texts of many lengths: parts of reviews, whole ones, several."""
    texts = [row["text"] for row in _reviews("test.tsv")]
    made = []
    for i in range(_NUM_NEW):
        text = texts[i % len(texts)]
        words = text.split()
        if i % 3 == 0:
            text = " ".join(words[: 1 + i % len(words)])
        elif i % 7 == 0:
            text = " ".join(texts[(i + k) % len(texts)] for k in range(12))
        made.append(text)
    return made


def served_texts() -> list[str]:
    """Returns ten of them, short and long."""
    return new_texts()[:10]


def scores() -> list[tuple[str, str, str]]:
    """Returns 300 rows `(text, product, score)` for a regression.

    A score is 3 for praise and 0 for blame, and a tenth for each word, at most
    2 for all.
    """
    return [
        (row["text"], row["product"], f"{_score(row):.1f}")
        for row in _reviews("train.tsv")[:300]
    ]


def _score(row: dict[str, str]) -> float:
    words = min(20, len(row["text"].split()))
    return 3 * (row["label"] == "positive") + words / 10


def write(folder: pathlib.Path) -> None:
    """Writes all files below a folder."""
    (folder / "data").mkdir(exist_ok=True)
    texts = [(str(i), text) for i, text in enumerate(new_texts())]
    _write(folder / NEW, [("id", "text"), *texts], delimiter="\t")
    _write(folder / SCORES, [("text", "product", "score"), *scores()])


def _write(
    path: pathlib.Path, rows: Sequence[Sequence[str]], delimiter: str = ","
) -> None:
    # No review has a quote, a tab or a line break.
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
