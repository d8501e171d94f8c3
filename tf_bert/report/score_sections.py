"""The section about the scores: statistics, and each trial as a dot."""

import numpy as np

from tf_bert.data.tasks.copies import copies_sentence
from tf_bert.report import sentences
from tf_bert.report.figures import trial_figures
from tf_bert.report.page import Picture, Section, Table, table_of
from tf_bert.report.task_results import TaskResults
from tf_bert.report.trials_content import TaskTrials, Trial
from tf_bert.scoring.metrics import REPORTED, title_of
from tf_bert.scoring.number_texts import interval, number
from tf_bert.trials.statistics import recipe_summary


def scores_section(results: TaskResults) -> Section:
    """The statistics of each recipe, and each trial as a dot."""
    task = results.task
    if task.is_one_training:
        return _of_one_training(task)
    notes = [
        note
        for summary in results.summaries.values()
        for note in recipe_summary.summary_notes(summary)
    ]
    return Section(
        "scores",
        "Scores of each recipe",
        f"The {results.score_title} of each trial's chosen checkpoint. "
        f"{sentences.failures(results)}".strip(),
        tables=(_summary_table(results), _failures_table(results)),
        pictures=_scores_pictures(results),
        notes=(
            *notes,
            *recipe_summary.failed_runs_notes([*results.summaries.values()]),
            "Failed: the last step is no better on validation than the most "
            "frequent class (Mosbach et al., 2021). Degenerate: the chosen "
            f"checkpoint is no better on {task.split} than the majority "
            "baseline (Zhang et al., 2021).",
            recipe_summary.OVER_SEEDS,
        ),
    )


def _of_one_training(task: TaskTrials) -> Section:
    (trial,) = task.trials
    splits = [x for x in ("validation", "test") if x in trial.scores]
    if not splits:
        text = "Left out: there is no split to score it on."
        if not trial.scores:
            text = "Left out: the training has not ended with a score."
        return Section("scores", "Scores", text)
    chosen = trial.record["chosen"]
    notes = ["The intervals come from the choice of the examples alone."]
    which = "last checkpoint"
    if chosen == "best":
        which = f"checkpoint with the best validation {task.metric_title}"
        notes.append(
            "The validation examples chose the checkpoint, so their scores are "
            "a little too good."
        )
    for split in splits:
        if known := trial.scores[split].get("num_in_train"):
            size = trial.scores[split]["num_examples"]
            notes.append(copies_sentence(known, size, split))
    return Section(
        "scores",
        "Scores",
        f"The scores of the {which}.",
        tables=(_metrics_table(task, splits),),
        notes=tuple(notes),
    )


def _metrics_table(task: TaskTrials, splits: list[str]) -> Table:
    """Every metric of one training on each split, with its interval."""
    scores = [task.trials[0].scores[split] for split in splits]
    header = ["metric"]
    for split, of_split in zip(splits, scores, strict=True):
        size = of_split.get("num_examples")
        header += [f"{split}, {size} examples" if size else split]
        header += [f"{split} interval"]
    return Table(
        "metrics",
        "Every metric, with its 95 % interval where it has one",
        header,
        [
            (
                title_of(metric, task.positive_label),
                *(
                    cell
                    for of_split in scores
                    for cell in sentences.score_cells(of_split, metric)
                ),
            )
            for metric in REPORTED
            if metric in scores[0]
        ],
    )


def _summary_table(results: TaskResults) -> Table:
    return table_of(
        "statistics",
        f"{sentences.capital(results.score_title)} over the trials; intervals "
        "are of 95 %, of the mean by Student's t, of the median by the "
        "percentile bootstrap",
        results.summaries.values(),
        {
            "recipe": lambda x: x.label,
            "trials": lambda x: x.num_trials,
            "mean": lambda x: number(x.mean),
            "standard deviation": lambda x: number(x.std),
            "interval of the mean": lambda x: interval(x.mean_interval),
            "median": lambda x: number(x.median),
            "interval of the median": lambda x: interval(x.median_interval),
            "quartiles": lambda x: interval(
                (x.lower_quartile, x.upper_quartile)
            ),
            "minimum": lambda x: number(x.minimum),
            "maximum": lambda x: number(x.maximum),
        },
    )


def _failures_table(results: TaskResults) -> Table:
    return table_of(
        "failed",
        "Trials that came to nothing",
        results.summaries.values(),
        {
            "recipe": lambda x: x.label,
            "trials": lambda x: x.num_trials,
            "failed": lambda x: x.num_failed,
            "degenerate": lambda x: x.num_degenerate,
            "diverged": lambda x: x.num_diverged,
            "constant predictions": lambda x: x.num_constant,
            "stopped by an error": lambda x: x.num_errors,
        },
    )


def _scores_pictures(results: TaskResults) -> tuple[Picture, ...]:
    values, failed = {}, {}
    for label, summary in results.summaries.items():
        if summary.num_trials:
            trials = results.recipe(label).counted(results.task.split)
            values[label] = results.scores(label)
            failed[label] = np.array(
                [x.is_failed for x in trials if x.status != "error"]
            )
    if not values:
        return ()
    picture = Picture(
        "scores",
        f"Every trial's {results.score_title}",
        trial_figures.scores_by_recipe(
            values,
            failed,
            metric_title=results.score_title,
            references=_references(results),
        ),
        "Each dot is a trial, a cross one that failed. A box reaches from the "
        "lower to the upper quartile, with the median as its line; whiskers "
        "reach to the last trial within 1.5 times its length.",
        _trials_table(results),
    )
    return (picture,)


def _references(results: TaskResults) -> dict[str, float]:
    task = results.task
    references = {}
    if task.majority is not None:
        name = "mean score" if task.is_regression else "majority class"
        references[name] = task.majority
    if rival := results.rival():
        references["TF-IDF baseline"] = rival[1][task.metric]
    return references


def _trials_table(results: TaskResults) -> Table:
    """Every trial, with what it ended as."""
    return table_of(
        "trials",
        f"Every trial; {results.task.metric_title} of the chosen checkpoint",
        [(x.label, trial) for x in results.task.recipes for trial in x.trials],
        {
            "recipe": lambda x: x[0],
            "head seed": lambda x: x[1].seeds[0],
            "data seed": lambda x: x[1].seeds[1],
            "dropout seed": lambda x: x[1].seeds[2],
            "status": lambda x: x[1].record["status"],
            "validation": lambda x: _score(x[1], "validation"),
            "test": lambda x: _score(x[1], "test"),
            "failed": lambda x: _yes_or_no(x[1].record["is_failed"]),
            "degenerate": lambda x: _yes_or_no(x[1].record["is_degenerate"]),
        },
    )


def _yes_or_no(flag: bool | None) -> str:
    """Of what nobody knows, nothing."""
    return "" if flag is None else "yes" if flag else "no"


def _score(trial: Trial, split: str) -> str:
    score = trial.counted(split).score
    return "" if score is None else number(score)
