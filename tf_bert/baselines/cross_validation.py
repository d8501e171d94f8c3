"""Choice of one regularisation strength on the training rows alone.

No TensorFlow. Letters: M training rows, F features.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import model_selection

from tf_bert.scoring.metrics import Metric

_MAX_FOLDS = 5

Fold = tuple[np.ndarray, np.ndarray]  # Rows to train on, rows to score.


def choose(
    candidates: Sequence[float],
    make_model: Callable[[float], Any],
    features: sparse.csr_matrix,
    labels: np.ndarray,
    *,
    folds: Sequence[Fold],
    metric: Metric,
) -> float:
    """Returns the candidate whose models score best on rows left out.

    The predictions for the left-out rows of all folds are scored together,
    because a metric such as F1 means little on a handful of rows.

    Args:
        candidates: In order of preference among equals.
        make_model: Returns an untrained scikit-learn model of a candidate.
        features: float `[M, F]`.
        labels: `[M]`.
        folds: At least one.
        metric: What to score by.
    """
    scored_rows = np.concatenate([scored for _, scored in folds])
    sign = 1 if metric.higher_is_better else -1

    def score(candidate: float) -> float:
        predictions = [
            make_model(candidate)
            .fit(features[trained], labels[trained])
            .predict(features[scored])
            for trained, scored in folds
        ]
        return sign * metric(labels[scored_rows], np.concatenate(predictions))

    return max(candidates, key=score)  # The first of equals.


def stratified_folds(labels: np.ndarray, *, seed: int) -> list[Fold]:
    """Returns folds in which every class is trained on.

    There are 5 folds, or as many as the smallest class has rows, not counting
    classes of a single row: such a row is trained on in every fold and never
    scored. Where all classes are of that kind there is nothing to score, and
    the list is empty.

    Args:
        labels: int `[M]`, class ids.
        seed: Of the shuffling before the rows are dealt out.

    Returns:
        Pairs of row numbers (to train on, to score), each int64.

    Example:
        >>> for trained, scored in stratified_folds(
        ...     np.array([0, 0, 1, 1, 2]), seed=0
        ... ):
        ...     print(len(trained), len(scored), 4 in trained)
        3 2 True
        3 2 True
    """
    class_sizes = np.bincount(labels)
    is_single = class_sizes[labels] == 1
    single_rows, other_rows = (
        np.flatnonzero(is_single),
        np.flatnonzero(~is_single),
    )
    if not other_rows.size:
        return []
    num_folds = min(_MAX_FOLDS, class_sizes[class_sizes > 1].min())
    splitter = model_selection.StratifiedKFold(
        num_folds, shuffle=True, random_state=seed
    )
    return [
        (np.concatenate([other_rows[trained], single_rows]), other_rows[scored])
        for trained, scored in splitter.split(other_rows, labels[other_rows])
    ]


def plain_folds(num_rows: int, *, seed: int) -> list[Fold]:
    """Returns 5 folds of shuffled rows; fewer, if there are fewer rows.

    A single row cannot be divided: the list is then empty.
    """
    if num_rows < 2:
        return []
    splitter = model_selection.KFold(
        min(_MAX_FOLDS, num_rows), shuffle=True, random_state=seed
    )
    return list(splitter.split(np.arange(num_rows)))
