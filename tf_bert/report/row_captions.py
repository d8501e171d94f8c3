"""What stands under the pictures of `row_figures.py`, as plain sentences.

Each function takes what the one of its name there takes.
"""

from collections.abc import Sequence

import numpy as np

from tf_bert.report import row_numbers
from tf_bert.scoring.scored_rows import ScoredRows


def confusion_matrix(
    trials: Sequence[ScoredRows], label_names: Sequence[str]
) -> str:
    """Says how to read the matrix, and what is confused most."""
    counts = row_numbers.confusion_counts(trials, len(label_names))
    sizes = counts.sum(axis=1)
    text = (
        "Each row is a true class, each column what it was taken for; right "
        "predictions are on the diagonal. The stronger the colour, the larger "
        "the share of the true class"
    )
    text += "; grey: a class without rows." if 0 in sizes else "."
    if len(trials) > 1:
        text += f" The counts are the sum over {len(trials)} trials."
    wrong = counts - np.diag(np.diag(counts))
    if not wrong.any():
        return f"{text} No row is wrong."
    label, prediction = np.unravel_index(wrong.argmax(), wrong.shape)
    number = wrong[label, prediction]
    return (
        f"{text} Most often {label_names[label]} is taken for "
        f"{label_names[prediction]}: {number} of {sizes[label]} times "
        f"({100 * number / sizes[label]:.0f} %)."
    )


def precision_recall(
    trials: Sequence[ScoredRows], label_names: Sequence[str]
) -> str:
    """Says which classes are drawn, and what the numbers are."""
    curves = row_numbers.class_curves(trials)
    if not curves:
        return row_numbers.ONE_CLASS
    if len(label_names) == 2:
        return _of_two_classes(trials, label_names)
    chosen = "every class, the hardest first"
    if len(curves) > row_numbers.MAX_CURVES:
        chosen = (
            f"the {row_numbers.MAX_CURVES} of {len(curves)} classes where it "
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
            f" Left out, having no row here: {num_absent} of the "
            f"{len(label_names)} classes."
        )
    return text


def _of_two_classes(
    trials: Sequence[ScoredRows], label_names: Sequence[str]
) -> str:
    curve = row_numbers.curve_of_rarer_class(
        row_numbers.class_curves(trials), trials
    )
    spread = ""
    if len(trials) > 1:
        values = curve.average_precision
        spread = (
            f" ({values.min():.3f} to {values.max():.3f} over {len(trials)} "
            "trials)"
        )
    return (
        f"The class {label_names[curve.class_id]}, which {curve.num_rows} of "
        f"{len(trials[0].labels)} rows have, as the threshold on its "
        f"probability falls: its average precision is {curve.mean:.3f}"
        f"{spread}. Guessing has {curve.base_rate:.3f} (the dotted line)."
    )


def predicted_against_true(trials: Sequence[ScoredRows]) -> str:
    """Says what is drawn, and how far off the predictions are in the mean."""
    errors = [np.abs(rows.predictions - rows.labels).mean() for rows in trials]
    which = f" in each of {len(trials)} trials" if len(trials) > 1 else ""
    over = " over all trials" if len(trials) > 1 else ""
    return (
        f"Every row{which}: the stronger the colour, the more of them. On the "
        "dashed line the predicted score is the true one. The mean absolute "
        f"error is {np.mean(errors):.3f}{over}."
    )
