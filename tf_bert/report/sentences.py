"""What the trials of one task say, in plain words.

Nothing is claimed that the intervals do not carry: a difference whose
corrected p-value is above 5 % is called noise between seeds. A recipe that is
called best on the rows that made it so is said to be flattered by them, in
the same sentence.
"""

from collections.abc import Sequence

import numpy as np

from tf_bert.baselines import comparison as comparison_lib
from tf_bert.report.task_results import TaskResults
from tf_bert.scoring import number_texts, score_intervals
from tf_bert.system.plurals import counted
from tf_bert.trials.statistics import expected_scores, trial_columns
from tf_bert.trials.statistics.recipe_summary import RecipeSummary
from tf_bert.trials.statistics.recipe_tests import TEST_NAMES, Comparison

_LEVEL = 0.05


def summary(results: TaskResults) -> list[str]:
    """Returns the summary: what was run, which is best, is BERT worth it.

    Args:
        results: of one task.
    """
    sentences = [
        _what_was_run(results),
        best_recipe(results),
        failures(results),
        baselines(results),
        trials_advice(results),
        _caveat(results),
    ]
    return [sentence for sentence in sentences if sentence]


def _what_was_run(results: TaskResults) -> str:
    task = results.task
    text = (
        f"{counted(len(task.trials), 'trial')} of "
        f"{counted(len(task.recipes), 'recipe')} on {task.title}, compared by "
        f"{results.score_title}."
    )
    missing = sum(task.missing.values())
    if not missing:
        return text
    listed = "; ".join(f"{n} of {label}" for label, n in task.missing.items())
    return (
        f"{text} The sweep is not finished: {counted(missing, 'trial')} "
        f"still to come ({listed})."
    )


def best_recipe(results: TaskResults) -> str:
    """Says which recipe is best, by how much, and whether that is noise."""
    if results.best is None:
        return "No trial ended with a score: nothing can be compared."
    best = results.summary(results.best)
    if len(results.summaries) == 1:
        return f"{capital(results.metric_title)}: {_mean(best)}."
    text = (
        f"The highest mean has {best.label}, {flattered(results)}: "
        f"{_mean(best)}"
    )
    if results.best == results.baseline:
        rivals = [x for x in results.comparisons if x.difference is not None]
        if not rivals:
            return f"{text}; it is the baseline, and no other has a score yet."
        nearest = max(rivals, key=lambda x: x.difference)
        return (
            f"{text}; it is the baseline, and the next, {nearest.label}, "
            f"{_difference(nearest)}."
        )
    comparison = results.comparison(results.best)
    if comparison.difference is None:
        return f"{text}; the baseline {results.baseline} has no score yet."
    return f"{text}; it {_difference(comparison)}."


def flattered(results: TaskResults) -> str:
    """Says of the best recipe what was chosen on the rows it is scored on.

    Args:
        results: of one task.

    Returns:
        A clause to stand behind its name; "" where nothing was chosen.
    """
    split = results.task.split
    if len(results.summaries) > 1:
        with_it = ", with its checkpoints," * _has_chosen(results)
        return f"which these {split} rows chose{with_it} and so flatter"
    if _has_chosen(results):
        return f"whose checkpoints these {split} rows chose and so flatter"
    return ""


def _has_chosen(results: TaskResults) -> bool:
    """Whether the rows of the scores chose the checkpoints too."""
    if results.task.split == "test":
        return False
    return any(
        x.record["chosen"] != "last"
        or x.record["config"].get("early_stopping_patience")
        for x in results.task.trials
    )


def _mean(summary: RecipeSummary) -> str:
    if summary.std is None:
        return f"{summary.mean:.3f}, of one trial"
    return (
        f"{summary.mean:.3f}, with a standard deviation of {summary.std:.3f} "
        f"over {summary.num_trials} trials"
    )


def _difference(comparison: Comparison) -> str:
    """Puts a comparison behind the recipe's name."""
    gain = comparison.difference
    if abs(gain) < 1e-12:  # Rounding.
        return f"has the same mean as {comparison.baseline}"
    text = (
        f"is {abs(gain):.3f} {'below' if gain < 0 else 'above'} "
        f"{comparison.baseline}"
    )
    if comparison.interval is None:
        if min(comparison.num_trials, comparison.num_baseline_trials) < 2:
            return f"{text}; there are too few trials to tell that from noise"
        return (
            f"{text}; there is no test of it, for neither recipe's scores vary"
        )
    low, high = comparison.interval
    p = comparison.p_values["welch"].holm
    verdict = "more than" if p <= _LEVEL else "which may be"
    test = f"{TEST_NAMES['welch']}: p {number_texts.p_equals(p)}"
    corrected = ", corrected" if p != comparison.p_values["welch"].value else ""
    return (
        f"{text} (95 % interval {low:+.3f} to {high:+.3f}; {test}{corrected}), "
        f"{verdict} noise between seeds"
    )


