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
    folder before it.

    Args:
        configuration: `Config.as_dict`, or the `config` of a trial's record.

    Example:
        >>> data_name({"tfds_name": "imdb_reviews/plain_text"})
        'imdb_reviews/plain_text'
        >>> data_name({"train_file": "gs://bucket/spam/mails.csv"})
        'mails.csv'
        >>> data_name({"train_file": "../spam/train.csv"})
        'spam/train.csv'
    """
    name = configuration.get("task_name") or configuration.get("tfds_name")
    if name:
        return name
    folder, _, file = _parts(configuration["train_file"])
    folder = _parts(folder)[-1].strip(".")
    if folder and _SAYS_NOTHING.match(file):
        return f"{folder}/{file}"
    return file


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
    return _parts(source)[-1]


def _parts(path: str) -> tuple[str, str, str]:
    """Splits a path, perhaps one of Windows, before its last part."""
    return path.replace("\\", "/").rpartition("/")
