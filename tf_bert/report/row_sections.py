"""The section about predictions: what is confused, and how surely.

For the trials of one recipe, or for one training.
"""

from collections.abc import Sequence

import numpy as np

from tf_bert.report import row_numbers
from tf_bert.report.figures import row_figures
from tf_bert.report.page import Picture, Section, table_of
from tf_bert.report.row_numbers import ClassCurve
from tf_bert.report.task_results import TaskResults
from tf_bert.scoring.number_texts import number
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
        return "Left out: no scored examples are stored.", []
    if results.task.is_one_training:
        text = f"The {split} examples, as the chosen checkpoint predicts them."
    elif not results.has_recipes:
        text = f"The {split} examples in {counted(len(trials), 'trial')}."
    else:
        text = (
            f"The {split} examples in {counted(len(trials), 'trial')} of "
            f"{label}, the recipe with the highest mean on them."
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
    pictures, notes = [], []
    if trials and not label_names:
        pictures.append(_scatter(trials))
    elif trials:
        pictures.append(_confusion(trials, label_names))
        curves = row_numbers.class_curves(trials)
        if curves:
            pictures.append(_precision_recall(curves, trials, label_names))
        else:
            notes.append(
                "No precision-recall curve: all examples of this split are of "
                "one class."
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
    sizes = counts.sum(axis=1)
    cells = sorted(
        (-count, label, prediction)
        for (label, prediction), count in np.ndenumerate(counts)
        if count
    )[:_MAX_CONFUSIONS]
    return Picture(
        "confusion",
        "Confusion matrix",
        row_figures.confusion_matrix(counts, label_names),
        _confusion_caption(counts, label_names, num_trials=len(trials)),
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


def _confusion_caption(
    counts: np.ndarray, label_names: Sequence[str], *, num_trials: int
) -> str:
    sizes = counts.sum(axis=1)
    text = (
        "Each row is a true class, each column what it was taken for; right "
        "predictions are on the diagonal. The stronger the colour, the larger "
        "the share of the true class"
    )
    text += "; grey: a class without examples." if 0 in sizes else "."
    if num_trials > 1:
        text += f" The counts are the sum over {num_trials} trials."
    wrong = counts - np.diag(np.diag(counts))
    if not wrong.any():
        return f"{text} No example is wrong."
    label, prediction = np.unravel_index(wrong.argmax(), wrong.shape)
    most = wrong[label, prediction]
    return (
        f"{text} Most often {label_names[label]} is taken for "
        f"{label_names[prediction]}: {most} of {sizes[label]} times "
        f"({100 * most / sizes[label]:.0f} %)."
    )


def _precision_recall(
    curves: Sequence[ClassCurve],
    trials: Sequence[ScoredRows],
    label_names: Sequence[str],
) -> Picture:
    if len(label_names) == 2:
        curve = row_numbers.rarer_class(curves)
        figure = row_figures.one_class(curve)
        caption = _one_class_caption(curve, trials, label_names)
    else:
        figure = row_figures.hardest_classes(curves, label_names)
        caption = _classes_caption(curves, trials, label_names)
    return Picture(
        "precision-recall",
        "Precision against recall",
        figure,
        caption,
        table_of(
            "precision-recall",
            "Average precision of each class against the rest",
            curves,
            {
                "class": lambda x: label_names[x.class_id],
                "rows": lambda x: x.num_rows,
                "guessing": lambda x: number(x.base_rate),
                "average precision": lambda x: number(x.mean),
            },
        ),
    )


def _one_class_caption(
    curve: ClassCurve, trials: Sequence[ScoredRows], label_names: Sequence[str]
) -> str:
    spread = ""
    if len(trials) > 1:
        values = curve.average_precision
        spread = (
            f" ({values.min():.3f} to {values.max():.3f} over {len(trials)} "
            "trials)"
        )
    return (
        f"The class {label_names[curve.class_id]}, which {curve.num_rows} of "
        f"{len(trials[0].labels)} examples have, as the threshold on its "
        f"probability falls: its average precision is {curve.mean:.3f}"
        f"{spread}. Guessing has {curve.base_rate:.3f} (the dotted line)."
    )


def _classes_caption(
    curves: Sequence[ClassCurve],
    trials: Sequence[ScoredRows],
    label_names: Sequence[str],
) -> str:
    chosen = "every class, the hardest first"
    if len(curves) > row_figures.MAX_CURVES:
        chosen = (
            f"the {row_figures.MAX_CURVES} of {len(curves)} classes where it "
            "is lowest"
        )
    text = (
        "Each class against the rest, as the threshold on its probability "
        f"falls, with its average precision: {chosen}; and the mean over all "
        f"{len(curves)} classes (macro average, "
        f"{row_numbers.macro_average(curves):.3f})."
    )
    if len(trials) > 1:
        text += f" Each line is the mean over {len(trials)} trials."
    num_absent = len(label_names) - len(curves)
    if num_absent:
        text += (
            f" Left out, having no example here: {num_absent} of the "
            f"{len(label_names)} classes."
        )
    return text


def _scatter(trials: Sequence[ScoredRows]) -> Picture:
    errors = [np.abs(rows.predictions - rows.labels).mean() for rows in trials]
    which = over = ""
    if len(trials) > 1:
        which = f" in each of {len(trials)} trials"
        over = " over all trials"
    return Picture(
        "predictions",
        "Predicted against true scores",
        row_figures.predicted_against_true(trials),
        f"Every example{which}: the stronger the colour, the more of them. On "
        "the dashed line the predicted score is the true one. The mean "
        f"absolute error is {np.mean(errors):.3f}{over}.",
    )
