"""Where the trials of a sweep are compared to stop some, and what is known.

No TensorFlow, unless the folder lies on `gs://`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from tf_bert.config import Config, durations
from tf_bert.config.early_stop import EarlyStop
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.trials.paused_trials import PausedTrials
from tf_bert.trials.planned_trials import Trial, recipes
from tf_bert.trials.scheduler import Agenda
from tf_bert.trials.sweep_data import SweepData
from tf_bert.trials.trial_folder import TrialFolder, read_history


def pause_step(early_stop: EarlyStop, recipe: Config, data: TaskData) -> int:
    """Returns the step at which the trials of a recipe are compared.

    Args:
        early_stop: that stops some of them.
        recipe: of `planned_trials.recipes`.
        data: of the recipe.

    Raises:
        ValueError: if they have no validation split, or no evaluation between
            that part of the training and its end.
    """
    if data.validation is None:
        raise ValueError(
            "Trials that are stopped early must have a validation split, on "
            f"which they are compared. Received: early_stop_trials="
            f"{early_stop}, validation_proportion="
            f"{recipe.validation_proportion}. Pass --validation_file or "
            "--validation_proportion, or leave out --early_stop_trials."
        )
    steps_per_epoch = -(-len(data.train) // recipe.train_batch_size)
    end = recipe.num_steps(steps_per_epoch)
    steps = durations.evaluation_steps(recipe, end, steps_per_epoch)
    step = early_stop.pause_step(steps)
    if step == end:
        listed = ", ".join(map(str, steps))
        raise ValueError(
            "Trials that are stopped early must have an evaluation after that "
            f"part of the training, and before its end. Received: "
            f"early_stop_trials={early_stop}, with evaluations after step "
            f"{listed} of {end}. Pass a larger --num_evaluations, or an "
            "earlier at: in --early_stop_trials."
        )
    return step


def make_agenda(
    config: Config,
    trials: Sequence[Trial],
    *,
    early_stop: EarlyStop | None,
    records: Mapping[str, dict[str, Any]],
    paused: PausedTrials,
    folder: TrialFolder,
    data: SweepData,
) -> Agenda:
    """Returns what is left to run, with the scores of what was run before.

    Args:
        config: of the sweep.
        trials: of its plan.
        early_stop: of `effective`.
        records: trial -> record, of those that have ended.
        paused: those that have paused.
        folder: with the histories of both.
        data: of the recipes.
    """
    places = {trial.name: place for place, trial in enumerate(trials)}
    left = [trial for trial in trials if trial.name not in records]
    if early_stop is None:
        return Agenda(left, places)
    steps = {
        label: pause_step(early_stop, recipe, data.of(recipe))
        for label, recipe in recipes(config).items()
    }
    scores: dict[str, dict[str, float]] = {label: {} for label in steps}
    for trial in trials:
        record = records.get(trial.name) or paused.record(trial.name)
        score = score_after(folder, record, steps[trial.recipe])
        if score is not None:
            scores[trial.recipe][trial.name] = score
    return Agenda(
        left,
        places,
        early_stop=early_stop,
        pause_steps=steps,
        scores=scores,
        paused={x.name for x in left if x.name in scores[x.recipe]},
    )


def effective(config: Config, trials: Sequence[Trial]) -> EarlyStop | None:
    """Returns what stops trials; None, with a warning, if that keeps all.

    Args:
        config: of the sweep.
        trials: of its plan.
    """
    if config.early_stop_trials is None:
        return None
    early_stop = EarlyStop.parse(config.early_stop_trials)
    # The seeds of all recipes are the same.
    number = len({tuple(trial.seeds.items()) for trial in trials})
    if number > early_stop.keep:
        return early_stop
    logging.warning(
        "No trial is stopped early: --early_stop_trials=%s keeps %d of a "
        "recipe, and it has %d.",
        early_stop,
        early_stop.keep,
        number,
    )
    return None


def score_after(
    folder: TrialFolder, record: dict[str, Any] | None, step: int
) -> float | None:
    """Returns the score that a trial had on validation after a step.

    Args:
        folder: of the sweep.
        record: of the trial, ended or paused; None if it is neither.
        step: of an evaluation.

    Returns:
        None if it has not got there, or had ended before.

    Raises:
        ValueError: if its history is damaged.
    """
    if record is None or "metric" not in record:
        return None
    history = read_history(folder.run_path(record["trial"]))
    found = [entry for entry in history if entry["step"] == step]
    if not found:
        return None
    return found[0]["validation"][record["metric"]]
