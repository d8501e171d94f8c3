"""How the user's text files are written: their encoding and delimiter."""

import codecs
import dataclasses

_DELIMITERS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "pipe": "|",
}
# These write a character as an escape of several, which may be half of one.
_ESCAPING_ENCODINGS = {"utf-7", "unicode-escape", "raw-unicode-escape"}


@dataclasses.dataclass(frozen=True)
class TextFormat:
    """What is said about the user's text files; the rest is detected.

    Args:
        encoding: "cp1252", for example. None: UTF-8. Whatever it is, a byte
            order mark at the start of a file decides on that file.
        delimiter: "comma", "semicolon", "tab", "pipe", or one character that
            is no letter, digit, white space or quote. None: tabs in .tsv and
            .txt; detected in .csv.
        keep_short_rows: Whether a row with too few fields is a record without
            fields, for data sets that are known to have such, not an error.

    Raises:
        ValueError: `encoding` or `delimiter` is not one of these.

    Example:
        >>> TextFormat(encoding="latin-1", delimiter="semicolon").separator
        ';'
    """

    encoding: str | None = None
    delimiter: str | None = None
    keep_short_rows: bool = False

    def __post_init__(self):
        if self.encoding is not None and not _is_text_encoding(self.encoding):
            raise ValueError(
                "`encoding` must be the name of a text encoding that Python "
                "knows, such as utf-8, cp1252, latin-1, utf-16 or shift_jis. "
                f"Received: encoding={self.encoding!r}. Correct --encoding."
            )
        if self.delimiter is not None and not _is_delimiter(self.delimiter):
            raise ValueError(
                "`delimiter` must be comma, semicolon, tab, pipe or one "
                "character that is no letter, digit, space or quote. "
                f"Received: delimiter={self.delimiter!r}. Correct --delimiter."
            )

    @property
    def separator(self) -> str | None:
        """The one character that `delimiter` stands for, or None."""
        return _DELIMITERS.get(self.delimiter, self.delimiter)


def _is_text_encoding(name: str) -> bool:
    try:
        canonical = codecs.lookup(name).name
        # Fails for what turns bytes into bytes, such as "zip" and "hex".
        is_lossless = "a\n".encode(name).decode(name) == "a\n"
    except (LookupError, ValueError):
        return False
    return is_lossless and canonical not in _ESCAPING_ENCODINGS


def _is_delimiter(delimiter: str) -> bool:
    character = _DELIMITERS.get(delimiter, delimiter)
    if character == "\t":
        return True
    return (
        len(character) == 1
        and character.isprintable()
        and not character.isalnum()
        and character not in " \"'"
    )
