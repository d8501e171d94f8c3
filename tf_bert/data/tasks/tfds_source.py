"""Labelled rows of tensorflow-datasets.

tensorflow-datasets shuffles the rows of a split when it prepares it. Where a
dataset numbers its rows (GLUE's `idx`, counted from 0 in the original file),
they are put back into that order, and the row numbers are those of the file.
So the same rows are held out, drawn and trained on, whichever of the two is
read. Elsewhere rows stay in the order in which they are stored, and their
numbers are their places in it, counted from 1.
"""

import contextlib
import difflib
import logging as python_logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import logging

from tf_bert.data.tasks.data_name import TFDS_PREFIX
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.labels import LabelColumn
from tf_bert.data.tasks.task_spec import TaskSpec, TfdsSpec

_INDEX_FEATURE = "idx"
_ROW_NUMBER = "row number"  # No feature is called so.
_GROUP = "group of the row"  # Nor so.
_READ_ROWS = 1024

# Feature, `_ROW_NUMBER` or `_GROUP`, to `[N]`.
_Columns = dict[str, np.ndarray]


@contextlib.contextmanager
def _quiet_library() -> Iterator[None]:
    """Leaves the log to this package; the library's warnings still show."""

    def is_shown(record: python_logging.LogRecord) -> bool:
        if "tensorflow_datasets" not in record.pathname:
            return True
        # 4.9.10 warns of calls that it makes itself.
        is_own_call = "FeatureConnector.dtype" in record.getMessage()
        return record.levelno >= python_logging.WARNING and not is_own_call

    logger = logging.get_absl_logger()
    logger.addFilter(is_shown)
    try:
        yield
    finally:
        logger.removeFilter(is_shown)


