"""The files of a checkpoint: whole, or in shards with an index."""

import json
import os
from collections.abc import Callable, Container

# In messages: what to do about files that are damaged or missing.
ADVICE = "Fetch the checkpoint again."


def find(folder: str, whole: str) -> str | None:
    """Returns the path of the file that leads to the weights, None without.

    Args:
        folder: local folder.
        whole: name of the file that holds all of them, `model.safetensors`.
            Where it is not, its index is looked for.
    """
    present = set(os.listdir(folder))
    for name in (whole, f"{whole}.index.json"):
        if name in present:
            return os.path.join(folder, name)
    return None


def files(path: str) -> list[str]:
    """Returns the files with the weights, given what `find` found.

    An index that is broken or names a file elsewhere is a `ValueError`, a
    file that is missing or a link to nothing a `FileNotFoundError`.
    """
    folder = os.path.dirname(path)
    names = [os.path.basename(path)]
    if is_index(path):
        names = sorted(set(_read_index(path).values()))
    paths = [os.path.join(folder, name) for name in names]
    for file in paths:
        check_is_file(file)
    return paths


def check_complete(
    path: str,
    stored: Container[str],
    normalize: Callable[[str], str] = str,
) -> None:
    """Raises `ValueError` if the shards lack a tensor of their index.

    Args:
        path: what `find` found; a file without shards is complete.
        stored: names of the tensors in the files.
        normalize: from a name in the index to the one in `stored`.
    """
    if not is_index(path):
        return
    listed = _read_index(path)
    absent = sorted(name for name in listed if normalize(name) not in stored)
    if absent:
        raise ValueError(
            "No shard of the checkpoint holds a tensor that its index lists. "
            f"Received: {path} with {absent[0]}. {ADVICE}"
        )


def is_index(path: str) -> bool:
    """Whether a path is that of an index."""
    return path.endswith(".index.json")


def check_is_file(path: str) -> None:
    """Raises `FileNotFoundError` if there is no file, or a link to nothing."""
    if os.path.isfile(path):
        return
    if os.path.islink(path):
        raise FileNotFoundError(
            "A file of the checkpoint is a symbolic link that leads nowhere. "
            f"Received: {path} -> {os.readlink(path)}. Restore what it leads "
            "to, or fetch the checkpoint again."
        )
    raise FileNotFoundError(
        f"A file of the checkpoint is missing. Received: {path}. {ADVICE}"
    )


def _read_index(path: str) -> dict[str, str]:
    """Returns the file of each tensor."""
    check_is_file(path)
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (ValueError, RecursionError) as error:
        raise _index_error(path, str(error)) from error
    weight_map = isinstance(content, dict) and content.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise _index_error(path, "which has none")
    for name in weight_map.values():
        # Nothing outside of the folder is read, whatever the index says.
        if not isinstance(name, str) or name != os.path.basename(name):
            raise _index_error(path, f"which names {name!r:.100}")
    return weight_map


def _index_error(path: str, reason: str) -> ValueError:
    return ValueError(
        "The index of a sharded checkpoint must be JSON with a `weight_map` "
        "from tensors to the names of files beside it. Received: "
        f"{path} ({reason}). {ADVICE}"
    )
