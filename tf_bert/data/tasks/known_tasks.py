"""The table of known tasks, and the task that a user's own files hold.

No file is opened here; `load_splits.py` reads them.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tf_bert.data.tasks.task_spec import (
    CLASSIFICATION_METRICS,
    REGRESSION_METRICS,
    SPLITS,
    TaskSpec,
    TfdsSpec,
    metric_advice,
)

_GLUE_FILES = {"train": "train.tsv", "validation": "dev.tsv"}
_ENTAILMENT = ("entailment", "not_entailment")

_WNLI = (
    "its dev set is adversarial (many of its sentences stand in the training "
    "set too, with the other label), so that whatever is learnt lowers the "
    "score, and always giving the majority class is best. Zhang et al. (2021) "
    "leave it out as well"
)


def _glue(
    name: str,
    *texts: str,
    label_column: str = "label",
    label_names: tuple[str, ...] | None = ("0", "1"),
    metric: str = "accuracy",
    tfds: Mapping[str, Any] | None = None,
    **changes,
) -> TaskSpec:
    """Returns a task of GLUE; of two classes the second is the positive one.

    Args:
        name: The name of its folder.
        *texts: Its one or two text columns.
        tfds: Arguments of `TfdsSpec`, as far as they do not follow.
        **changes: Other arguments of `TaskSpec`.
    """
    first, second = (*texts, None)[:2]
    is_binary = label_names is not None and len(label_names) == 2
    found = {
        "name": f"glue/{name.lower()}",
        "text_feature": first,
        "text_pair_feature": second,
        **(tfds or {}),
    }
    return TaskSpec(
        name=name.lower(),
        text_column=first,
        text_pair_column=second,
        label_column=label_column,
        label_names=label_names,
        positive_label=label_names[1] if is_binary else None,
        metric=metric,
        folder_name=name,
        tfds=TfdsSpec(**found),
        **{"file_names": _GLUE_FILES, **changes},
    )


_SPECS = (
    _glue("RTE", "sentence1", "sentence2", label_names=_ENTAILMENT),
    _glue(
        "MRPC",
        "#1 String",
        "#2 String",
        label_column="Quality",
        # Zhang et al. report F1, but their code selects by accuracy.
        metric="accuracy",
        tfds={
            "text_feature": "sentence1",
            "text_pair_feature": "sentence2",
            "label_names": ("not_equivalent", "equivalent"),
        },
    ),
    _glue(
        "CoLA",
        # No header: source, label, the author's mark, sentence.
        "4",
        label_column="2",
        metric="matthews",
        tfds={
            "text_feature": "sentence",
            "label_names": ("unacceptable", "acceptable"),
        },
    ),
    _glue(
        "STS-B",
        "sentence1",
        "sentence2",
        label_column="score",
        label_names=None,
        is_regression=True,
        metric="spearman",
        tfds={"name": "glue/stsb"},
    ),
    _glue(
        "SST-2",
        "sentence",
        tfds={"name": "glue/sst2", "label_names": ("negative", "positive")},
    ),
    _glue(
        "QQP",
        "question1",
        "question2",
        label_column="is_duplicate",
        has_malformed_rows=True,
        tfds={"label_names": ("not_duplicate", "duplicate")},
    ),
    _glue("QNLI", "question", "sentence", label_names=_ENTAILMENT),
    _glue(
        "MNLI",
        "sentence1",
        "sentence2",
        label_column="gold_label",
        # In tensorflow-datasets: entailment, neutral, contradiction.
        label_names=("contradiction", "entailment", "neutral"),
        file_names={
            "train": "train.tsv",
            "validation": "dev_matched.tsv",
            "validation_mismatched": "dev_mismatched.tsv",
        },
        tfds={
            "text_feature": "premise",
            "text_pair_feature": "hypothesis",
            "splits": {
                "train": "train",
                "validation": "validation_matched",
                "validation_mismatched": "validation_mismatched",
            },
        },
    ),
    TaskSpec(
        name="product_reviews",
        text_column="text",
        label_column="label",
        label_names=("negative", "positive"),
        positive_label="positive",
        metric="accuracy",
        file_names={split: f"{split}.tsv" for split in SPLITS},
        folder_name="product_reviews",
        is_bundled=True,
    ),
)

TASKS: Mapping[str, TaskSpec] = {spec.name: spec for spec in _SPECS}


def get_task(name: str) -> TaskSpec:
    """Returns a task of `TASKS`, in any case and with or without hyphens."""
    if _plain(name) == "wnli":
        raise _wnli_error("task_name", name)
    for spec in TASKS.values():
        if _plain(spec.name) == _plain(name):
            return spec
    raise ValueError(
        f"`task_name` must be one of: {', '.join(TASKS)}. Received: "
        f"task_name={name!r}. Correct --task_name, or pass your own file by "
        "--train_file, --text_column and --label_column."
    )


def get_tfds_task(name: str) -> TaskSpec | None:
    """Returns the task of `TASKS` that a dataset is, or None.

    Args:
        name: Of tensorflow-datasets: `name/config`, with `:version` or not.
            The version is kept.
    """
    base = name.partition(":")[0]
    if base == "glue/wnli":
        raise _wnli_error("tfds_name", name)
    for spec in TASKS.values():
        if spec.tfds is not None and spec.tfds.name == base:
            tfds = dataclasses.replace(spec.tfds, name=name)
            return dataclasses.replace(spec, tfds=tfds)
    return None


def custom_task(
    *,
    text_column: str,
    text_pair_column: str | None = None,
    label_column: str,
    is_regression: bool = False,
    label_names: tuple[str, ...] | None = None,
    metric: str | None = None,
) -> TaskSpec:
    """Returns the task that the user's own files hold, named "custom".

    The arguments are those of `TaskSpec`.

    Args:
        label_names: Two or more different names. Not for regression.
        metric: None: accuracy, or spearman for regression.
    """
    _check_columns_differ(text_column, text_pair_column, label_column)
    metrics = REGRESSION_METRICS if is_regression else CLASSIFICATION_METRICS
    metric = check_metric(metric or metrics[0], is_regression)
    if label_names is not None:
        label_names = tuple(label_names)
        _check_label_names(label_names, is_regression)
    return TaskSpec(
        name="custom",
        text_column=text_column,
        text_pair_column=text_pair_column,
        label_column=label_column,
        label_names=label_names,
        is_regression=is_regression,
        metric=metric,
    )


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _wnli_error(flag: str, name: str) -> ValueError:
    return ValueError(
        f"WNLI is not supported: {_WNLI}. Received: {flag}={name!r}. Pass "
        f"another --{flag}, or its files by --train_file if you want it all "
        "the same."
    )


def _check_columns_differ(text: str, pair: str | None, label: str) -> None:
    columns = [text, label] if pair is None else [text, pair, label]
    if len(set(columns)) < len(columns):
        raise ValueError(
            "Two of the text and label columns are the same. Received: "
            f"text_column={text!r}, text_pair_column={pair!r}, "
            f"label_column={label!r}. Correct --text_column, "
            "--text_pair_column or --label_column."
        )


def check_metric(metric: str, is_regression: bool) -> str:
    """Returns a metric that fits this kind of task, or refuses it."""
    choices = REGRESSION_METRICS if is_regression else CLASSIFICATION_METRICS
    if metric not in choices:
        kind = "regression" if is_regression else "classification"
        raise ValueError(
            f"`metric` must be one of: {', '.join(choices)} (for {kind}). "
            f"Received: metric={metric!r}. {metric_advice(metric)}"
            "Correct --metric or --task_type."
        )
    return metric


def _check_label_names(names: tuple[str, ...], is_regression: bool) -> None:
    received = f"Received: label_names={','.join(names)}"
    if is_regression:
        raise ValueError(
            "`label_names` cannot be combined with regression, which has no "
            f"classes. {received}. Leave out --label_names, or pass "
            "--task_type=classification."
        )
    if len(names) < 2 or len(set(names)) < len(names) or not all(names):
        raise ValueError(
            "`label_names` must hold two or more different names. "
            f"{received}. Correct --label_names, or leave it out to take the "
            "labels from the training data."
        )
