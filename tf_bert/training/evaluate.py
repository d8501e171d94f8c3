"""Evaluating a model on a labelled split: exact, every example once."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tf_bert.data.tasks.positive_class import PositiveClass
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.scoring import metrics, score_intervals
from tf_bert.scoring.scored_rows import ScoredRows
from tf_bert.training import inference


class TrainingDiverged(ValueError):
    """A loss or a logit that is not finite: NaN or infinity.

    A `ValueError`, for it is the flags that the user can correct; of its own,
    for it is a result of a trial, not an accident.
    """


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The result on one split.

    Attributes:
        labels: int32 class ids or float32 scores `[N]`.
        predictions: class ids or scores `[N]`, of the same kind.
        metrics: name -> value; `loss` among them, the mean over examples.
        probabilities: float64 `[N, C]`, of each class; None for a regression.
        positive: that F1 is of; None unless there are two classes.
    """

    labels: np.ndarray
    predictions: np.ndarray
    metrics: dict[str, float | None]
    probabilities: np.ndarray | None = None
    positive: PositiveClass | None = None

    def scored_rows(self) -> ScoredRows:
        """What is kept of each row."""
        return ScoredRows(self.labels, self.predictions, self.probabilities)

    def with_intervals(
        self, label_names: Sequence[str] | None
    ) -> dict[str, Any]:
        """The metrics, and `<name>_ci`, the 95 % interval, where it exists.

        Intervals are from the choice of these examples, not over seeds. Where
        a class has too few of them for one, `<name>_ci` is None and
        `<name>_ci_note` says so.
        """
        result: dict[str, Any] = {"num_examples": len(self.labels)}
        for name, value in self.metrics.items():
            result[name] = value
            if name in metrics.METRICS:
                interval = score_intervals.score_interval(
                    name,
                    self.labels,
                    self.predictions,
                    label_names=label_names,
                    positive=self.positive,
                )
                result |= interval.as_json(name)
        return result


def evaluate(
    model: inference.Inference,
    examples: TokenizedExamples,
    *,
    positive: PositiveClass | None,
    between_batches: Callable[[], None] | None = None,
) -> Evaluation:
    """Computes predictions and metrics on a split.

    Args:
        model: of a classification, or of a regression (one logit).
        positive: the class that F1 and average precision are of; None: class
            1 of two, and without effect otherwise.
        between_batches: see `Inference.logits`.
    """
    logits = model.logits(examples, between_batches=between_batches)
    labels = examples.labels
    if not np.isfinite(logits).all():
        raise TrainingDiverged(
            "The training diverged: a logit is NaN or infinite. Lower "
            "--learning_rate."
        )
    if logits.shape[1] == 1:
        scores = logits[:, 0]
        values = metrics.regression_metrics(labels, scores)
        return Evaluation(labels, scores, {"loss": values["mse"], **values})
    probabilities = inference.probabilities(logits)
    chosen = probabilities[np.arange(len(labels)), labels]
    values = metrics.classification_metrics(
        labels, probabilities, positive=positive
    )
    # The smallest positive number stands in for a probability that is 0.
    loss = float(-np.log(np.maximum(chosen, np.finfo(float).tiny)).mean())
    return Evaluation(
        labels,
        logits.argmax(axis=1),
        {"loss": loss, **values},
        probabilities=probabilities,
        positive=positive,
    )
