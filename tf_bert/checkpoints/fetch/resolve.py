"""From what the user calls a checkpoint to a local folder with its files.

A checkpoint is a named model, a folder of this machine or of ``gs://``, or an
id of the Hugging Face hub, perhaps with a revision: ``organisation/name@main``.
What the files mean is decided elsewhere.
"""

import fnmatch
import hashlib
import os
import posixpath
from collections.abc import Iterable
from typing import Any

import filelock
from absl import logging

from tf_bert.checkpoints import shards
from tf_bert.checkpoints.fetch import hub
from tf_bert.checkpoints.fetch.named_models import (
    NAMED_MODELS,
    fetch_named_model,
    user_cache_dir,
)
from tf_bert.system import file_io

_CONFIG_FILES = ("config.json", "bert_config.json")
_TOKENIZER_FILES = ("vocab.txt", "tokenizer.json", "tokenizer_config.json")
# File that holds all weights, or whose index does -> all files of that kind. In
# the order of `formats`: of several kinds the first is read, so no other is
# fetched.
_WEIGHTS = {
    "model.safetensors": ("*.safetensors", "*.safetensors.index.json"),
    "pytorch_model.bin": ("pytorch_model*.bin*",),
    "tf_model.h5": ("tf_model*.h5*",),
}
_TF1_WEIGHTS = ("*.ckpt.*",)
# What a run of this program has in its folder, and where it keeps its model.
_RUN_FILE = "splits.json"
_MODEL_OF_A_RUN = "model"


def resolve(
    init_checkpoint: str,
    *,
    cache_dir: str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
) -> str:
    """Returns a local folder that holds the files of a checkpoint.

    Tried in this order: the name of a model in `NAMED_MODELS`; a folder, or
    the common beginning of the files of a TensorFlow 1 checkpoint
    (`.../bert_model.ckpt`), here or on `gs://`; an id of the Hugging Face
    hub, `organisation/name` or `name`, and `@` with a branch, a tag or a
    commit behind it, else its main branch. A local folder is returned as it
    was given.

    Args:
        init_checkpoint: the value of `--init_checkpoint`.
        cache_dir: where what is fetched is kept; None is
            `named_models.user_cache_dir()`, and for models of the hub the
            cache of its own client (`HF_HOME`).
        revision: of a repository of the hub; None is its main branch.
        token: for the hub; None is that of the user, False is none.
        local_files_only: whether nothing may be fetched from the hub.

    Raises:
        FileNotFoundError: if there is no such checkpoint, it has no
            configuration file, or it cannot be fetched.
        ValueError: if it is a file, the folder of a run instead of its model,
            or what was fetched is damaged.
    """
    if init_checkpoint in NAMED_MODELS:
        return fetch_named_model(
            NAMED_MODELS[init_checkpoint],
            cache_dir=cache_dir,
            local_files_only=local_files_only,
        )
    is_remote = file_io.is_remote(init_checkpoint)
    path = init_checkpoint if is_remote else os.path.expanduser(init_checkpoint)
    folder = _find_folder(path)
    if folder is None:
        if _looks_like_a_path(init_checkpoint):
            raise _not_found(init_checkpoint, "there is no such folder")
        return _fetch_from_hub(
            init_checkpoint,
            cache_dir=cache_dir,
            revision=revision,
            token=token,
            local_files_only=local_files_only,
        )
    _check_has_config(folder, init_checkpoint)
    _check_is_no_run(folder, init_checkpoint)
    return _copy_remote(folder, cache_dir) if is_remote else folder


def find_hub_id(init_checkpoint: str) -> str | None:
    """Returns the hub's id of what `resolve` takes, None for a folder.

    Example:
        >>> find_hub_id("minilm-l6")
        'sentence-transformers/all-MiniLM-L6-v2'
        >>> find_hub_id("google-bert/bert-base-uncased@main")
        'google-bert/bert-base-uncased'
    """
    if init_checkpoint in NAMED_MODELS:
        return NAMED_MODELS[init_checkpoint].hub_id
    if file_io.is_remote(init_checkpoint):
        return None
    if _looks_like_a_path(init_checkpoint) or _find_folder(init_checkpoint):
        return None
    return init_checkpoint.partition("@")[0]


def find_revision(init_checkpoint: str, folder: str) -> str | None:
    """Returns the commit of what `resolve` has found in a folder.

    None for what is a folder itself, or a named model.
    """
    if init_checkpoint in NAMED_MODELS or find_hub_id(init_checkpoint) is None:
        return None
    return os.path.basename(folder)  # As the client of the hub calls it.


def with_revision(init_checkpoint: str, revision: str) -> str:
    """Returns what `resolve` takes for another revision of the same.

    Example:
        >>> with_revision("google-bert/bert-base-uncased@main", "86b5e09")
        'google-bert/bert-base-uncased@86b5e09'
    """
    return f"{init_checkpoint.partition('@')[0]}@{revision}"


def _find_folder(path: str) -> str | None:
    """Returns the folder that `path` names, None if there is nothing."""
    if file_io.is_dir(path):
        return path
    if file_io.exists(f"{path}.index"):
        separate = posixpath if file_io.is_remote(path) else os.path
        return separate.dirname(path) or os.curdir
    if file_io.exists(path):
        raise ValueError(
            "A checkpoint is a folder with the configuration, the vocabulary "
            f"and the weights. Received: init_checkpoint={path!r}, a file. "
            "Pass the folder it is in: "
            f"--init_checkpoint={os.path.dirname(path) or os.curdir}"
        )
    return None


