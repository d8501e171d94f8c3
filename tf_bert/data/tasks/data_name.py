"""What people read as the name of the data: on the card and in reports."""

import re
from collections.abc import Mapping
from typing import Any

from tf_bert.data.tasks.task_spec import SPLITS

# Before the name of a dataset of tensorflow-datasets, where paths may stand.
TFDS_PREFIX = "tfds:"

_SAYS_NOTHING = re.compile(rf"(?i)({'|'.join(SPLITS)})\.|.*[*?\[]")


def data_name(configuration: Mapping[str, Any]) -> str:
    """Returns the name of the data that a configuration trains on.

    The task, the dataset of tensorflow-datasets, or the training file. A
    file that is called after its split alone, or by a pattern, has its
    folder before it, unless that is called after a user.

    Args:
        configuration: `Config.as_dict`, or the `config` of a trial's record.

    Example:
        >>> data_name({"tfds_name": "imdb_reviews/plain_text"})
        'imdb_reviews/plain_text'
        >>> data_name({"train_file": "gs://bucket/spam/mails.csv"})
        'mails.csv'
        >>> data_name({"train_file": "../spam/train.csv"})
        'spam/train.csv'
        >>> data_name({"train_file": "/home/jane/train.csv"})
        'train.csv'
    """
    name = configuration.get("task_name") or configuration.get("tfds_name")
    if name:
        return name
    folder, _, file = _parts(configuration["train_file"])
    parent, _, folder = _parts(folder)
    folder = folder.strip(".")
    is_home = base_name(parent) in ("home", "Users")
    if folder and not is_home and _SAYS_NOTHING.match(file):
        return f"{folder}/{file}"
    return file


def base_name(path: str) -> str:
    """Returns the last part of the path of a file or a folder.

    Example:
        >>> base_name("gs://bucket/models/minilm/")
        'minilm'
    """
    return _parts(path.rstrip("/\\"))[-1]


def source_name(source: str) -> str:
    """Returns the name of an `Examples.source`.

    Example:
        >>> source_name("data/reviews.csv")
        'reviews.csv'
        >>> source_name("tfds:glue/rte/2.0.0/train")
        'glue/rte/2.0.0/train'
    """
    if source.startswith(TFDS_PREFIX):
        return source.removeprefix(TFDS_PREFIX)
    return base_name(source)


def _parts(path: str) -> tuple[str, str, str]:
    """Splits a path, perhaps one of Windows, before its last part."""
    return path.replace("\\", "/").rpartition("/")
