"""What the trials of one task say, in plain words.

Nothing is claimed that the intervals do not carry: a difference whose
corrected p-value is above 5 % is called noise between seeds. A recipe that is
called best on the rows that made it so is said to be chosen on them.
"""

from collections.abc import Sequence

import numpy as np

from tf_bert.report.task_results import TaskResults
from tf_bert.report.trials_content import TaskTrials
from tf_bert.scoring import number_texts, score_intervals
from tf_bert.system.plurals import counted
from tf_bert.trials.statistics import expected_scores
from tf_bert.trials.statistics.recipe_summary import RecipeSummary
from tf_bert.trials.statistics.recipe_tests import TEST_NAMES, Comparison

_LEVEL = 0.05

_ANOTHER_SEED = (
    "This is one training. Another seed may give another score, on small data "
    "a very different one: --mode=trials tells how different."
)


def summary(results: TaskResults) -> list[str]:
    """Returns the summary: what was run, which is best, is BERT worth it."""
    if results.task.is_one_training:
        sentences = _of_one_training(results)
    else:
        sentences = [
            _what_was_run(results),
            best_recipe(results),
            failures(results),
            baselines(results),
            trials_advice(results),
            _caveat(results),
        ]
    return [sentence for sentence in sentences if sentence]


def _of_one_training(results: TaskResults) -> list[str]:
    task = results.task
    (trial,) = task.trials
    record = trial.record
    if trial.is_running:
        return [
            f"The training has not ended: it has done {record['step']} steps, "
            "and this is what it has stored so far."
        ]
    if not trial.scores:
        error = record["error"]
        texts = [f"The training ended without a score: {error}."]
    else:
        num_examples = record.get("num_examples")
        on = f" on {num_examples} examples" if num_examples else ""
        texts = [
            f"Trained{on} for {record['step']} steps; the weights after step "
            f"{trial.scores['step']} are kept.",
            _score(results),
            baselines(results),
            _caveat(results),
        ]
    return [*texts, _still_to_come(task), _ANOTHER_SEED]


def _score(results: TaskResults) -> str:
    """The score of one training, on the rows that count."""
    task = results.task
    scores = task.trials[0].scores.get(task.split)
    if scores is None:
        return "There was no split to score it on."
    size = scores.get("num_examples")
    rows = f"{size or 'the'} {task.split} examples"
    score, interval = score_cells(scores, task.metric)
    known = f" (95 % interval: {interval})" if interval else ""
    return f"{capital(task.metric_title)} on {rows}: {score}{known}."


def score_cells(
    scores: dict[str, float | None], metric: str
) -> tuple[str, str]:
    """Returns the score of a metric, and its interval or why it has none."""
    interval = score_intervals.stored(scores, metric)
    if interval is None:
        text = ""
    else:
        text = interval.note or number_texts.interval(interval.ends)
    return number_texts.number(scores.get(metric)), text


def _what_was_run(results: TaskResults) -> str:
    task = results.task
    text = (
        f"{counted(len(task.trials), 'trial')} of "
        f"{counted(len(task.recipes), 'recipe')} on {task.title}, compared by "
        f"{results.score_title}."
    )
    return f"{text} {_still_to_come(task)}".strip()


def _still_to_come(task: TaskTrials) -> str:
    missing = sum(task.missing.values())
    if not missing:
        return ""
    by_recipe = "; ".join(f"{n} of {x}" for x, n in task.missing.items())
    return (
        f"The sweep is not finished: {counted(missing, 'trial')} still to come "
        f"({by_recipe})."
    )


def best_recipe(results: TaskResults) -> str:
    """Says which recipe is best, by how much, and whether that is noise."""
    if results.best is None:
        return "No trial ended with a score: nothing can be compared."
    best = results.summaries[results.best]
    if not results.has_recipes:
        return f"{capital(results.task.metric_title)}: {_mean(best)}."
    text = (
        f"{best.label} has the highest mean: {_mean(best)}. That is a little "
        f"too good, for the recipe was {flattered(results)}."
    )
    if results.best == results.baseline:
        rivals = [
            x for x in results.comparisons.values() if x.difference is not None
        ]
        if not rivals:
            return f"{text} It is the baseline; no other has a score yet."
        nearest = max(rivals, key=lambda x: x.difference)
        return (
            f"{text} It is the baseline; the next, {nearest.label}, "
            f"{_difference(nearest)}."
        )
    comparison = results.comparisons[results.best]
    if comparison.difference is None:
        return f"{text} The baseline {results.baseline} has no score yet."
    return f"{text} It {_difference(comparison)}."


