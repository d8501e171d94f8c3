"""The tokenizer of a checkpoint folder: its vocabulary and its settings.

Reads `vocab.txt`, `tokenizer_config.json` and `tokenizer.json`, and writes all
three, so that Hugging Face's programs open the folder. Tokenizing itself is
in `tokenization`. Nothing here needs TensorFlow, unless a path is remote.
"""

import json
import os
import posixpath

from absl import logging

from tf_bert import gfile_io
from tf_bert.data.tokenizer_settings import (
    OPTION_NAMES,
    SPECIAL_TOKEN_NAMES,
    TokenizerSettings,
    check_entries,
)
from tf_bert.gfile_io import PathLike

VOCABULARY_FILE = "vocab.txt"
SERIALIZED_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
# Only Google's own checkpoints, in TensorFlow 1 format, hold a file like this.
GOOGLE_CONFIG_FILE = "bert_config.json"

_BERT_CLASSES = ("BertTokenizer", "BertTokenizerFast")
# Hugging Face's names for "whatever tokenizer.json says".
_GENERIC_CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")

# Option -> its name in the normalizer of tokenizer.json.
_NORMALIZER_NAMES = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
# What "BERT tokenizer" means in tokenizer.json: part -> key -> value. A key
# that is missing there has this value.
_SUPPORTED = {
    "normalizer": {"type": "BertNormalizer", "clean_text": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "model": {
        "type": "WordPiece",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
    },
}


def read_tokenizer_settings(
    folder: PathLike, *, do_lower_case: bool | None = None
) -> TokenizerSettings:
    """Reads how a checkpoint's texts were tokenized.

    An option is taken from `tokenizer_config.json`, else from
    `tokenizer.json`, else it is Hugging Face's default. Where a
    `tokenizer_class` is named that stands for any tokenizer, `tokenizer.json`
    alone counts, as in Hugging Face. For Google's original checkpoints, which
    hold neither file, "cased" or "uncased" in the folder's name decides.

    Args:
        folder: A checkpoint folder, local or remote.
        do_lower_case: Overrides what the folder says. None: does not.

    Raises:
        FileNotFoundError: The folder holds no vocabulary.
        ValueError: The folder holds another tokenizer than BERT's, or a
            broken file.

    Example:
        >>> settings = read_tokenizer_settings(folder)  # doctest: +SKIP
        >>> settings.do_lower_case  # doctest: +SKIP
        False
    """
    folder = os.fspath(folder)
    config = _read_json(_join(folder, CONFIG_FILE)) or {}
    serialized = _read_json(_join(folder, SERIALIZED_FILE))
    _check_class(folder, config, has_serialized=serialized is not None)
    if serialized is not None:
        _check_serialized(_join(folder, SERIALIZED_FILE), serialized)
    vocabulary = _read_vocabulary(folder, serialized)
    options = _find_options(config, serialized)
    if do_lower_case is not None:
        options["do_lower_case"] = do_lower_case
    elif "do_lower_case" not in options:
        options["do_lower_case"] = _guess_casing(folder)
    return TokenizerSettings(
        vocabulary, **options, **_find_special_tokens(config)
    )


def write_tokenizer_files(
    folder: PathLike, settings: TokenizerSettings, *, model_max_length: int
) -> None:
    """Writes a tokenizer for Hugging Face's programs and for this one.

    Args:
        folder: A folder that exists, local or remote.
        settings: What to write.
        model_max_length: Most tokens in a row that the model can read; its
            number of position embeddings. Texts are not cut to it here.
    """
    folder = os.fspath(folder)
    gfile_io.write_text(
        _join(folder, VOCABULARY_FILE),
        "".join(f"{token}\n" for token in settings.vocabulary),
    )
    options = {name: getattr(settings, name) for name in OPTION_NAMES}
    config = {
        "model_max_length": model_max_length,
        "tokenizer_class": _BERT_CLASSES[0],
        **options,
        **settings.special_tokens,
    }
    _write_json(_join(folder, SERIALIZED_FILE), _serialize(settings))
    _write_json(_join(folder, CONFIG_FILE), dict(sorted(config.items())))


def _serialize(settings: TokenizerSettings) -> dict:
    """Returns the content of tokenizer.json."""
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
        "post_processor": _post_processor(settings),
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


def _post_processor(settings: TokenizerSettings) -> dict:
    """Returns the template ``[CLS] A [SEP] (B [SEP])``."""

    def special(token, type_id):
        return {"SpecialToken": {"id": token, "type_id": type_id}}

    def segment(name, type_id):
        return [
            {"Sequence": {"id": name, "type_id": type_id}},
            special(settings.sep_token, type_id),
        ]

    single = [special(settings.cls_token, 0), *segment("A", 0)]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, *segment("B", 1)],
        "special_tokens": {
            token: {
                "id": token,
                "ids": [settings.token_id(token)],
                "tokens": [token],
            }
            for token in (settings.cls_token, settings.sep_token)
        },
    }


