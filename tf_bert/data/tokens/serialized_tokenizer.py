"""The content of tokenizer.json: Hugging Face's description of a tokenizer.

It describes any tokenizer, as a chain of parts: normalizer, pre-tokenizer,
model, post-processor. Here it is read where it describes BERT's, refused
where it does not, and written. Its `padding` and `truncation` are requests for
a batch, not a part of the tokenizer, and do not count.
"""

import reprlib
from typing import Any

from tf_bert.data.tokens.tokenizer_settings import (
    TokenizerSettings,
    check_entries,
)

# Option -> its name in the normalizer.
_NORMALIZER_NAMES = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
# What "BERT tokenizer" means: part -> key -> value. A key that is missing
# there has this value.
_SUPPORTED = {
    "normalizer": {"type": "BertNormalizer", "clean_text": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "model": {
        "type": "WordPiece",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
    },
}
_ADVICE = "Choose a BERT checkpoint with --init_checkpoint."


def check(content: dict[str, Any], path: str) -> None:
    """Refuses a tokenizer.json that does not describe BERT's tokenizer."""
    for part, expected in _SUPPORTED.items():
        received = content.get(part)
        if not isinstance(received, dict):
            kind = None if received is None else type(received).__name__
            received = {"type": kind}
        for key, value in expected.items():
            if received.get(key, value) != value:
                raise ValueError(
                    f"The tokenizer must be BERT's, with {key}={value!r} in "
                    f"the {part}. Received: {key}="
                    f"{reprlib.repr(received[key])} in {path!r}. {_ADVICE}"
                )
    _check_vocabulary(content["model"], path)
    _check_added_tokens(content, path)
    _check_post_processor(content, path)


def vocabulary(content: dict[str, Any]) -> tuple[str, ...]:
    """Returns the word pieces, in the order of their ids."""
    ids = content["model"]["vocab"]
    return tuple(sorted(ids, key=ids.get))


def options(content: dict[str, Any]) -> dict[str, bool | None]:
    """Returns those of `tokenizer_settings.OPTION_NAMES` that it decides."""
    normalizer = content["normalizer"]
    return {
        ours: normalizer[theirs]
        for ours, theirs in _NORMALIZER_NAMES.items()
        if theirs in normalizer
    }


def special_tokens(content: dict[str, Any]) -> dict[str, str]:
    """Returns the special tokens that it decides, by their names."""
    tokens = {}
    if "unk_token" in content["model"]:
        tokens["unk_token"] = content["model"]["unk_token"]
    processor = content.get("post_processor")
    if processor and processor["type"] == "BertProcessing":
        tokens["cls_token"] = processor["cls"][0]
        tokens["sep_token"] = processor["sep"][0]
    elif processor:
        first, _, last = processor["single"]
        tokens["cls_token"] = first["SpecialToken"]["id"]
        tokens["sep_token"] = last["SpecialToken"]["id"]
    return tokens


def serialize(settings: TokenizerSettings) -> dict:
    """Returns the content of a tokenizer.json."""
    ids = {
        token: settings.token_id(token)
        for token in settings.special_tokens.values()
        if token is not None
    }
    normalizer = {
        theirs: getattr(settings, ours)
        for ours, theirs in _NORMALIZER_NAMES.items()
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            _added_token(token, ids[token])
            for token in sorted(ids, key=ids.get)
        ],
        "normalizer": _SUPPORTED["normalizer"] | normalizer,
        "pre_tokenizer": _SUPPORTED["pre_tokenizer"],
        "post_processor": {
            "type": "TemplateProcessing",
            **_template(settings.cls_token, settings.sep_token),
            "special_tokens": {
                token: {"id": token, "ids": [ids[token]], "tokens": [token]}
                for token in (settings.cls_token, settings.sep_token)
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            **_SUPPORTED["model"],
            "unk_token": settings.unk_token,
            "vocab": {
                token: index for index, token in enumerate(settings.vocabulary)
            },
        },
    }


def _added_token(token: str, token_id: int) -> dict:
    return {
        "id": token_id,
        "content": token,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def _template(cls_token: str, sep_token: str) -> dict[str, Any]:
    """Returns the template ``[CLS] A [SEP] (B [SEP])``."""

    def special(token, type_id):
        return {"SpecialToken": {"id": token, "type_id": type_id}}

    def segment(name, type_id):
        return [
            {"Sequence": {"id": name, "type_id": type_id}},
            special(sep_token, type_id),
        ]

    single = [special(cls_token, 0), *segment("A", 0)]
    return {"single": single, "pair": [*single, *segment("B", 1)]}


def _check_vocabulary(model: dict[str, Any], path: str) -> None:
    ids = model.get("vocab")
    numbers = list(ids.values()) if isinstance(ids, dict) else [None]
    if any(type(number) is not int for number in numbers) or (
        sorted(numbers) != list(range(len(numbers)))
    ):
        raise ValueError(
            "A vocabulary must number its entries from 0 without a gap. "
            f"Received: {reprlib.repr(ids)} in the model of {path!r}. Use the "
            "tokenizer.json that came with the checkpoint."
        )
    check_entries(vocabulary({"model": model}), source=path)


def _check_added_tokens(content: dict[str, Any], path: str) -> None:
    """Refuses what would be found in a text before it is divided into words.

    Special tokens are no danger: written inside a text, they are text here.
    """
    ids = content["model"]["vocab"]
    added = content.get("added_tokens") or []
    for token in added if isinstance(added, list) else [added]:
        entry = token if isinstance(token, dict) else {}
        name = entry.get("content")
        if not isinstance(name, str) or ids.get(name) != entry.get("id"):
            raise ValueError(
                "Every added token must be in the vocabulary, with its id. "
                f"Received: {reprlib.repr(name or token)} in {path!r}. Add it "
                "to the vocabulary's unused entries, or choose another "
                "checkpoint with --init_checkpoint."
            )
        if entry.get("special") is not True:
            raise ValueError(
                "Every added token must be special: [CLS], for example. "
                f"Received: {reprlib.repr(name)}, an ordinary one, in "
                f"{path!r}. Texts with it would get other ids here. {_ADVICE}"
            )


def _check_post_processor(content: dict[str, Any], path: str) -> None:
    """Refuses any other way than BERT's to put special tokens around texts."""
    ids = content["model"]["vocab"]
    processor = content.get("post_processor")
    if processor is None:
        return
    try:
        tokens = special_tokens(content)
        pair = (tokens["cls_token"], tokens["sep_token"])
        if processor["type"] == "BertProcessing":
            stored = [processor["cls"][1], processor["sep"][1]]
            is_right = True
        else:
            table = processor["special_tokens"]
            stored = [number for x in pair for number in table[x]["ids"]]
            is_right = processor["type"] == "TemplateProcessing" and (
                _template(*pair).items() <= processor.items()
            )
        is_right = is_right and stored == [ids[token] for token in pair]
    except (KeyError, IndexError, TypeError, ValueError):
        is_right = False
    if not is_right:
        raise ValueError(
            "The post-processor must be BERT's: [CLS] A [SEP], and [CLS] A "
            "[SEP] B [SEP] for pairs, by their ids. Received: another one in "
            f"{path!r}. {_ADVICE}"
        )
