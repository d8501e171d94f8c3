"""`--mode=trials`: every recipe with every seed, and what came of it.

Read from the top: `run_trials` is a sweep as a sequence of named calls.
"""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

from absl import logging

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.stored_rows import ChangedDataError
from tf_bert.runs import build, recorded_onednn, run_folder
from tf_bert.runs.starting_points import StartingPoints
from tf_bert.training.devices import distribution
from tf_bert.trials import positive_labels, summary_table
from tf_bert.trials.live_table import LiveTable
from tf_bert.trials.one_trial import TrialResult
from tf_bert.trials.planned_trials import (
    Job,
    Trial,
    planned_trials,
    recipes,
)
from tf_bert.trials.runners import local_runner
from tf_bert.trials.sweep_data import SweepData
from tf_bert.trials.trial_folder import TrialFolder
from tf_bert.trials.trial_record import score


def run_trials(config: Config) -> int:
    """Runs the trials that are not there yet.

    Given again, a sweep that was killed continues: what has finished is not
    run again; a trial that was under way, or ended in an error, starts over.
    More trials or recipes may be asked for; those that are there count.

    Returns:
        The exit status: 0, or 1 if a trial diverged or raised an error.

    Raises:
        ValueError, FileNotFoundError, FileExistsError: if a file, flag or
            checkpoint is wrong in any recipe, or `output_dir` is in use;
            found before anything is trained or written.
    """
    # 1. Everything that can be wrong with files and flags is found here.
    distribution.get_cluster(config)  # Refuses the workers of one run.
    folder = TrialFolder(config.output_dir)
    folder.check_usable(config)
    data, starts = SweepData(), _starting_points(folder, config)
    is_new = folder.begun(config) is None
    _check(config, data, starts, is_new=is_new)
    asked, config = config, positive_labels.settle(config, data, folder)
    trials = planned_trials(config)
    with _connected(config), folder.lock.held():
        # 2. The folder: new, or with trials that have finished. Another
        # process may have been at work there meanwhile.
        folder.check_usable(asked)
        _check_same_data(folder, config, data)
        recorded_onednn.say_which(config)
        folder.begin(config)
        starts.write()
        _write_data(folder, config, data)

        # 3. The trials that are left; each is stored as it ends.
        sweep = _Sweep(folder, config, trials, data, starts)
        sweep.run()

        # 4. The best model, and what came of all.
        records = sweep.planned_records()
        print(summary_table.render(records, baseline=config.baseline))
        sweep.publish_model()
    return _say_what_went_wrong(records)


def _connected(config: Config) -> contextlib.AbstractContextManager:
    if config.trial_runner == "local":
        return contextlib.nullcontext()
    from tf_bert.trials.runners import ray_cluster

    return ray_cluster.connected(config)


def _starting_points(folder: TrialFolder, config: Config) -> StartingPoints:
    """Returns the checkpoints of the trials that are there, errors aside."""
    if folder.begun(config) is None:
        return StartingPoints(folder, config)
    ended = [r for r in folder.read_records() if r["status"] != "error"]
    used = {r["config"].get("init_checkpoint") for r in ended}
    return StartingPoints(folder, config, used=used)


def _check(
    config: Config, data: SweepData, starts: StartingPoints, *, is_new: bool
) -> None:
    """Checks every recipe as `build` would, without a model."""
    for label, recipe in recipes(config).items():
        try:
            task_data = data.of(recipe)
            if task_data.validation is None and task_data.test is None:
                raise ValueError(
                    "There is no split that trials can be scored on. "
                    "Received: neither validation nor test. Pass "
                    "--validation_proportion=0.1, or a --test_file."
                )
            if is_new:
                run_data.check_is_used(recipe, task_data)
            build.check(starts.settle(recipe), task_data)
        except ValueError as error:
            if config.sweep is None:
                raise
            raise ValueError(f"In the recipe {label!r}: {error}") from error


def _check_same_data(
    folder: TrialFolder, config: Config, data: SweepData
) -> None:
    if config.overwrite_output_dir:
        return
    try:
        data.check(folder.read_optional(run_folder.DATA))
    except ChangedDataError as error:
        raise ValueError(
            "The data is not what this sweep began with. Received: "
            f"output_dir={folder.path}; {error.difference}. Restore the data, "
            "or pass another --output_dir."
        ) from error


def _write_data(folder: TrialFolder, config: Config, data: SweepData) -> None:
    known = folder.read_optional(run_folder.DATA)
    folder.write_json(run_folder.DATA, data.records() | known)
    if config.compare_baselines:
        known = folder.read_optional(run_folder.BASELINES)
        if not known.keys() >= data.records().keys():
            logging.info("Training the simple baselines.")
        folder.write_json(run_folder.BASELINES, known | data.baselines(known))


