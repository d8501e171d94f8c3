"""The sections about single rows: which are wrong, and how surely.

For the trials of one recipe, or for one training.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_bert.config import Config
from tf_bert.data.tasks.data_name import source_name
from tf_bert.report import (
    mistakes,
    row_captions,
    row_numbers,
)
from tf_bert.report.figures import row_figures
from tf_bert.report.mistakes import Mistake
from tf_bert.report.page import Picture, Section, Table, table_of
from tf_bert.report.task_results import TaskResults
from tf_bert.scoring import number_texts
from tf_bert.scoring.scored_rows import ScoredRows
from tf_bert.system.plurals import counted

# A matrix of 77 classes as a list of 5929 cells helps nobody.
_MAX_CONFUSIONS = 40


def of_best_recipe(results: TaskResults) -> tuple[str, list[ScoredRows]]:
    """Returns a sentence that says whose rows are shown, and the rows."""
    split, label = results.task.split, results.best or results.baseline
    found = [trial.scored_rows() for trial in results.recipe(label).trials]
    trials = [rows[split] for rows in found if split in rows]
    if not trials:
        return "Left out: no scored rows are stored.", []
    if results.task.is_one_training:
        text = f"The {split} rows, as the chosen checkpoint predicts them."
    elif not results.has_recipes:
        text = f"The {split} rows in {counted(len(trials), 'trial')}."
    else:
        text = (
            f"The {split} rows in {counted(len(trials), 'trial')} of {label}, "
            "the recipe with the highest mean on them."
        )
    return text, trials


def class_names(
    label_names: Sequence[str], trials: Sequence[ScoredRows]
) -> Sequence[str]:
    """Returns names of all classes: numbers where the model is not there."""
    if label_names or not trials or trials[0].probabilities is None:
        return label_names
    return [str(i) for i in range(trials[0].probabilities.shape[1])]


def predictions_section(
    opening: str,
    trials: Sequence[ScoredRows],
    label_names: Sequence[str],
) -> Section:
    """Confusion matrix and precision-recall; of a regression a scatter.

    Args:
        opening: says whose rows they are.
        trials: on the same rows; none: only the opening is shown.
        label_names: none for a regression.
    """
    pictures, notes, curve = [], [], None
    if trials and not label_names:
        pictures.append(_scatter(trials))
    elif trials:
        pictures.append(_confusion(trials, label_names))
        curve = row_figures.precision_recall(trials, label_names)
    if isinstance(curve, str):
        notes.append(f"No precision-recall curve: {curve}.")
    elif curve is not None:
        pictures.append(
            Picture(
                "precision-recall",
                "Precision against recall",
                curve,
                row_captions.precision_recall(trials, label_names),
                _average_precisions(trials, label_names),
            )
        )
    return Section(
        "predictions",
        "Predictions",
        opening,
        pictures=tuple(pictures),
        notes=tuple(notes),
    )


def _confusion(
    trials: Sequence[ScoredRows], label_names: Sequence[str]
) -> Picture:
    counts = row_numbers.confusion_counts(trials, len(label_names))
    figure = row_figures.confusion_matrix(trials, label_names)
    sizes = counts.sum(axis=1)
    cells = sorted(
        (-count, label, prediction)
        for (label, prediction), count in np.ndenumerate(counts)
        if count
    )[:_MAX_CONFUSIONS]
    return Picture(
        "confusion",
        "Confusion matrix",
        figure,
        row_captions.confusion_matrix(trials, label_names),
        table_of(
            "confusion",
            f"The largest counts, {_MAX_CONFUSIONS} at most",
            cells,
            {
                "true class": lambda x: label_names[x[1]],
                "predicted class": lambda x: label_names[x[2]],
                "rows": lambda x: -x[0],
                "share of the class": lambda x: f"{-x[0] / sizes[x[1]]:.1%}",
            },
            num_text_columns=2,
        ),
    )


def _average_precisions(
    trials: Sequence[ScoredRows], label_names: Sequence[str]
) -> Table:
    return table_of(
        "precision-recall",
        "Average precision of each class against the rest",
        row_numbers.class_curves(trials),
        {
            "class": lambda x: label_names[x.class_id],
            "rows": lambda x: x.num_rows,
            "guessing": lambda x: number_texts.number(x.base_rate),
            "average precision": lambda x: number_texts.number(x.mean),
        },
    )


def _scatter(trials: Sequence[ScoredRows]) -> Picture:
    figure = row_figures.predicted_against_true(trials)
    return Picture(
        "predictions",
        "Predicted against true scores",
        figure,
        row_captions.predicted_against_true(trials),
    )


def mistakes_section(
    config: Config,
    trials: Sequence[ScoredRows],
    *,
    split: str,
    label_names: Sequence[str],
    record: Mapping[str, Any] | None = None,
) -> Section:
    """The twenty most confident mistakes, with their texts.

    The arguments are those of `mistakes.confident_mistakes`; without trials
    there is only a sentence.
    """
    name = "mistakes"
    title = "Largest errors" if not label_names else "Most confident mistakes"
    if not trials:
        return Section(name, title, "Left out: no scored rows are stored.")
    found = mistakes.confident_mistakes(
        config,
        trials,
        split=split,
        label_names=label_names,
        record=record,
    )
    if isinstance(found, str):
        return Section(name, title, found)
    if not found:
        return Section(name, title, f"Every {split} row is right.")
    return Section(
        name,
        title,
        "The rows where the model is wrong and most sure, the surest first. "
        "Often the label in the data is wrong, or the training had no text of "
        "this kind."
        if label_names
        else "The rows that are predicted worst, the worst first.",
        tables=(_mistakes_table(found, is_regression=not label_names),),
    )


def _mistakes_table(found: Sequence[Mistake], *, is_regression: bool) -> Table:
    columns = {
        "text": [x.text for x in found],
        "second text": [x.text_pair or "" for x in found],
        "true": [x.label for x in found],
        "predicted": [x.prediction for x in found],
        "over the trials": [x.spread for x in found],
        "row": [f"{source_name(x.source)}, {x.row_number}" for x in found],
        "error" if is_regression else "probability": [
            number_texts.number(x.confidence) for x in found
        ],
    }
    columns = {name: cells for name, cells in columns.items() if any(cells)}
    return Table(
        "mistakes",
        f"The {len(found)} {'largest errors' if is_regression else 'surest'}",
        list(columns),
        list(zip(*columns.values(), strict=True)),
        num_text_columns=len(columns) - 1,
    )
