"""TF-IDF with a linear model: a support vector machine, ridge regression.

Both train in seconds on small data. How strongly a model is regularised is
chosen by cross-validation on the training rows alone, for the metric of the
task. The words and their weights, which need no labels, are counted once on
all training rows. No TensorFlow.

Letters: N rows, M training rows.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from absl import logging
from scipy import sparse
from sklearn import model_selection
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from tf_bert.baselines.tfidf_features import TfidfFeatures
from tf_bert.scoring.metrics import Metric

_MAX_FOLDS = 5

# Strongest regularisation first: of equally good ones it is the safer choice.
# C of the machine is the closeness of the fit, alpha of the regression the
# closeness to the mean.
_C = (0.1, 1.0, 10.0)
_ALPHA = (10.0, 1.0, 0.1)
_WITHOUT_FOLDS = 1.0

# At C = 10 the solver takes some 800 passes over real training sets, which is
# near scikit-learn's limit of 1000; a pass over few rows costs nothing.
_MAX_PASSES = 20_000

Fold = tuple[np.ndarray, np.ndarray]  # Rows to train on, rows to score.


@dataclasses.dataclass(frozen=True)
class TfidfModel:
    """A trained model.

    Args:
        features: Fitted on the training texts.
        linear: Fitted on their vectors.
    """

    features: TfidfFeatures
    linear: LinearSVC | Ridge

    def predict(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> np.ndarray:
        """Returns the class id or the score of each of N texts, `[N]`.

        Scores may lie outside the range of the training scores.
        """
        return self.linear.predict(self.features.transform(texts, text_pairs))


def fit_tfidf_svm(
    texts: Sequence[str],
    text_pairs: Sequence[str] | None,
    labels: np.ndarray,
    *,
    metric: Metric,
) -> TfidfModel:
    """Trains the classifier, with C of 0.1, 1 or 10.

    Where no class has two rows, C is 1. A class without training rows is
    never predicted.

    Args:
        texts: M training texts.
        text_pairs: M second texts, or None.
        labels: int `[M]`, class ids.
        metric: What C is chosen by.

    Example:
        >>> from tf_bert.scoring.metrics import METRICS
        >>> model = fit_tfidf_svm(
        ...     ["good film", "bad film", "good cast", "bad cast"],
        ...     None,
        ...     np.array([1, 0, 1, 0]),
        ...     metric=METRICS["accuracy"],
        ... )
        >>> model.predict(["a good idea", "a bad idea"]).tolist()
        [1, 0]
    """
    found = np.unique(labels)
    if len(found) < 2:
        raise ValueError(
            "The training examples are all of one class. Received: "
            f"labels={found.tolist()} in {len(labels):,} examples. Give "
            "training examples of every class, or check --label_column."
        )

    def make_classifier(c: float) -> LinearSVC:
        return LinearSVC(C=c, max_iter=_MAX_PASSES, random_state=0)

    folds = stratified_folds(labels)
    return _fit(make_classifier, _C, texts, text_pairs, labels, folds, metric)


def fit_tfidf_ridge(
    texts: Sequence[str],
    text_pairs: Sequence[str] | None,
    labels: np.ndarray,
    *,
    metric: Metric,
) -> TfidfModel:
    """Trains the regression, with alpha of 0.1, 1 or 10; of a single row 1.

    Args:
        texts: M training texts.
        text_pairs: M second texts, or None.
        labels: float `[M]`, finite; M >= 1.
        metric: What alpha is chosen by.
    """
    labels = np.asarray(labels, np.float64)
    folds = plain_folds(len(labels))
    return _fit(Ridge, _ALPHA, texts, text_pairs, labels, folds, metric)


def stratified_folds(labels: np.ndarray) -> list[Fold]:
    """Returns folds in which every class is trained on.

    There are 5 folds, or as many as the smallest class has rows, not counting
    classes of a single row: such a row is trained on in every fold and never
    scored. Where all classes are of that kind there is nothing to score, and
    the list is empty.

    Example:
        >>> for trained, scored in stratified_folds(np.array([0, 0, 1, 1, 2])):
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
    splitter = model_selection.StratifiedKFold(
        min(_MAX_FOLDS, class_sizes[class_sizes > 1].min()),
        shuffle=True,
        random_state=0,
    )
    return [
        (np.concatenate([other_rows[trained], single_rows]), other_rows[scored])
        for trained, scored in splitter.split(other_rows, labels[other_rows])
    ]


def plain_folds(num_rows: int) -> list[Fold]:
    """Returns 5 folds of shuffled rows; fewer, if there are fewer rows.

    A single row cannot be divided: the list is then empty.
    """
    if num_rows < 2:
        return []
    splitter = model_selection.KFold(
        min(_MAX_FOLDS, num_rows), shuffle=True, random_state=0
    )
    return list(splitter.split(np.arange(num_rows)))


def choose(
    candidates: Sequence[float],
    make_model: Callable[[float], LinearSVC | Ridge],
    vectors: sparse.csr_matrix,
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
        make_model: Returns an untrained model of a candidate.
        vectors: `[M, words]`.
        labels: `[M]`.
        folds: At least one.
        metric: What to score by.
    """
    scored_rows = np.concatenate([scored for _, scored in folds])
    sign = 1 if metric.higher_is_better else -1

    def score(candidate: float) -> float:
        predictions = [
            make_model(candidate)
            .fit(vectors[trained], labels[trained])
            .predict(vectors[scored])
            for trained, scored in folds
        ]
        return sign * metric(labels[scored_rows], np.concatenate(predictions))

    return max(candidates, key=score)  # The first of equals.


def _fit(
    make_model: Callable[[float], LinearSVC | Ridge],
    candidates: Sequence[float],
    texts: Sequence[str],
    text_pairs: Sequence[str] | None,
    labels: np.ndarray,
    folds: Sequence[Fold],
    metric: Metric,
) -> TfidfModel:
    features = TfidfFeatures(texts, text_pairs)
    vectors = features.transform(texts, text_pairs)
    chosen = _WITHOUT_FOLDS
    if folds:
        chosen = choose(
            candidates, make_model, vectors, labels, folds=folds, metric=metric
        )
    model = make_model(chosen)
    logging.info(
        "TF-IDF: %s of %s examples and %s features, chosen by %s in %s folds.",
        model,
        *(f"{number:,}" for number in vectors.shape),
        metric.title,
        len(folds),
    )
    return TfidfModel(features, model.fit(vectors, labels))