class _Sweep:
    """The trials of a command, and the folder that they are kept in."""

    def __init__(
        self,
        folder: TrialFolder,
        config: Config,
        trials: list[Trial],
        data: SweepData,
        starts: StartingPoints,
    ):
        self._folder = folder
        self._config = config
        self._data = data
        self._starts = starts
        self._trials = {trial.name: trial for trial in trials}
        self._places = {name: i for i, name in enumerate(self._trials)}
        self._records = {r["trial"]: r for r in folder.read_records()}
        self._left = [t for t in trials if not self._is_over(t.name)]

    def planned_records(self) -> list[dict[str, Any]]:
        """The records of the trials of this command, in its order."""
        return [
            self._records[name]
            for name in self._trials
            if name in self._records
        ]

    def run(self) -> None:
        """Runs what is left, and stores each as it ends."""
        over = [r for r in self.planned_records() if self._is_over(r["trial"])]
        if over:
            logging.info(
                "%d of %d trials have finished before.",
                len(over),
                len(self._trials),
            )
        self._write_lines()
        if not self._left:
            return
        table = LiveTable(list(self._trials.values()), over)
        # Closed at once: what runs for us ends, whatever is raised here.
        with table, contextlib.closing(self._results(table)) as results:
            for result in results:
                self._folder.write_trial(result.record, result.files)
                self._records[result.record["trial"]] = result.record
                self._write_lines()
                table.finish(result.record)

    def _is_over(self, name: str) -> bool:
        """Whether a trial need not be run: one with an error runs again."""
        record = self._records.get(name)
        return record is not None and record["status"] != "error"

    def _write_lines(self) -> None:
        """Brings up to date what is derived from the trials."""
        self._folder.write_lines(self._records.values())
        self._remove_models()

    def _results(self, table: LiveTable) -> Iterator[TrialResult]:
        if self._config.trial_runner == "ray":
            from tf_bert.trials.runners import ray_runner

            return ray_runner.run_on_ray(
                self._jobs(), table, config=self._config
            )
        number = self._config.num_parallel_trials
        if number == 1:
            return local_runner.run_here(self._jobs(), table)
        return local_runner.run_in_processes(
            self._jobs(),
            table,
            num_trials=len(self._left),
            num_processes=number,
        )

    def _jobs(self) -> Iterator[Job]:
        """What is left; which models are kept is said when each begins."""
        for trial in self._left:
            yield Job(
                trial,
                self._beats(trial),
                self._data.record_if_parted(trial.config),
                self._starts.settle(trial.config).init_checkpoint,
            )

    def _beats(self, trial: Trial) -> float | None:
        """What a trial's score must be above for its model to be kept."""
        if self._config.trials_save_model == "all":
            return None
        if self._config.trials_save_model == "none":
            return math.inf
        best = self._best()
        if best is None:
            return None
        # Of equal ones the first of the plan counts, in whatever order they
        # end.
        if self._places[trial.name] > self._places[best["trial"]]:
            return score(best)
        if score(best) == -math.inf:  # Without a validation split.
            return None
        return math.nextafter(score(best), -math.inf)

    def _best(self) -> dict[str, Any] | None:
        """The record of the trial whose model is the best of this command."""
        ended = [r for r in self.planned_records() if r["status"] == "ok"]
        return max(ended, key=score, default=None)  # The first of equals.

    def _remove_models(self) -> None:
        """Removes models that are not the best any more."""
        if self._config.trials_save_model != "best":
            return
        best = self._best()
        for name in self._records:
            if best is None or name != best["trial"]:
                self._folder.remove_model(name)

    def publish_model(self) -> None:
        """Copies the best model to `model/`."""
        best = self._best()
        if self._config.trials_save_model == "none" or best is None:
            return
        seeds = "/".join(map(str, best["seeds"].values()))
        records = self.planned_records()
        remark = (
            f"## One of several\n\nIt is the best of {len(records)} trials "
            f"on the validation examples ({best['recipe']}, seeds {seeds}), so "
            "its score there is too good. `trials.jsonl` of the sweep has "
            "them all."
        )
        if self._folder.publish_model(best["trial"], remark):
            print(
                "\nThe model of the best trial is in "
                f"{self._folder.join(run_folder.MODEL)}; for --mode=predict, "
                "evaluate and export its run is in "
                f"{self._folder.run_path(best['trial'])}."
            )
        else:
            logging.warning(
                "The model of the best trial (%s, seeds %s) was not kept when "
                "it was trained: train it alone by --mode=train.",
                best["recipe"],
                seeds,
            )


def _say_what_went_wrong(records: list[dict[str, Any]]) -> int:
    """Logs each trial that diverged or raised; returns the exit status."""
    wrong = [r for r in records if r["status"] in ("diverged", "error")]
    for record in wrong:
        logging.warning(
            "Trial %s (%s, seeds %s): %s: %s",
            record["trial"],
            record["recipe"],
            "/".join(map(str, record["seeds"].values())),
            record["status"],
            record["error"],
        )
    if any(record["status"] == "error" for record in wrong):
        logging.warning(
            "Give the command again to run the trials that ended in an error "
            "again."
        )
    return int(bool(wrong))