def _looks_like_a_path(name: str) -> bool:
    name = name.partition("@")[0]
    return (
        not name
        or name.startswith((".", "/", "~"))
        or name.count("/") > 1
        or "\\" in name
    )


def _not_found(init_checkpoint: str, reason: str) -> FileNotFoundError:
    return FileNotFoundError(
        "Could not find the checkpoint. Received: "
        f"init_checkpoint={init_checkpoint!r}: {reason}. Correct "
        "--init_checkpoint: a named model "
        f"({', '.join(sorted(NAMED_MODELS))}), a folder here or on gs://, or "
        "the id of a model on the Hugging Face hub. Or download the files by "
        "hand and pass their folder."
    )


def _check_has_config(folder: str, init_checkpoint: str) -> None:
    names = file_io.list_dir(folder)
    if set(_CONFIG_FILES).isdisjoint(names):
        shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        raise FileNotFoundError(
            f"The folder holds neither {' nor '.join(_CONFIG_FILES)}. "
            f"Received: init_checkpoint={init_checkpoint!r}, a folder with: "
            f"{shown or 'nothing'}. Pass the folder of the checkpoint itself "
            "by --init_checkpoint, or add its configuration."
        )


def _check_is_no_run(folder: str, init_checkpoint: str) -> None:
    """Refuses the folder of a run, whose `config.json` is of the run."""
    names = file_io.list_dir(folder)
    if _RUN_FILE not in names or _matching(names, _weights_of(names)):
        return
    model = f"{init_checkpoint.rstrip('/')}/{_MODEL_OF_A_RUN}"
    when = "" if _MODEL_OF_A_RUN in names else ", once the run has ended"
    raise ValueError(
        "A run is not a checkpoint: its model is. Received: "
        f"init_checkpoint={init_checkpoint!r}, the folder of a run. "
        f"Pass --init_checkpoint={model}{when}."
    )


def _weights_of(names: Iterable[str]) -> tuple[str, ...]:
    """Returns the patterns of the weights that a folder of names holds."""
    names = set(names)
    for whole, patterns in _WEIGHTS.items():
        if not names.isdisjoint((whole, f"{whole}.index.json")):
            return patterns
    return _TF1_WEIGHTS


def _matching(names: Iterable[str], patterns: Iterable[str]) -> list[str]:
    return [
        name
        for name in names
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    ]


def _copy_remote(folder: str, cache_dir: str | None) -> str:
    """Copies the files of a checkpoint here, unless they are here already.

    The name of the copy depends on the sizes and times of the files, so a
    checkpoint that was written anew is not mistaken for the old one. What a
    process that was killed has left, in `.partial`, is copied over.

    Raises:
        ConnectionError: The files were written anew while they were copied.
    """
    names = file_io.list_dir(folder)
    patterns = (*_CONFIG_FILES, *_TOKENIZER_FILES, *_weights_of(names))
    sources = [
        f"{folder.rstrip('/')}/{name}" for name in _matching(names, patterns)
    ]
    versions = _versions(sources)
    key = hashlib.sha256(repr(versions).encode()).hexdigest()
    parent = os.path.join(cache_dir or user_cache_dir(), "remote")
    target = os.path.join(parent, key)
    os.makedirs(parent, exist_ok=True)
    with filelock.FileLock(f"{target}.lock"):
        if not os.path.isdir(target):
            num_bytes = sum(size for _, size, _ in versions)
            logging.info(
                "Copying %s (%.0f MB) to %s", folder, num_bytes / 1e6, target
            )
            staged = f"{target}.partial"
            for path in sources:
                name = posixpath.basename(path)
                file_io.copy_to_local(path, os.path.join(staged, name))
            if _versions(sources) != versions:
                raise ConnectionError(
                    "The checkpoint changed while it was copied: another "
                    f"program writes it. Received: init_checkpoint={folder!r}. "
                    "Wait for its end, and give the command again."
                )
            os.rename(staged, target)
    return target


def _versions(paths: Iterable[str]) -> list[tuple[str, int, int]]:
    return [(path, *file_io.size_and_mtime(path)) for path in paths]


def _fetch_from_hub(name: str, *, revision: str | None, **options: Any) -> str:
    repo_id, _, named = name.partition("@")
    if named and revision:
        raise ValueError(
            "The revision of a checkpoint was given twice. Received: "
            f"init_checkpoint={name!r}, revision={revision!r}. Leave out one."
        )
    revision = named or revision
    common = (*_CONFIG_FILES, *_TOKENIZER_FILES)
    try:
        for whole, patterns in {**_WEIGHTS, "": _TF1_WEIGHTS}.items():
            # From the second time on, the files of the first time.
            folder = hub.snapshot(
                repo_id, (*common, *patterns), revision=revision, **options
            )
            revision = os.path.basename(folder)
            # Any other file of that ending holds something else: an adapter.
            if not whole or shards.find(folder, whole) is not None:
                break
            logging.info("%s has no %s: fetching older files", name, whole)
    except (OSError, ValueError) as error:
        raise _not_found(name, str(error).rstrip(".")) from error
    _check_has_config(folder, name)
    return folder
