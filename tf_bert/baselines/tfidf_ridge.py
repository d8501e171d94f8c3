"""TF-IDF with ridge regression, for scores.

No TensorFlow. Letters: N rows, M training rows.
"""

from collections.abc import Sequence

import numpy as np
from absl import logging
from sklearn.linear_model import Ridge

from tf_bert.baselines import cross_validation
from tf_bert.baselines.tfidf_features import TfidfFeatures
from tf_bert.scoring.metrics import metric_fn

# Strongest regularisation first: of equally good ones it is the safer choice.
_REGULARISATIONS = (10.0, 1.0, 0.1)
_DEFAULT_REGULARISATION = 1.0


class TfidfRidge:
    """A trained regression. Build it with `fit_tfidf_ridge`.

    Args:
        features: Fitted on the training texts.
        regression: Fitted on their vectors.
    """

    def __init__(self, features: TfidfFeatures, regression: Ridge):
        self._features = features
        self._regression = regression

    @property
    def regularisation(self) -> float:
        """The chosen alpha: the larger, the closer to the mean."""
        return self._regression.alpha

    def predict(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> np.ndarray:
        """Returns the score of each of N texts, float64 `[N]`.

        Scores may lie outside the range of the training scores.
        """
        return self._regression.predict(
            self._features.transform(texts, text_pairs)
        )


def fit_tfidf_ridge(
    texts: Sequence[str],
    text_pairs: Sequence[str] | None,
    labels: np.ndarray,
    *,
    metric: str = "mse",
    seed: int = 0,
) -> TfidfRidge:
    """Trains the regression, in seconds on small data.

    Its alpha is chosen among 0.1, 1 and 10 by cross-validation on the
    training rows; for a single row it is 1.

    Args:
        texts: M training texts.
        text_pairs: M second texts, or None.
        labels: float `[M]`, finite; M >= 1.
        metric: What alpha is chosen by: the metric of the task, one that
            takes scores.
        seed: Of the folds.

    Returns:
        The model, trained on all M rows.

    Raises:
        ValueError: If a label is not finite, or no text holds a word.

    Example:
        >>> model = fit_tfidf_ridge(
        ...     ["good", "bad", "good", "bad"], None, [2.0, 0.0, 2.0, 0.0]
        ... )
        >>> good, bad = model.predict(["good", "bad"])
        >>> bool(good > 1 > bad)
        True
    """
    labels = np.asarray(labels, np.float64)
    if not np.isfinite(labels).all():
        raise ValueError(
            "`labels` must be finite numbers. Received: "
            f"labels[{np.flatnonzero(~np.isfinite(labels))[0]}] is not. "
            "Correct the row, or check --label_column."
        )
    features = TfidfFeatures(texts, text_pairs)
    vectors = features.transform(texts, text_pairs)
    folds = cross_validation.plain_folds(len(labels), seed=seed)
    regularisation = _DEFAULT_REGULARISATION
    if folds:
        regularisation = cross_validation.choose(
            _REGULARISATIONS,
            Ridge,
            vectors,
            labels,
            folds=folds,
            metric=metric_fn(metric),
        )
    logging.info(
        "TF-IDF + ridge: %s rows, %s features, alpha=%s by %s in %s folds.",
        *vectors.shape,
        regularisation,
        metric,
        len(folds),
    )
    return TfidfRidge(features, Ridge(regularisation).fit(vectors, labels))