def flattered(results: TaskResults) -> str:
    """Says what of the best recipe was chosen on the rows it is scored on.

    In words to stand behind its name; "" where nothing was chosen.
    """
    on = f"on these {results.task.split} examples"
    if results.has_recipes:
        with_it = ", with its checkpoints," * _has_chosen(results)
        return f"chosen{with_it} {on}"
    return f"with checkpoints chosen {on}" if _has_chosen(results) else ""


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
    text = f"is {_gap(gain)} {comparison.baseline}"
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


def _gap(gain: float) -> str:
    return f"{abs(gain):.3f} {'below' if gain < 0 else 'above'}"


def differences(results: TaskResults) -> str:
    """Says which recipes differ from the baseline by more than noise."""
    known = [x for x in results.comparisons.values() if x.interval is not None]
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
    failed = [x for x in results.summaries.values() if x.num_failed]
    total = sum(x.num_trials for x in results.summaries.values())
    if not failed:
        return f"None of {counted(total, 'trial')} failed." if total else ""
    text = (
        f"{sum(x.num_failed for x in failed)} of {counted(total, 'trial')} "
        "failed, that is, ended no better than guessing"
    )
    if not results.has_recipes:
        return f"{text}."
    by_recipe = "; ".join(
        f"{x.num_failed} of {x.num_trials} of {x.label}" for x in failed
    )
    return f"{text}: {by_recipe}."


def baselines(results: TaskResults) -> str:
    """Says whether BERT is worth it beside the simple baselines."""
    task = results.task
    if verdict := task.known.get("verdict"):
        return verdict  # A run has tested it on the single rows.
    rival = results.rival()
    if rival is None or results.best is None:
        return ""
    title, scores = rival
    score = scores[task.metric]
    best = results.summaries[results.best]
    of_recipe = f" of {best.label}" if results.has_recipes else ""
    if clause := flattered(results):
        of_recipe += f" ({clause})"
    values = results.scores(results.best)
    text = f"{title} scores {score:.3f}; {_beside(values, score, of_recipe)}."
    interval = score_intervals.stored(scores, task.metric)
    if interval.ends is None:
        return (
            f"Whether BERT is worth it here is not clear: {text} There are "
            f"{interval.note} among these {task.split} examples to say within "
            "what the baseline's own score lies."
        )
    low, high = interval.ends
    if best.mean > high:
        return f"BERT is worth it here: {text}"
    if best.mean < low:
        return f"BERT is not worth it here: {text}"
    return (
        f"Whether BERT is worth it here is not clear: {text} With these "
        f"{task.split} examples the baseline's own score is only known to lie "
        f"within {low:.3f} to {high:.3f}."
    )


def _beside(values: np.ndarray, rival: float, of_recipe: str) -> str:
    """How trials compare with one score."""
    place = f"{_gap(values.mean() - rival)} it"
    if len(values) == 1:
        return f"the one trial{of_recipe} is {place}"
    beat = int(np.sum(values > rival))
    return (
        f"{beat} of {len(values)} trials{of_recipe} "
        f"{'is' if beat == 1 else 'are'} better, and their mean is {place}"
    )


def trials_advice(results: TaskResults) -> str:
    """Says how many trials of the best recipe are worth it."""
    expected = results.expected.get(results.best or "")
    if expected is None:
        return ""
    advice = expected_scores.trials_advice(expected)
    if not results.has_recipes:
        return advice
    return (
        f"With {results.best} ({flattered(results)}), "
        f"{advice[0].lower()}{advice[1:]}"
    )


def _caveat(results: TaskResults) -> str:
    if results.task.split == "test" or results.best is None:
        return ""
    text = "There is no test split: the scores are of the validation examples"
    if not _has_chosen(results):
        return f"{text}."
    return (
        f"{text}, which chose the checkpoints too, so all of them are a "
        "little too good."
    )


def in_the_median(results: TaskResults) -> str:
    """Says what a number is that stands for all trials of a recipe."""
    if results.task.is_one_training:
        return ""
    return ", in the median over the trials"


def how_drawn(results: TaskResults) -> str:
    """Says what lines and bands are, and which recipes have room for them."""
    if results.task.is_one_training:
        return ""
    text = (
        " Lines are medians over the trials, bands reach from the lower to the "
        "upper quartile: a wide band is a recipe that depends on its seed."
    )
    num_shown, num_recipes = len(results.shown()), len(results.task.recipes)
    if num_shown == num_recipes:
        return text
    return (
        f"{text} Of {num_recipes} recipes the baseline and those with the "
        f"highest means are drawn, {num_shown} in all."
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
    """Returns a text with a capital letter at its start."""
    return text[0].upper() + text[1:]
