"""The task that a dataset of tensorflow-datasets holds: `--tfds_name`."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from tf_bert.config.all_settings import SETTINGS
from tf_bert.data.tasks import tfds_source
from tf_bert.data.tasks.task_spec import SPLITS, TaskSpec, TfdsSpec


def describe_task(task: TaskSpec, name: str, data_dir: str | None) -> TaskSpec:
    """Returns the task of a dataset, from its features; reads no example.

    Args:
        task: As flags name its columns. `text_column` is a text feature, or
            the default, which also stands for the only one that there is,
            whatever it is called; `label_column` likewise a class label, a
            number or a text. Without `label_names` those of the dataset are
            taken or, if it names none, those of the training data.
        name: `name/config`, with `:version` or without.
        data_dir: Where prepared datasets are; None: the library's default.
    """
    import tensorflow_datasets as tfds

    builder = tfds_source.open_builder(name, data_dir)
    features = builder.info.features
    if not isinstance(features, tfds.features.FeaturesDict):
        features = {}
    classes = [
        k
        for k, f in features.items()
        if isinstance(f, tfds.features.ClassLabel)
    ]
    labels = [k for k, f in features.items() if _may_be_label(f)]
    label = _choose(
        "label_column", task.label_column, features, labels, classes
    )
    texts = [
        k
        for k, f in features.items()
        if isinstance(f, tfds.features.Text) and k != label
    ]
    pair = task.text_pair_column
    if pair is not None:
        pair = _choose("text_pair_column", pair, features, texts, [])
        texts.remove(pair)
    text = _choose("text_column", task.text_column, features, texts, texts)
    label_names = task.label_names
    if label_names is None and not task.is_regression:
        label_names = getattr(features[label], "names", None)
    return dataclasses.replace(
        task,
        text_column=text,
        label_column=label,
        label_names=label_names and tuple(label_names),
        tfds=TfdsSpec(
            name=name,
            text_feature=text,
            text_pair_feature=pair,
            label_feature=label,
            splits={split: split for split in SPLITS},
        ),
    )


def _choose(
    flag: str,
    given: str,
    features: Mapping[str, Any],
    suitable: Collection[str],
    candidates: Sequence[str],
) -> str:
    """Returns the feature that a flag names, or the only one that it can mean.

    Args:
        suitable: Those that the flag may name.
        candidates: Those of which a single one is meant by the flag's default.
    """
    if given in suitable:
        return given
    if given == SETTINGS[flag].default and len(candidates) == 1:
        logging.info("%s: %s", flag, candidates[0])
        return candidates[0]
    listing = ", ".join(
        f"{k} ({type(f).__name__})" for k, f in features.items()
    )
    kind = "a class label, a number or a text" if "label" in flag else "a text"
    raise ValueError(
        f"`{flag}` must be a feature of the dataset that holds {kind}. "
        f"Received: {flag}={given!r} (features: {listing or 'none'}). Correct "
        f"--{flag}, or pass another --tfds_name."
    )


def _may_be_label(feature: Any) -> bool:
    """Class labels and texts are tensors too, of no dimension."""
    import tensorflow_datasets as tfds

    if not isinstance(feature, tfds.features.Tensor) or feature.shape:
        return False
    return isinstance(feature, tfds.features.Text) or np.issubdtype(
        feature.np_dtype, np.number
    )
