"""Nouns with their number."""


def counted(
    number: int, noun: str, plural: str | None = None, *, separator: str = ""
) -> str:
    """Returns how many there are, with their name.

    Args:
        plural: None: the noun with an s.
        separator: Between thousands: "," or none.

    Example:
        >>> counted(1, "row"), counted(2, "class", "classes")
        ('1 row', '2 classes')
        >>> counted(1000, "row"), counted(1000, "row", separator=",")
        ('1000 rows', '1,000 rows')
    """
    name = noun if number == 1 else plural or f"{noun}s"
    return f"{number:{separator}} {name}"
