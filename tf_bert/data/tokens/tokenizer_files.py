"""The tokenizer of a checkpoint folder: its vocabulary and its settings.

Reads `vocab.txt`, `tokenizer_config.json` and `tokenizer.json`, and writes all
three, so that Hugging Face's programs open the folder. Tokenizing itself is
in `tokenization`. Nothing here needs TensorFlow, unless a path is remote.
"""

import json
import os
import posixpath
import reprlib

from absl import logging

from tf_bert.data.tokens import serialized_tokenizer
from tf_bert.data.tokens.tokenizer_settings import (
    OPTION_NAMES,
    SPECIAL_TOKEN_NAMES,
    TokenizerSettings,
    check_entries,
)
from tf_bert.system import file_io
from tf_bert.system.file_io import PathLike

VOCABULARY_FILE = "vocab.txt"
SERIALIZED_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
# Only Google's own checkpoints, in TensorFlow 1 format, hold a file like this.
GOOGLE_CONFIG_FILE = "bert_config.json"

_BERT_CLASSES = ("BertTokenizer", "BertTokenizerFast")
# Hugging Face's names for "whatever tokenizer.json says".
_GENERIC_CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")


def read_tokenizer_settings(
    folder: PathLike, *, do_lower_case: bool | None = None
) -> TokenizerSettings:
    """Reads how a checkpoint's texts were tokenized.

    An option or special token is taken from `tokenizer_config.json`, else
    from `tokenizer.json`, else it is Hugging Face's default. Where a
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
    """
    folder = os.fspath(folder)
    config = _read_json(_join(folder, CONFIG_FILE)) or {}
    path = _join(folder, SERIALIZED_FILE)
    serialized = _read_json(path)
    _check_class(folder, config, has_serialized=serialized is not None)
    if serialized is not None:
        serialized_tokenizer.check(serialized, path)
    vocabulary = _read_vocabulary(folder, serialized)
    options = _find_options(config, serialized)
    if do_lower_case is not None:
        options["do_lower_case"] = do_lower_case
    elif "do_lower_case" not in options:
        options["do_lower_case"] = _guess_casing(folder)
    special_tokens = _find_special_tokens(config)
    if serialized is not None:
        stored = serialized_tokenizer.special_tokens(serialized)
        special_tokens = stored | special_tokens
    return TokenizerSettings(vocabulary, **options, **special_tokens)


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
    file_io.write_text(
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
    _write_json(
        _join(folder, SERIALIZED_FILE), serialized_tokenizer.serialize(settings)
    )
    _write_json(_join(folder, CONFIG_FILE), dict(sorted(config.items())))


def _read_vocabulary(folder: str, serialized: dict | None) -> tuple[str, ...]:
    text = _read_text(_join(folder, VOCABULARY_FILE))
    if text is None and serialized is None:
        raise FileNotFoundError(
            f"The checkpoint folder holds neither {VOCABULARY_FILE} nor "
            f"{SERIALIZED_FILE}. Received: folder={folder!r}. Copy the file "
            "that came with the checkpoint there, or correct the folder."
        )
    if text is None:
        return serialized_tokenizer.vocabulary(serialized)
    # Not splitlines(): an entry may be another Unicode line separator.
    entries = [line.removesuffix("\r") for line in text.split("\n")]
    # Blank lines at the end name no token.
    while entries and not entries[-1]:
        entries.pop()
    vocabulary = tuple(entries)
    check_entries(vocabulary, source=_join(folder, VOCABULARY_FILE))
    if serialized and vocabulary != serialized_tokenizer.vocabulary(serialized):
        raise ValueError(
            f"{VOCABULARY_FILE} and {SERIALIZED_FILE} hold different "
            f"vocabularies. Received: folder={folder!r}. "
            "Remove the file that does not belong to the checkpoint."
        )
    return vocabulary


def _find_options(config: dict, serialized: dict | None) -> dict:
    """Returns those of the three options that the files decide."""
    options = {}
    if serialized is not None:
        options = serialized_tokenizer.options(serialized)
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
    if file_io.exists(_join(folder, GOOGLE_CONFIG_FILE)):
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
            f"{', '.join(supported[1:])}). Received: tokenizer_class="
            f"{reprlib.repr(name)} in {_join(folder, CONFIG_FILE)!r}. Choose a "
            "BERT checkpoint: --init_checkpoint=bert-base-uncased, for example."
        )


def _read_json(path: str) -> dict | None:
    """Returns the content of a file, or None if there is no such file."""
    text = _read_text(path)
    if text is None:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"A file of the checkpoint is not JSON. Received: path={path!r} "
            f"({error}). Download the checkpoint again."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            "A file of the checkpoint is not a JSON object. Received: "
            f"path={path!r}, which holds a {type(content).__name__}. Download "
            "the checkpoint again."
        )
    return content


def _read_text(path: str) -> str | None:
    """Returns the content of a file, or None if there is no such file."""
    try:
        return file_io.read_text(path)
    except FileNotFoundError:
        if os.path.islink(path):
            raise FileNotFoundError(
                "A file of the checkpoint is a symbolic link that leads "
                f"nowhere. Received: {path} -> {os.readlink(path)}. "
                "Restore what it leads to, or fetch the checkpoint again."
            ) from None
        return None
    except UnicodeDecodeError as error:
        raise ValueError(
            "A file of the checkpoint is not in UTF-8. Received: "
            f"path={path!r} ({error}). Download the checkpoint again."
        ) from error


def _write_json(path: str, content: dict) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=2)
    file_io.write_text(path, f"{text}\n")


def _join(folder: str, name: str) -> str:
    return posixpath.join(folder, name)
