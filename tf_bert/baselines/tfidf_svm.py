"""TF-IDF with a linear support vector machine, for classification.

`baseline_scores.py` trains it on the data of a run. No TensorFlow. Letters: N
rows, M training rows, C classes.
"""

from collections.abc import Sequence

import numpy as np
from absl import logging
from sklearn.svm import LinearSVC

from tf_bert.baselines import cross_validation
from tf_bert.baselines.tfidf_features import TfidfFeatures
from tf_bert.data.tasks.positive_class import PositiveClass
from tf_bert.scoring.metrics import metric_fn

# Strongest regularisation first: of equally good ones it is the safer choice.
_REGULARISATIONS = (0.1, 1.0, 10.0)
_DEFAULT_REGULARISATION = 1.0

# At C = 10 the solver takes some 800 passes over real training sets, which is
# near scikit-learn's limit of 1000; a pass over few rows costs nothing.
_MAX_PASSES = 20_000


class TfidfSvm:
    """A trained classifier. Build it with `fit_tfidf_svm`.

    Args:
        features: Fitted on the training texts.
        classifier: Fitted on their vectors.
        num_classes: C; may exceed the classes in the training rows.
    """

    def __init__(
        self, features: TfidfFeatures, classifier: LinearSVC, num_classes: int
    ):
        self._features = features
        self._classifier = classifier
        self._num_classes = num_classes

    @property
    def regularisation(self) -> float:
        """The chosen C of the machine: the larger, the closer the fit."""
        return self._classifier.C

    def predict(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> np.ndarray:
        """Returns the class id of each of N texts, int64 `[N]`."""
        return self.decision_scores(texts, text_pairs).argmax(axis=-1)

    def decision_scores(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> np.ndarray:
        """Returns how much speaks for each class, float64 `[N, C]`.

        The scores are signed distances, not probabilities. For two classes
        they are opposite; a class without training rows has minus infinity.
        """
        distances = self._classifier.decision_function(
            self._features.transform(texts, text_pairs)
        )
        if distances.ndim == 1:  # Two trained classes: [N] for the second.
            distances = np.stack([-distances, distances], axis=-1)
        scores = np.full((len(distances), self._num_classes), -np.inf)
        scores[:, self._classifier.classes_] = distances
        return scores


def fit_tfidf_svm(
    texts: Sequence[str],
    text_pairs: Sequence[str] | None,
    labels: np.ndarray,
    *,
    num_classes: int,
    metric: str = "accuracy",
    positive: PositiveClass | None = None,
    seed: int = 0,
) -> TfidfSvm:
    """Trains the classifier, in seconds on small data.

    Its regularisation C is chosen among 0.1, 1 and 10 by stratified
    cross-validation on the training rows (`cross_validation` says what
    happens to small classes); where no class has two rows, C is 1. The words
    and their weights, which need no labels, are counted once on all training
    rows.

    Args:
        texts: M training texts.
        text_pairs: M second texts, or None.
        labels: int `[M]`, each in 0 .. C - 1, with two different ones.
        num_classes: C >= 2.
        metric: What C is chosen by: the metric of the task, one that takes
            class ids.
        positive: The class that F1 is about; see `metrics.metric_fn`.
        seed: Of the folds and of the solver.

    Returns:
        The model, trained on all M rows.

    Raises:
        ValueError: If the labels hold fewer than two classes, or no text
            holds a word.

    Example:
        >>> model = fit_tfidf_svm(
        ...     ["good film", "bad film", "good cast", "bad cast"],
        ...     None,
        ...     np.array([1, 0, 1, 0]),
        ...     num_classes=2,
        ... )
        >>> model.predict(["a good idea", "a bad idea"]).tolist()
        [1, 0]
    """
    labels = np.asarray(labels)
    _check_labels(labels, num_classes)
    features = TfidfFeatures(texts, text_pairs)
    vectors = features.transform(texts, text_pairs)

    def make_classifier(regularisation: float) -> LinearSVC:
        return LinearSVC(
            C=regularisation, max_iter=_MAX_PASSES, random_state=seed
        )

    folds = cross_validation.stratified_folds(labels, seed=seed)
    tuned_for = metric_fn(metric, positive)
    regularisation = _DEFAULT_REGULARISATION
    if folds:
        regularisation = cross_validation.choose(
            _REGULARISATIONS,
            make_classifier,
            vectors,
            labels,
            folds=folds,
            metric=tuned_for,
        )
    logging.info(
        "TF-IDF + linear SVM: %s rows, %s features, C=%s by %s in %s folds.",
        *vectors.shape,
        regularisation,
        tuned_for.title,
        len(folds),
    )
    classifier = make_classifier(regularisation).fit(vectors, labels)
    return TfidfSvm(features, classifier, num_classes)


def _check_labels(labels: np.ndarray, num_classes: int) -> None:
    found = np.unique(labels)
    if len(found) < 2:
        raise ValueError(
            "The training rows must hold at least two classes. Received: "
            f"labels={found.tolist()} in {len(labels)} rows. Give training "
            "rows of every class, or check --label_column."
        )
    if found[0] < 0 or found[-1] >= num_classes:
        raise ValueError(
            f"`labels` must be class ids from 0 to {num_classes - 1}. "
            f"Received: labels from {found[0]} to {found[-1]}, "
            f"num_classes={num_classes}. Correct --label_names."
        )
