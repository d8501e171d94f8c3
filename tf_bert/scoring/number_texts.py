"""Scores, intervals and p-values as people read them."""

NOT_DEFINED = "not defined"

_Ends = tuple[float | None, float | None]


def number(value: float | None, *, digits: int = 3, sign: str = "") -> str:
    """Returns a number for people.

    Args:
        value: finite; None: it has no value.
        digits: after the point.
        sign: "+": positive numbers have a sign too, as differences do.

    Example:
        >>> number(0.91666), number(None)
        ('0.917', 'not defined')
    """
    return NOT_DEFINED if value is None else f"{value:{sign}.{digits}f}"


def interval(ends: _Ends | None, *, sign: str = "") -> str:
    """Returns the two ends of an interval.

    Args:
        ends: lower and upper; None: it has none.
        sign: "+": positive numbers have a sign too, as differences do.

    Example:
        >>> interval((0.5, 0.75)), interval((-0.1, 0.2), sign="+")
        ('0.500 to 0.750', '-0.100 to +0.200')
    """
    if ends is None or None in ends:
        return NOT_DEFINED
    return " to ".join(number(end, sign=sign) for end in ends)


def bracketed(ends: _Ends | None, *, digits: int = 3, sign: str = "") -> str:
    """Returns the two ends of an interval in brackets, for tables of text.

    Args:
        ends: as of `interval`, as is `sign`.
        digits: after the point.

    Example:
        >>> bracketed((0.5, 0.75)), bracketed((-0.1, 0.2), digits=1, sign="+")
        ('[0.500, 0.750]', '[-0.1, +0.2]')
    """
    if ends is None or None in ends:
        return NOT_DEFINED
    low, high = (number(end, digits=digits, sign=sign) for end in ends)
    return f"[{low}, {high}]"


def p_value(value: float | None, *, digits: int = 3) -> str:
    """Returns a p-value; small ones as a bound.

    Args:
        value: in [0, 1]; None: there was no test.
        digits: after the point.

    Example:
        >>> p_value(0.0123), p_value(1e-9), p_value(1e-9, digits=4)
        ('0.012', '< 0.001', '< 0.0001')
    """
    smallest = 10**-digits
    if value is not None and value < smallest:
        return f"< {smallest:.{digits}f}"
    return number(value, digits=digits)


def p_equals(value: float, *, level: float | None = None) -> str:
    """Returns what stands behind "p" in a sentence.

    Args:
        value: in [0, 1].
        level: of the test, to which, or across which, nothing is rounded;
            None: whatever it is.

    Example:
        >>> p_equals(0.0123), p_equals(1e-9)
        ('= 0.012', '< 0.001')
        >>> p_equals(0.0499), p_equals(0.0499, level=0.05)
        ('= 0.050', '< 0.05')
    """
    text = p_value(value)
    if level is not None and text == number(level):
        return f"{'<' if value < level else '>='} {level}"
    return text if text.startswith("<") else f"= {text}"
