"""Scores, intervals and p-values as people read them."""

NOT_DEFINED = "not defined"

_LEVEL = 0.05  # Of every test: no p-value is rounded to it, or across it.
_SMALLEST_P = 0.001

_Ends = tuple[float | None, float | None]


def number(value: float | None, *, digits: int = 3, sign: str = "") -> str:
    """Returns a number for people; `NOT_DEFINED` for None.

    Args:
        sign: "+" gives positive numbers a sign too, as differences have.

    Example:
        >>> number(0.91666), number(None)
        ('0.917', 'not defined')
    """
    return NOT_DEFINED if value is None else f"{value:{sign}.{digits}f}"


def interval(ends: _Ends | None, *, sign: str = "") -> str:
    """Returns the two ends of an interval.

    Example:
        >>> interval((0.5, 0.75)), interval((-0.1, 0.2), sign="+")
        ('0.500 to 0.750', '-0.100 to +0.200')
    """
    if ends is None or None in ends:
        return NOT_DEFINED
    return " to ".join(number(end, sign=sign) for end in ends)


def bracketed(ends: _Ends | None, *, digits: int = 3, sign: str = "") -> str:
    """Returns the two ends of an interval in brackets, for tables of text.

    Example:
        >>> bracketed((0.5, 0.75)), bracketed((-0.1, 0.2), digits=1, sign="+")
        ('[0.500, 0.750]', '[-0.1, +0.2]')
    """
    if ends is None or None in ends:
        return NOT_DEFINED
    low, high = (number(end, digits=digits, sign=sign) for end in ends)
    return f"[{low}, {high}]"


def p_value(value: float | None) -> str:
    """Returns a p-value with three decimals; a bound where these mislead.

    Example:
        >>> p_value(0.0123), p_value(1e-9), p_value(0.0499), p_value(0.0501)
        ('0.012', '< 0.001', '< 0.05', '> 0.05')
    """
    if value is not None and value < _SMALLEST_P:
        return f"< {_SMALLEST_P}"
    text = number(value)
    if text != number(_LEVEL) or value == _LEVEL:
        return text
    return f"{'<' if value < _LEVEL else '>'} {_LEVEL}"


def p_equals(value: float) -> str:
    """Returns what stands behind "p" in a sentence.

    Example:
        >>> p_equals(0.0123), p_equals(1e-9)
        ('= 0.012', '< 0.001')
    """
    text = p_value(value)
    return text if text.startswith(("<", ">")) else f"= {text}"