def _read_vocabulary(folder: str, serialized: dict | None) -> tuple[str, ...]:
    text = _read_text(_join(folder, VOCABULARY_FILE))
    if text is None and serialized is None:
        raise FileNotFoundError(
            f"A checkpoint folder must hold {VOCABULARY_FILE} or "
            f"{SERIALIZED_FILE}. Received: folder={folder!r}. Copy the file "
            "that came with the checkpoint there, or correct the folder."
        )
    if text is None:
        return _serialized_vocabulary(folder, serialized)
    # Not splitlines(): an entry may be another Unicode line separator.
    entries = [line.removesuffix("\r") for line in text.split("\n")]
    # Blank lines at the end name no token.
    while entries and not entries[-1]:
        entries.pop()
    vocabulary = tuple(entries)
    check_entries(vocabulary, source=_join(folder, VOCABULARY_FILE))
    if serialized and vocabulary != _serialized_vocabulary(folder, serialized):
        raise ValueError(
            f"{VOCABULARY_FILE} and {SERIALIZED_FILE} must hold the same "
            f"vocabulary. Received: two that differ, in folder={folder!r}. "
            "Remove the file that does not belong to the checkpoint."
        )
    return vocabulary


def _serialized_vocabulary(folder: str, serialized: dict) -> tuple[str, ...]:
    ids = serialized["model"].get("vocab") or {}
    if sorted(ids.values()) != list(range(len(ids))):
        raise ValueError(
            "A vocabulary must number its entries from 0 without a gap. "
            f"Received: {len(ids)} entries with other numbers in "
            f"{_join(folder, SERIALIZED_FILE)!r}. Use the {SERIALIZED_FILE} "
            "that came with the checkpoint."
        )
    return tuple(sorted(ids, key=ids.get))


def _find_options(config: dict, serialized: dict | None) -> dict:
    """Returns those of the three options that the files decide."""
    options = {}
    if serialized is not None:
        normalizer = serialized["normalizer"]
        options = {
            ours: normalizer[theirs]
            for ours, theirs in _NORMALIZER_NAMES.items()
            if theirs in normalizer
        }
    if config.get("tokenizer_class") in _GENERIC_CLASSES:
        return options
    for name in OPTION_NAMES:
        if name not in config:
            continue
        if options.get(name, config[name]) != config[name]:
            logging.warning(
                "%s says %s=%s and %s says %s; the first one counts.",
                CONFIG_FILE,
                name,
                config[name],
                SERIALIZED_FILE,
                options[name],
            )
        options[name] = config[name]
    return options


def _find_special_tokens(config: dict) -> dict[str, str]:
    """Returns the special tokens that tokenizer_config.json names."""
    tokens = {}
    for name in SPECIAL_TOKEN_NAMES:
        token = config.get(name)
        if isinstance(token, dict):  # As older versions of transformers wrote.
            token = token.get("content")
        if token is not None:
            tokens[name] = token
    return tokens


def _guess_casing(folder: str) -> bool:
    """Returns `do_lower_case` for a folder whose files do not say it."""
    do_lower_case = True
    reason = "Hugging Face's default"
    if gfile_io.exists(_join(folder, GOOGLE_CONFIG_FILE)):
        absolute = folder if "://" in folder else os.path.abspath(folder)
        name = posixpath.basename(absolute.rstrip("/")).lower()
        if "cased" in name:
            do_lower_case = "uncased" in name
            reason = "the folder's name"
    logging.info(
        "%s does not say whether to lower-case: do_lower_case=%s, %s.",
        folder,
        do_lower_case,
        reason,
    )
    return do_lower_case


def _check_class(folder: str, config: dict, *, has_serialized: bool) -> None:
    name = config.get("tokenizer_class")
    supported = (None, *_BERT_CLASSES)
    if has_serialized:
        supported += _GENERIC_CLASSES
    if name not in supported:
        raise ValueError(
            "The tokenizer must be BERT's (`tokenizer_class` one of "
            f"{', '.join(supported[1:])}). Received: tokenizer_class={name!r} "
            f"in {_join(folder, CONFIG_FILE)!r}. Choose a BERT checkpoint: "
            "--init_checkpoint=bert-base-uncased, for example."
        )


def _check_serialized(path: str, serialized: dict) -> None:
    """Raises unless a tokenizer.json describes BERT's tokenizer."""
    for part, expected in _SUPPORTED.items():
        received = serialized.get(part) or {"type": None}
        for key, value in expected.items():
            if received.get(key, value) != value:
                raise ValueError(
                    f"The tokenizer must be BERT's, with {key}={value!r} in "
                    f"the {part}. Received: {key}={received[key]!r} in "
                    f"{path!r}. Choose a BERT checkpoint with "
                    "--init_checkpoint."
                )
    vocabulary = serialized["model"].get("vocab") or {}
    for token in serialized.get("added_tokens") or ():
        if token["content"] not in vocabulary:
            raise ValueError(
                "Every added token must be in the vocabulary. Received: "
                f"{token['content']!r} in {path!r}. Add it to the "
                "vocabulary's unused entries, or choose another checkpoint "
                "with --init_checkpoint."
            )


def _read_json(path: str) -> dict | None:
    """Returns the content of a file, or None if there is no such file."""
    text = _read_text(path)
    if text is None:
        return None
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"A JSON file was expected. Received: path={path!r} ({error}). "
            "Download the checkpoint again."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f"A JSON object was expected. Received: path={path!r}, which "
            f"holds a {type(content).__name__}. Download the checkpoint again."
        )
    return content


def _read_text(path: str) -> str | None:
    """Returns the content of a file, or None if there is no such file."""
    try:
        return gfile_io.read_text(path)
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"A file in UTF-8 was expected. Received: path={path!r} "
            f"({error}). Download the checkpoint again."
        ) from error


def _write_json(path: str, content: dict) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=2)
    gfile_io.write_text(path, f"{text}\n")


def _join(folder: str, name: str) -> str:
    return posixpath.join(folder, name)
