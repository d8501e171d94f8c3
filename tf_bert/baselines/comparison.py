"""Was BERT worth it? Its scores beside those of two simple baselines.

The baselines train on the rows BERT trained on and are scored on the rows it
is scored on, by the same functions. `compare` computes, `render` writes for
people, `as_json` for programs. No TensorFlow.

Letters: N rows, C classes.
"""

import dataclasses
import textwrap
from typing import Any

import numpy as np

from tf_bert.baselines import baseline_scores
from tf_bert.baselines.baseline_scores import Score
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.scoring import number_texts
from tf_bert.scoring.metrics import metric_fn, title_of
from tf_bert.scoring.paired_rows import PairedResult, compare_on_rows
from tf_bert.system import text_tables

_LINE_WIDTH = 80

# Of rows that had a say in the weights that are scored on them.
_CHOSEN = ", which chose its checkpoint and so flatter it"

TITLES = {
    "majority": "Majority class",
    "mean": "Mean score",
    "tfidf_svm": "TF-IDF + linear SVM",
    "tfidf_ridge": "TF-IDF + ridge",
    "bert": "BERT",
}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The scores of three models on one split, and what follows from them.

    Args:
        split: ``train``, ``validation`` or ``test``.
        num_rows: N of the split.
        metric: The primary metric, which the verdict is about.
        positive_label: The class that F1 is of; None unless there are two
            classes.
        scores: Model (a key of `TITLES`) -> metric -> score. The last two
            models are the ones the verdict is about: TF-IDF, then BERT.
        difference: Primary metric of BERT less that of the TF-IDF model.
        verdict: One sentence.
    """

    split: str
    num_rows: int
    metric: str
    positive_label: str | None
    scores: dict[str, dict[str, Score]]
    difference: PairedResult
    verdict: str


def compare(
    train: Examples,
    evaluated: Examples,
    predictions: np.ndarray,
    *,
    split: str,
    task: TaskSpec,
    has_chosen: bool = False,
) -> Comparison:
    """Trains the baselines and scores them and BERT on the same rows.

    Args:
        train: The examples that BERT was trained on.
        evaluated: N other ones.
        predictions: `[N]`, BERT's predictions for `evaluated`: int class ids,
            or float scores for regression.
        split: Name of `evaluated`, for people.
        task: With its labels and, of two, the positive one. The baselines are
            tuned for its metric, too.
        has_chosen: Whether `evaluated` had a say in which weights of BERT
            are used. The verdict says so.

    Returns:
        The comparison. Its verdict says "worth it" or "not worth it" only if
        the test of `paired_rows` finds a difference at 5 %, and then the 95 %
        interval does not contain 0.
    """
    predicted = baseline_scores.predict(train, evaluated, task)
    rival = list(predicted)[-1]
    predicted["bert"] = np.asarray(predictions)
    metric = metric_fn(task.metric, task.positive)
    difference = compare_on_rows(
        metric, evaluated.labels, predicted["bert"], predicted[rival]
    )
    return Comparison(
        split=split,
        num_rows=len(evaluated),
        metric=task.metric,
        positive_label=task.positive_label,
        scores=baseline_scores.score(predicted, evaluated.labels, task),
        difference=difference,
        verdict=_verdict(
            difference,
            metric.title,
            rival,
            rows=f"{len(evaluated):,} {split} examples{_CHOSEN * has_chosen}",
        ),
    )


def render(comparison: Comparison) -> str:
    """Returns the comparison as plain text, 80 columns wide at most.

    Each value comes with its 95 % interval behind it; with more than two
    metrics the intervals have lines of their own.
    """
    return "\n".join(
        [
            "BERT and simple baselines on "
            f"{comparison.num_rows:,} {comparison.split} examples",
            "",
            *_table_lines(comparison),
            "",
            *_interval_lines(comparison),
            "",
            textwrap.fill(
                comparison.verdict, _LINE_WIDTH, break_on_hyphens=False
            ),
        ]
    )


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Returns the comparison as nested dictionaries of plain numbers.

    They are ``{model: {metric: value, metric_ci: [low, high]}, ...,
    "difference": {"metric", "value", "ci", "p_value", "num_disagreements"},
    "verdict": str}``.
    """
    difference = comparison.difference
    return baseline_scores.as_json(comparison.scores) | {
        "difference": {
            "metric": comparison.metric,
            "value": difference.difference,
            "ci": [difference.low, difference.high],
            "p_value": difference.p_value,
            "num_disagreements": difference.num_disagreements,
        },
        "verdict": comparison.verdict,
    }


def _verdict(
    difference: PairedResult, title: str, rival: str, *, rows: str
) -> str:
    """Puts the difference of BERT less the rival into one sentence."""
    gain, low, high = difference.difference, difference.low, difference.high
    place = f"{abs(gain):.3f} {'below' if gain < 0 else 'above'}"
    finding = (
        f"its {title} is {place if gain else 'the same as'} that of "
        f"{TITLES[rival]} (95 % interval {low:+.3f} to {high:+.3f}, "
        f"p {number_texts.p_equals(difference.p_value)})"
    )
    if low <= 0 <= high:
        model = {"tfidf_svm": "SVM", "tfidf_ridge": "ridge model"}[rival]
        return (
            f"BERT made no clear difference: {finding}, which is within the "
            f"noise of {rows}; the {model} is smaller and faster."
        )
    return (
        f"BERT was {'not ' if gain < 0 else ''}worth it: on the {rows}"
        f"{',' * (',' in rows)} {finding}, more than chance explains."
    )


def _table_lines(comparison: Comparison) -> list[str]:
    scores = comparison.scores
    metrics = list(next(iter(scores.values())))
    titles = [title_of(name, comparison.positive_label) for name in metrics]
    headings = [title[0].upper() + title[1:] for title in titles]
    blocks = [
        _model_rows(TITLES[model], values, one_line=len(metrics) <= 2)
        for model, values in scores.items()
    ]
    grid = [["", *headings], *(row for block in blocks for row in block)]
    return text_tables.align(grid, left=range(len(grid[0])), has_rule=True)


def _interval_lines(comparison: Comparison) -> list[str]:
    """Says what the brackets are, and which metrics have none, and why."""
    lines = [
        "In brackets: 95 % intervals, from the choice of these examples alone."
    ]
    for metric, score in comparison.scores["bert"].items():
        if score.interval.ends is None:
            lines += textwrap.wrap(
                f"{title_of(metric, comparison.positive_label)} has none: "
                f"{score.interval.note}.",
                _LINE_WIDTH,
                break_on_hyphens=False,
            )
    return lines


def _model_rows(
    title: str, scores: dict[str, Score], *, one_line: bool
) -> list[list[str]]:
    values = [f"{s.value:.3f}" for s in scores.values()]
    intervals = [
        "" if s.interval.ends is None else str(s.interval)
        for s in scores.values()
    ]
    if one_line:
        cells = zip(values, intervals, strict=True)
        return [[title, *(" ".join(cell).rstrip() for cell in cells)]]
    return [[title, *values], ["", *intervals]]