def differences(results: TaskResults) -> str:
    """Says which recipes differ from the baseline by more than noise."""
    known = [x for x in results.comparisons if x.interval is not None]
    if not known:
        return (
            f"No recipe can be told from {results.baseline}: there are too few "
            "trials, or their scores do not vary."
        )
    clear = [x for x in known if x.p_values["welch"].holm <= _LEVEL]
    texts = []
    for word, sign in (("better", 1), ("worse", -1)):
        names = [x.label for x in clear if sign * x.difference > 0]
        if names:
            verb = "is" if len(names) == 1 else "are"
            texts.append(
                f"{listed(names)} {verb} {word} than {results.baseline} by "
                "more than noise between seeds."
            )
    if not clear:
        texts = [
            f"No recipe differs from {results.baseline} by more than noise "
            "between seeds."
        ]
    return f"{' '.join(texts)} (Welch's t at 5 %, after Holm's correction.)"


def failures(results: TaskResults) -> str:
    """Says how many trials came to nothing."""
    failed = [x for x in results.summaries if x.num_failed]
    total = sum(x.num_trials for x in results.summaries)
    if not failed:
        return f"None of {counted(total, 'trial')} failed." if total else ""
    text = (
        f"{sum(x.num_failed for x in failed)} of {counted(total, 'trial')} "
        "failed, that is, ended no better than guessing"
    )
    if len(results.summaries) == 1:
        return f"{text}."
    listed = "; ".join(
        f"{x.num_failed} of {x.num_trials} of {x.label}" for x in failed
    )
    return f"{text}: {listed}."


def baselines(results: TaskResults) -> str:
    """Says whether BERT is worth it beside the simple baselines."""
    task = results.task
    if task.baselines is None or results.best is None:
        return ""
    split = task.baselines["split"]
    model, by_split = list(task.baselines["models"].items())[-1]
    scores = by_split[split]
    rival = scores.get(task.metric)
    if split != task.split or rival is None:
        return ""
    best = results.summary(results.best)
    values = counted_values(results, results.best)
    title = comparison_lib.TITLES[model]
    of_recipe = f" of {best.label}" if len(results.summaries) > 1 else ""
    if clause := flattered(results):
        of_recipe += f", {clause},"
    text = f"{title} scores {rival:.3f}; {_beside(values, rival, of_recipe)}."
    interval = score_intervals.stored(scores, task.metric)
    if interval.ends is None:
        return (
            f"Whether BERT is worth it here is not clear: {text} There are "
            f"{interval.note} among these {split} rows to say within what the "
            "baseline's own score lies."
        )
    low, high = interval.ends
    if best.mean > high:
        return f"BERT is worth it here: {text}"
    if best.mean < low:
        return f"BERT is not worth it here: {text}"
    return (
        f"Whether BERT is worth it here is not clear: {text} With these "
        f"{split} rows the baseline's own score is only known to lie within "
        f"{low:.3f} to {high:.3f}."
    )


def _beside(values: np.ndarray, rival: float, of_recipe: str) -> str:
    """How trials compare with one score."""
    gain = values.mean() - rival
    place = f"{abs(gain):.3f} {'below' if gain < 0 else 'above'} it"
    if len(values) == 1:
        return f"the one trial{of_recipe} is {place}"
    beat = int(np.sum(values > rival))
    return (
        f"{beat} of {len(values)} trials{of_recipe} "
        f"{'is' if beat == 1 else 'are'} better, and their mean is {place}"
    )


def counted_values(results: TaskResults, label: str) -> np.ndarray:
    """float64 `[N]`: the scores of a recipe that count, in their order."""
    trials = results.recipe(label).counted(results.task.split)
    return np.array(list(trial_columns.counted_scores(trials).values()))


def trials_advice(results: TaskResults) -> str:
    """Says how many trials of the best recipe are worth it."""
    expected = results.expected.get(results.best or "")
    if expected is None:
        return ""
    advice = expected_scores.trials_advice(expected)
    if len(results.summaries) == 1:
        return advice
    return (
        f"With {results.best}, {flattered(results)}, "
        f"{advice[0].lower()}{advice[1:]}"
    )


def _caveat(results: TaskResults) -> str:
    if results.task.split == "test":
        return ""
    text = "There is no test split: the scores are of the validation rows"
    if not _has_chosen(results):
        return f"{text}."
    return (
        f"{text}, which chose the checkpoints too, so all of them are a "
        "little too good."
    )


def listed(names: Sequence[str]) -> str:
    """Returns names as a part of a sentence.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def capital(text: str) -> str:
    """Returns a text with a capital letter at its start.

    Example:
        >>> capital("test F1")
        'Test F1'
    """
    return text[0].upper() + text[1:]
