"""The task that a dataset of tensorflow-datasets holds: `--tfds_name`."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from tf_bert.config.all_settings import SETTINGS
from tf_bert.data.tasks import known_tasks, tfds_source
from tf_bert.data.tasks.task_spec import SPLITS, TaskSpec, TfdsSpec


def describe_task(
    name: str,
    data_dir: str | None,
    *,
    text_column: str = "text",
    text_pair_column: str | None = None,
    label_column: str = "label",
    is_regression: bool = False,
    label_names: tuple[str, ...] | None = None,
    metric: str | None = None,
) -> TaskSpec:
    """Returns the task of a dataset, from its features; reads no example.

    Args:
        name: `name/config`, with `:version` or without.
        data_dir: Where prepared datasets are; None: the library's default.
        text_column: Name of a text feature. "text", the default, also stands
            for the only text feature that there is, whatever it is called.
        text_pair_column: Name of the second text's; None: single texts.
        label_column: Name of a class label, a number or a text. "label", the
            default, also stands for the only class label.
        is_regression: Labels are scores, not classes.
        label_names: Labels in the order of their ids. None: in the order of
            the dataset's or, if it names none, from the training data.
        metric: See `known_tasks.custom_task`.
    """
    import tensorflow_datasets as tfds

    builder = tfds_source.open_builder(name, data_dir)
    features = builder.info.features
    if not isinstance(features, tfds.features.FeaturesDict):
        features = {}
    label = _choose(
        "label_column",
        label_column,
        features,
        {k for k, f in features.items() if _may_be_label(f)},
        [
            k
            for k, f in features.items()
            if isinstance(f, tfds.features.ClassLabel)
        ],
    )
    texts = [
        k
        for k, f in features.items()
        if isinstance(f, tfds.features.Text) and k != label
    ]
    text = _choose("text_column", text_column, features, texts, texts)
    if text_pair_column is not None:
        text_pair_column = _choose(
            "text_pair_column", text_pair_column, features, texts, []
        )
    if label_names is None and not is_regression:
        label_names = getattr(features[label], "names", None)
    task = known_tasks.custom_task(
        text_column=text,
        text_pair_column=text_pair_column,
        label_column=label,
        is_regression=is_regression,
        label_names=label_names,
        metric=metric,
    )
    return dataclasses.replace(
        task,
        tfds=TfdsSpec(
            name=name,
            text_feature=text,
            text_pair_feature=text_pair_column,
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
