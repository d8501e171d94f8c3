"""What decides how a text becomes ids. Reading and writing it is not here."""

import dataclasses
import re
import reprlib

OPTION_NAMES = ("do_lower_case", "strip_accents", "tokenize_chinese_chars")
SPECIAL_TOKEN_NAMES = (
    "unk_token",
    "cls_token",
    "sep_token",
    "pad_token",
    "mask_token",
)

# NUL, line breaks, and surrogates, which JSON can write and UTF-8 cannot.
_NOT_IN_ENTRIES = re.compile("[\0\r\n\ud800-\udfff]")


@dataclasses.dataclass(frozen=True)
class TokenizerSettings:
    """Everything that decides how a text becomes ids.

    Args:
        vocabulary: The word pieces; a piece's position is its id. Pieces
            within a word start with ``##``.
        strip_accents: Whether to remove accents. None: as `do_lower_case`.
        tokenize_chinese_chars: Whether each Chinese character is a word.
        unk_token: Stands for a word that the vocabulary cannot spell.
        cls_token: Begins every row.
        sep_token: Ends every segment.
        pad_token: Fills up rows.
        mask_token: Hides a word in pretraining. Becomes None if the
            vocabulary lacks it: fine-tuning does without.

    Raises:
        ValueError: `vocabulary` is empty, lacks a special token, or has an
            entry that is blank, occurs twice or holds a line break or NUL;
            or an option is not a boolean.
    """

    vocabulary: tuple[str, ...] = dataclasses.field(repr=False)
    do_lower_case: bool = True
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True
    unk_token: str = "[UNK]"
    cls_token: str = "[CLS]"
    sep_token: str = "[SEP]"
    pad_token: str = "[PAD]"
    mask_token: str | None = "[MASK]"

    def __post_init__(self):
        for name in OPTION_NAMES:
            value = getattr(self, name)
            if value is None and name == "strip_accents":
                continue
            if not isinstance(value, bool):
                raise ValueError(
                    f"`{name}` must be true or false. "
                    f"Received: {name}={reprlib.repr(value)}. Correct it in "
                    "tokenizer_config.json or tokenizer.json."
                )
        check_entries(self.vocabulary, source="`vocabulary`")
        if self.mask_token not in self.vocabulary:
            object.__setattr__(self, "mask_token", None)
        for name, token in self.special_tokens.items():
            if token is not None:
                _check_special_token(self.vocabulary, name, token)

    @property
    def strips_accents(self) -> bool:
        """Whether accents are removed, with None resolved."""
        if self.strip_accents is None:
            return self.do_lower_case
        return self.strip_accents

    @property
    def special_tokens(self) -> dict[str, str | None]:
        """Name (`unk_token`, ...) -> token."""
        return {name: getattr(self, name) for name in SPECIAL_TOKEN_NAMES}

    def token_id(self, token: str) -> int:
        """Returns the id of an entry of the vocabulary."""
        return self.vocabulary.index(token)


def check_entries(vocabulary: tuple[str, ...], *, source: str) -> None:
    """Refuses a vocabulary, read from `source`, that names a token wrongly."""
    advice = "Use the vocabulary that came with the checkpoint."
    if not vocabulary:
        raise ValueError(
            f"The vocabulary is empty. Received: no entry in {source}. {advice}"
        )
    seen = {}
    for index, token in enumerate(vocabulary):
        if not token or _NOT_IN_ENTRIES.search(token):
            raise ValueError(
                "A vocabulary entry is blank, or holds NUL, a line break or "
                f"half a character. Received: {token!r} in {source}, "
                f"entry {index}, counted from 0. {advice}"
            )
        if token in seen:
            raise ValueError(
                "A vocabulary holds an entry twice. Received: "
                f"{token!r} in {source}, entries {seen[token]} and {index}, "
                f"counted from 0. {advice}"
            )
        seen[token] = index


def _check_special_token(
    vocabulary: tuple[str, ...], name: str, token: str
) -> None:
    if token not in vocabulary or any(map(str.isspace, token)):
        raise ValueError(
            "Each special token must be an entry of the vocabulary, without "
            f"white space. Received: {name}={reprlib.repr(token)}, vocabulary "
            f"of {len(vocabulary)} entries. Use the vocab.txt that came with "
            f"the checkpoint, or correct `{name}` in tokenizer_config.json or "
            "tokenizer.json."
        )
