"""The simple baselines, trained and scored without BERT.

They depend on the data alone: once for a task is enough, however many models
are trained on it. `comparison.py` puts BERT beside them. No TensorFlow.

Letters: N rows, M training rows, C classes.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging

from tf_bert.baselines import tfidf_models
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.data.tasks.task_spec import TaskSpec, scored_split
from tf_bert.scoring.metrics import metric_fn
from tf_bert.scoring.score_intervals import ScoreInterval, score_interval


@dataclasses.dataclass(frozen=True)
class Score:
    """One metric of one model on N rows, with its 95 % interval."""

    value: float
    interval: ScoreInterval


def baselines_of(data: TaskData) -> dict[str, Any]:
    """Trains the baselines of a task and scores them on its test split.

    Args:
        data: Of `run_data.load`. Without a test split they are scored on
            validation.

    Returns:
        ``{"split": "test" or "validation", "models": {"majority": {split:
        {metric: value, metric_ci: [low, high]}}, "tfidf_svm": {...}}}``
        (regression: ``mean`` and ``tfidf_ridge``): `models` are the
        ``baselines`` of a run's `all_results.json`. Empty where there is
        neither split.
    """
    splits = data.splits()
    split = scored_split(splits)
    if split not in splits:
        logging.warning(
            "No baselines: there is neither a test nor a validation split. "
            "Pass --test_file or --test_proportion=0.2."
        )
        return {}
    evaluated = splits[split]
    predicted = predict(data.train, evaluated, data.task)
    scores = score(predicted, evaluated.labels, data.task)
    return {
        "split": split,
        "models": {model: {split: m} for model, m in as_json(scores).items()},
    }


def majority_score(
    task: TaskSpec, train_labels: np.ndarray, labels: np.ndarray
) -> float:
    """Returns the task's metric of a model that does not read the text.

    For a regression, whose answer is the mean score, it is 0: a constant
    correlates with nothing.

    Args:
        task: With `label_names`, unless it is a regression.
        train_labels: `[M]`, M >= 1. See `constant_answer`.
        labels: `[N]` of the split to be scored; N >= 1.

    Example:
        >>> from tf_bert.data.tasks.known_tasks import TASKS
        >>> task = TASKS["rte"]  # Of two classes, scored by accuracy.
        >>> majority_score(task, np.array([1, 0, 1]), np.array([1, 1, 1, 0]))
        0.75
    """
    predictions = np.full(
        len(labels), constant_answer(task, train_labels, labels)
    )
    metric = metric_fn(task.metric, task.positive)
    return float(metric(labels, predictions))


def constant_answer(
    task: TaskSpec, train_labels: np.ndarray, scored_labels: np.ndarray
) -> int | float:
    """Returns the most frequent class; of a regression the mean score.

    A balanced sample has no majority: of classes that are equally frequent in
    training, but for one row, it is the one that is most frequent among the
    scored rows. Otherwise what BERT has to beat would be too low: 0.32, not
    0.68, on MRPC.

    Args:
        task: With `label_names`, unless it is a regression.
        train_labels: `[M]`, M >= 1.
        scored_labels: `[N]` of the rows that it is scored on.
    """
    if task.is_regression:
        return float(np.mean(train_labels, dtype=np.float64))
    sizes, scored_sizes = (
        np.bincount(labels, minlength=len(task.label_names))
        for labels in (train_labels, scored_labels)
    )
    is_majority = sizes >= sizes.max() - 1
    return int(np.where(is_majority, scored_sizes, -1).argmax())


def predict(
    train: Examples, evaluated: Examples, task: TaskSpec
) -> dict[str, np.ndarray]:
    """Trains the baselines of a task and lets them predict other rows.

    Args:
        train: M rows with labels.
        evaluated: N rows; their labels are not looked at, but for what the
            majority class is if the training rows do not say.
        task: Its metric is what the baselines are tuned for, on training rows
            alone.

    Returns:
        Model -> predictions `[N]`; the one that does not read comes first.
    """
    names, fit = ("majority", "tfidf_svm"), tfidf_models.fit_tfidf_svm
    if task.is_regression:
        names, fit = ("mean", "tfidf_ridge"), tfidf_models.fit_tfidf_ridge
    answer = constant_answer(task, train.labels, evaluated.labels)
    model = fit(
        train.texts,
        train.text_pairs,
        train.labels,
        metric=metric_fn(task.metric, task.positive),
    )
    return {
        names[0]: np.full(len(evaluated), answer),
        names[1]: model.predict(evaluated.texts, evaluated.text_pairs),
    }


def score(
    predicted: Mapping[str, np.ndarray], labels: np.ndarray, task: TaskSpec
) -> dict[str, dict[str, Score]]:
    """Scores models on the same rows: model -> metric -> score.

    Args:
        predicted: Model -> predictions `[N]`.
        labels: `[N]`.
        task: Its metric is among the scores.
    """
    label_names = None if task.is_regression else task.label_names
    return {
        model: {
            name: Score(
                float(metric_fn(name, task.positive)(labels, predictions)),
                score_interval(
                    name,
                    labels,
                    predictions,
                    label_names=label_names,
                    positive=task.positive,
                ),
            )
            for name in _column_metrics(task)
        }
        for model, predictions in predicted.items()
    }


def as_json(
    scores: Mapping[str, Mapping[str, Score]],
) -> dict[str, dict[str, Any]]:
    """Returns scores as plain numbers: model -> metric and metric_ci."""
    models: dict[str, dict[str, Any]] = {}
    for model, by_metric in scores.items():
        models[model] = {}
        for name, result in by_metric.items():
            models[model][name] = result.value
            models[model] |= result.interval.as_json(name)
    return models


def _column_metrics(task: TaskSpec) -> list[str]:
    names = ["pearson", "spearman"]
    if not task.is_regression:
        has_f1 = len(task.label_names) == 2
        names = ["accuracy", "f1" if has_f1 else "macro_f1"]
    return names if task.metric in names else [*names, task.metric]