@_quiet_library()
def open_builder(name: str, data_dir: str | None) -> Any:
    """Finds a dataset; prepares and downloads nothing.

    Args:
        name: `name/config`, with `:version` or without.
        data_dir: Where prepared datasets are; None: the library's default.

    Returns:
        A `tfds.core.DatasetBuilder`.
    """
    import tensorflow_datasets as tfds

    dataset, _, config = name.partition(":")[0].partition("/")
    try:
        configs = list(tfds.builder_cls(dataset).builder_configs)
    except ValueError:
        configs = []  # Prepared by code that is not here: its files will do.
    if len(configs) > 1 and not config:
        raise _no_dataset_error(name, data_dir, configs, "no configuration")
    try:
        return tfds.builder(name, data_dir=data_dir)
    # A version that the library does not know is an assertion of its own.
    except (ValueError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise _no_dataset_error(name, data_dir, configs, reason) from error


def _no_dataset_error(
    name: str, data_dir: str | None, configs: list[str], reason: str
) -> ValueError:
    import tensorflow_datasets as tfds

    dataset = name.partition(":")[0].partition("/")[0]
    choices = [f"{dataset}/{config}" for config in configs]
    if not choices:
        choices = difflib.get_close_matches(dataset, tfds.list_builders(), 5)
    near = f" One of these: {', '.join(choices)}." if choices else ""
    return ValueError(
        "`tfds_name` must be a dataset of tensorflow-datasets, name/config."
        f"{near} Received: tfds_name={name!r}, tfds_data_dir={data_dir!r} "
        f"({reason}). Correct --tfds_name; or --tfds_data_dir, if the dataset "
        "is prepared elsewhere."
    )


@_quiet_library()
def read_splits(
    task: TaskSpec, data_dir: str | None, *, divided: str = ""
) -> dict[str, tuple[Examples, LabelColumn]]:
    """Reads the labelled splits of a task; prepares the dataset where needed.

    Args:
        data_dir: See `open_builder`.
        divided: The split whose groups are read, if the task has any.

    Returns:
        Split -> the texts, and the labels by the names that the task gives
        them. Splits without labels are left out; "train" is there.
    """
    builder = open_builder(task.tfds.name, data_dir)
    _prepare(builder, task)
    found = list(builder.info.splits)
    splits = {}
    for split, name in task.tfds.splits.items():
        if name not in found:
            logging.info("%s has no split %s.", builder.info.full_name, name)
            continue
        source = f"{TFDS_PREFIX}{builder.info.full_name}/{name}"
        group = task.group_column if split == divided else None
        columns = _read_columns(builder, task.tfds, name, group)
        columns = _without_unlabelled(builder, task.tfds, columns, source)
        if columns:
            splits[split] = _as_labelled(builder, task, columns, source)
    if "train" not in splits:
        raise ValueError(
            "The dataset has no split `train` with labels. Received: "
            f"tfds_name={task.tfds.name!r} (splits: {', '.join(found)}). Pass "
            "another --tfds_name."
        )
    return splits


def _prepare(builder: Any, task: TaskSpec) -> None:
    import tensorflow_datasets as tfds

    if builder.is_prepared():
        return
    name = builder.info.full_name
    logging.info(
        "%s is not in %s yet: tensorflow-datasets prepares it, for which it "
        "downloads the files. (Without a network it gives up after minutes.)",
        name,
        builder.data_dir,
    )
    try:
        builder.download_and_prepare()
    except (
        OSError,
        ImportError,  # Some datasets need packages of their own.
        AssertionError,  # Some must be downloaded by hand.
        tfds.download.DownloadError,
        tfds.download.download_manager.NonMatchingChecksumError,
    ) as error:
        files = "the files by --data_dir (or by --train_file and so on)"
        if not task.file_names:
            files = "your own files by --train_file"
        raise FileNotFoundError(
            "The dataset is not prepared, and tensorflow-datasets could not "
            f"prepare it. Received: {name} in "
            f"{builder.data_dir}, and {type(error).__name__}: {error}. Pass "
            f"{files}; or prepare it where there is a network, and pass the "
            "folder by --tfds_data_dir."
        ) from error


def _read_columns(
    builder: Any, spec: TfdsSpec, split: str, group: str | None
) -> _Columns:
    """Returns feature -> values `[N]`, in the order of the row numbers.

    Key `_ROW_NUMBER` holds these, counted from 1; `_GROUP` the groups.
    """
    import tensorflow_datasets as tfds

    names = [spec.label_feature, spec.text_feature]
    names += [spec.text_pair_feature] if spec.text_pair_feature else []
    names += [_check_is_group(builder, group)] if group else []
    features = builder.info.features
    if _INDEX_FEATURE in features:
        feature = features[_INDEX_FEATURE]
        if not feature.shape and np.issubdtype(feature.np_dtype, np.integer):
            names.append(_INDEX_FEATURE)
    dataset = builder.as_dataset(
        split=split,
        batch_size=_READ_ROWS,
        shuffle_files=False,
        decoders=tfds.decode.PartialDecoding(dict.fromkeys(names, True)),
        # One file after the other, so that the order is that of the files.
        read_config=tfds.ReadConfig(interleave_cycle_length=1),
    )
    batches = list(dataset.as_numpy_iterator())
    columns = {
        name: np.concatenate([batch[name] for batch in batches])
        for name in names
    }
    if group:
        columns[_GROUP] = columns[group]
    size = len(columns[spec.label_feature])
    index = columns.pop(_INDEX_FEATURE, None)
    if index is None or len(np.unique(index)) < size or index.min() < 0:
        return columns | {_ROW_NUMBER: np.arange(1, size + 1)}
    order = np.argsort(index)
    columns[_ROW_NUMBER] = index.astype(np.int64) + 1
    return {name: column[order] for name, column in columns.items()}


def _check_is_group(builder: Any, name: str) -> str:
    """Returns the feature that holds groups."""
    features = builder.info.features
    if name in features and features[name].shape == ():
        return name
    raise ValueError(
        "`group_column` must be a feature of the dataset that holds one value "
        f"for each example. Received: group_column={name!r} (features: "
        f"{', '.join(features)}). Correct --group_column, or leave it out."
    )


def _without_unlabelled(
    builder: Any, spec: TfdsSpec, columns: _Columns, source: str
) -> _Columns | None:
    """Leaves out rows without a label, -1; returns None if all are."""
    import tensorflow_datasets as tfds

    feature = builder.info.features[spec.label_feature]
    if not isinstance(feature, tfds.features.ClassLabel):
        return columns
    is_labelled = columns[spec.label_feature] >= 0
    if not is_labelled.any():
        logging.info("%s is not used: it has no labels.", source)
        return None
    if not is_labelled.all():
        logging.info(
            "%d of %d examples of %s have no label (-1) and are left out.",
            np.sum(~is_labelled),
            len(is_labelled),
            source,
        )
    return {name: column[is_labelled] for name, column in columns.items()}


def _as_labelled(
    builder: Any, task: TaskSpec, columns: _Columns, source: str
) -> tuple[Examples, LabelColumn]:
    spec = task.tfds
    names = filter(None, (spec.text_feature, spec.text_pair_feature))
    texts = [[t.decode("utf-8") for t in columns[name]] for name in names]
    labels = _label_strings(builder, task, columns[spec.label_feature])
    examples = Examples(
        texts=tuple(texts[0]),
        text_pairs=tuple(texts[1]) if len(texts) == 2 else None,
        labels=None,
        row_numbers=columns[_ROW_NUMBER],
        source=source,
        groups=tuple(_names(columns[_GROUP])) if _GROUP in columns else None,
    )
    has_texts = [all(map(str.strip, row)) for row in zip(*texts, strict=True)]
    if not all(has_texts):
        numbers = examples.row_numbers[~np.array(has_texts)]
        if not task.has_malformed_rows:
            raise ValueError(
                f"An example has no text. Received: an empty one in {source}, "
                f"row {numbers[0]}. Pass another --tfds_name, or your own "
                "files by --train_file."
            )
        logging.info(
            "%d malformed examples of %s are left out.", len(numbers), source
        )
        kept = np.flatnonzero(has_texts)
        examples, labels = examples.select(kept), [labels[i] for i in kept]
    return examples, LabelColumn(
        spec.label_feature,
        tuple(labels),
        source,
        row_numbers=tuple(examples.row_numbers),
    )


def _names(values: np.ndarray) -> list[str]:
    """Returns texts without spaces around them, and numbers as texts."""
    return [
        x.decode("utf-8").strip() if isinstance(x, bytes) else str(x)
        for x in values.tolist()
    ]


def _label_strings(
    builder: Any, task: TaskSpec, values: np.ndarray
) -> list[str]:
    """Returns labels by the names that the task gives them, not by ids."""
    import tensorflow_datasets as tfds

    feature = builder.info.features[task.tfds.label_feature]
    if isinstance(feature, tfds.features.ClassLabel):
        names = list(feature.names)
        if task.tfds.label_names:
            ours = dict(
                zip(task.tfds.label_names, task.label_names, strict=True)
            )
            names = [ours.get(name, name) for name in names]
        return [names[value] for value in values]
    return _names(values)
