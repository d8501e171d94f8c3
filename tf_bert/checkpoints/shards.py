"""The index of a checkpoint that is spread over several files."""

import json
import os
from collections.abc import Iterable


def read_index(path: str) -> dict[str, str]:
    """Reads which file holds each tensor: `{"weight_map": {name: file}}`.

    Args:
        path: of the index, such as `model.safetensors.index.json`.

    Raises:
        ValueError: if it is no such JSON, or a file in it is not named as one
            of the same folder.
    """
    try:
        with open(path, encoding="utf-8") as file:
            weight_map = json.load(file)["weight_map"]
        if not weight_map:
            raise ValueError("it lists no tensor")
        for name in weight_map.values():
            if os.path.basename(name) != name:  # TypeError: not a string.
                raise ValueError(f"{name!r} is no name of a file")
        return weight_map
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            "The index of a sharded checkpoint must be JSON with a "
            f"`weight_map`. Received: {path} ({error!r}). Fetch the "
            "checkpoint again."
        ) from error


def check_complete(
    index: str, weight_map: dict[str, str], found: Iterable[str]
) -> None:
    """Raises `ValueError` if a tensor of the index was in no file.

    Args:
        index: path, for the message.
        weight_map: of `read_index`.
        found: the names that the files hold, spelled as in the index.
    """
    absent = sorted(set(weight_map) - set(found))
    if absent:
        raise ValueError(
            "The shards of a checkpoint must hold every tensor of its index. "
            f"Received: {index} with {absent[0]}, which is in none of "
            f"{', '.join(sorted(set(weight_map.values())))}. Fetch the "
            "checkpoint again."
        )
