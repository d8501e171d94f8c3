"""Which rows are copies of each other: the one notion of the program.

A row is its text or, in a task of pairs, both texts. Two rows are copies if
these are the same but for upper and lower case and white space. A row with an
empty text is a copy of nothing.
"""

from tf_bert.data.examples import Examples

CopyKey = tuple[str, ...]  # Of one text, or of two.


def copy_keys(examples: Examples) -> list[CopyKey | None]:
    """Returns for each row what its copies have too; None without a text.

    Example:
        >>> texts = ("So  GOOD", "so good ", " ")
        >>> copy_keys(Examples(texts, None, None, range(1, 4), "x.csv"))
        [('so good',), ('so good',), None]
    """
    columns = [examples.texts]
    if examples.text_pairs is not None:
        columns.append(examples.text_pairs)
    plain = [[_plain(text) for text in column] for column in columns]
    return [row if all(row) else None for row in zip(*plain, strict=True)]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
