"""The simple baselines, trained and scored without BERT.

They depend on the data alone: once for a task is enough, however many models
are trained on it. `comparison.py` puts BERT beside them. No TensorFlow.

Letters: N rows, M training rows, C classes.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from tf_bert.baselines import majority, tfidf_ridge, tfidf_svm
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.data.tasks.positive_class import PositiveClass
from tf_bert.data.tasks.task_spec import TaskSpec, scored_split
from tf_bert.scoring.metrics import METRICS, metric_fn
from tf_bert.scoring.score_intervals import ScoreInterval, score_interval


@dataclasses.dataclass(frozen=True)
class Score:
    """One metric of one model, with the interval it is known to.

    Args:
        value: On the rows as they are.
        interval: Its 95 % interval.
    """

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
    task, evaluated = data.task, splits[split]
    num_classes = None if task.is_regression else len(task.label_names)
    scoring = {"metric": task.metric, "positive": task.positive}
    predicted = predict(
        data.train, evaluated, num_classes=num_classes, **scoring
    )
    scores = score(
        predicted, evaluated.labels, label_names=task.label_names, **scoring
    )
    return {
        "split": split,
        "models": {model: {split: m} for model, m in as_json(scores).items()},
    }


def majority_score(
    task: TaskSpec, train_labels: np.ndarray, labels: np.ndarray
) -> float:
    """Returns the task's metric of a model that does not read the text.

    Args:
        task: With `label_names`, unless it is a regression.
        train_labels: `[M]`, M >= 1. The majority class is that of these; see
            `majority.fit_majority` for equally frequent ones.
        labels: `[N]` of the split to be scored; N >= 1.

    Returns:
        The metric of the majority class; for a regression that of the mean
        score, which is 0: a constant correlates with nothing.

    Example:
        >>> from tf_bert.data.tasks.known_tasks import TASKS
        >>> task = TASKS["rte"]  # Of two classes, scored by accuracy.
        >>> majority_score(task, np.array([1, 0, 1]), np.array([1, 1, 1, 0]))
        0.75
    """
    if task.is_regression:
        model = majority.fit_mean((), None, train_labels)
    else:
        model = majority.fit_majority(
            (),
            None,
            train_labels,
            num_classes=len(task.label_names),
            scored_labels=labels,
        )
    predictions = np.full(len(labels), model.prediction)
    metric = metric_fn(task.metric, task.positive)
    return float(metric(labels, predictions))


def predict(
    train: Examples,
    evaluated: Examples,
    *,
    num_classes: int | None,
    metric: str,
    positive: PositiveClass | None = None,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Trains the baselines of a task and lets them predict other rows.

    Args:
        train: M rows with labels.
        evaluated: N rows; their labels are not looked at, but for what the
            majority class is if the training rows do not say.
        num_classes: C; None for a regression.
        metric: What the baselines are tuned for, on training rows alone. A
            key of `METRICS`.
        positive: The class that F1 is about; None: class 1.
        seed: Of the baselines.

    Returns:
        Model -> predictions `[N]`; the one that does not read comes first.

    Raises:
        ValueError: If the metric does not suit the task.
    """
    check_metric(metric, num_classes)
    rows = (train.texts, train.text_pairs, train.labels)
    if num_classes is None:
        models = {
            "mean": majority.fit_mean(*rows),
            "tfidf_ridge": tfidf_ridge.fit_tfidf_ridge(
                *rows, metric=metric, seed=seed
            ),
        }
    else:
        models = {
            "majority": majority.fit_majority(
                *rows, num_classes=num_classes, scored_labels=evaluated.labels
            ),
            "tfidf_svm": tfidf_svm.fit_tfidf_svm(
                *rows,
                num_classes=num_classes,
                metric=metric,
                positive=positive,
                seed=seed,
            ),
        }
    return {
        name: model.predict(evaluated.texts, evaluated.text_pairs)
        for name, model in models.items()
    }


def score(
    predicted: Mapping[str, np.ndarray],
    labels: np.ndarray,
    *,
    label_names: Sequence[str] | None,
    metric: str,
    positive: PositiveClass | None = None,
    seed: int = 0,
) -> dict[str, dict[str, Score]]:
    """Scores models on the same rows, each with its intervals.

    Args:
        predicted: Model -> predictions `[N]`.
        labels: `[N]`.
        label_names: C names in the order of their ids; None for a regression.
        metric: The task's; it is among the scores.
        positive: As in `predict`.
        seed: Of the resampling.

    Returns:
        Model -> metric -> score.
    """
    num_classes = None if label_names is None else len(label_names)
    return {
        model: {
            name: Score(
                float(metric_fn(name, positive)(labels, predictions)),
                score_interval(
                    name,
                    labels,
                    predictions,
                    label_names=label_names,
                    positive=positive,
                    seed=seed,
                ),
            )
            for name in _column_metrics(metric, num_classes)
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


def check_metric(metric: str, num_classes: int | None) -> None:
    """Refuses a metric that baselines and BERT cannot be compared by.

    Args:
        metric: Key of `METRICS`.
        num_classes: C; None for a regression.

    Raises:
        ValueError: If it is unknown, does not suit the task, or is an error,
            of which lower is better.
    """
    metric_fn(metric)  # An unknown name has a message of its own.
    needed = "scores" if num_classes is None else "classes"
    fitting = [
        name
        for name, row in METRICS.items()
        if row.needs == needed
        and row.higher_is_better
        and (name != "f1" or num_classes == 2)
    ]
    if metric not in fitting:
        task = "regression" if num_classes is None else f"{num_classes} classes"
        raise ValueError(
            f"The metric must suit the task ({task}), and higher must be "
            f"better. Received: metric={metric!r}. Choose one of: "
            f"{', '.join(fitting)}."
        )


def _column_metrics(metric: str, num_classes: int | None) -> list[str]:
    if num_classes is None:
        names = ["pearson", "spearman"]
    else:
        names = ["accuracy", "f1" if num_classes == 2 else "macro_f1"]
    return names if metric in names else [*names, metric]
