"""`--mode=trials`: every recipe with every seed, and what came of it.

Read from the top: `run_trials` is a sweep as a sequence of named calls.
"""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

from absl import logging

from tf_bert import build, run_folder
from tf_bert.config import Config
from tf_bert.training import distribution
from tf_bert.trials import local_runner, summary_table
from tf_bert.trials.live_table import LiveTable
from tf_bert.trials.one_trial import TrialResult
from tf_bert.trials.plan import Trial, planned_trials, recipes
from tf_bert.trials.record import score
from tf_bert.trials.sweep_data import SweepData
from tf_bert.trials.trial_folder import TrialFolder

_ALL_ENDED_WELL, _SOME_DID_NOT = 0, 1


def run_trials(config: Config) -> int:
    """Runs the trials that are not there yet.

    Given again, a sweep that was killed continues: what has finished is not
    run again, and a trial that was under way starts over. More trials or
    recipes may be asked for; those that are there count.

    Args:
        config: with mode trials.

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
    trials = planned_trials(config)
    data = SweepData()
    _check(config, data)
    with _runner_ready(config), folder.locked():
        # 2. The folder: new, or with trials that have finished.
        _check_same_data(folder, config, data)
        folder.begin(config)
        _write_data(folder, config, data)

        # 3. The trials that are left; each is stored as it ends.
        sweep = _Sweep(folder, config, trials)
        sweep.run()

        # 4. The best model, and what came of all.
        records = sweep.planned_records()
        print(summary_table.render(records, baseline=config.baseline))
        sweep.publish_model()
    return _exit_status(folder, records)


def _check(config: Config, data: SweepData) -> None:
    """Checks every recipe as `build` would, without a model."""
    for label, recipe in recipes(config).items():
        try:
            task_data = data.of(recipe)
            if task_data.validation is None and task_data.test is None:
                raise ValueError(
                    "Trials must have a split that they are scored on. "
                    "Received: neither validation nor test. Pass "
                    "--validation_proportion=0.1, or a --test_file."
                )
            build.check(recipe, task_data)
        except ValueError as error:
            if config.sweep is None:
                raise
            raise ValueError(f"In the recipe {label!r}: {error}") from error


def _runner_ready(config: Config) -> contextlib.AbstractContextManager:
    """What the runner needs for as long as trials run."""
    if config.trial_runner != "ray":
        return contextlib.nullcontext()
    from tf_bert.trials import ray_cluster

    return ray_cluster.connected(config)


def _check_same_data(
    folder: TrialFolder, config: Config, data: SweepData
) -> None:
    if config.overwrite_output_dir:
        return
    known = folder.read_optional(run_folder.DATA)
    for key, digest in data.digests().items():
        if known.get(key, digest) != digest:
            raise ValueError(
                "A sweep must be continued on the data that it began with. "
                f"Received: output_dir={folder.path}, whose data was another. "
                "Restore the files, or pass another --output_dir."
            )


def _write_data(folder: TrialFolder, config: Config, data: SweepData) -> None:
    """Writes what tells the data again, and scores the simple baselines."""
    known = folder.read_optional(run_folder.DATA)
    folder.write_json(run_folder.DATA, known | data.digests())
    if config.compare_baselines:
        known = folder.read_optional(run_folder.BASELINES)
        if not known.keys() >= data.digests().keys():
            logging.info("Training the simple baselines.")
        folder.write_json(run_folder.BASELINES, known | data.baselines(known))


class _Sweep:
    """The trials of a command, and the folder that they are kept in."""

    def __init__(
        self, folder: TrialFolder, config: Config, trials: list[Trial]
    ):
        self._folder = folder
        self._config = config
        self._trials = trials
        self._places = {trial.name: i for i, trial in enumerate(trials)}
        self._records = {r["trial"]: r for r in folder.read_records()}

    def planned_records(self) -> list[dict[str, Any]]:
        """The records of the trials of this command, in its order."""
        return [
            self._records[trial.name]
            for trial in self._trials
            if trial.name in self._records
        ]

    def run(self) -> None:
        """Runs what is left, and stores each as it ends."""
        left = [t for t in self._trials if t.name not in self._records]
        finished = len(self._trials) - len(left)
        if finished:
            logging.info(
                "%d of %d trials have finished before.",
                finished,
                len(self._trials),
            )
        self._folder.write_lines(self._records.values())
        self._remove_models()
        if not left:
            return
        table = LiveTable(self._trials, list(self._records.values()))
        # Closed at once: what runs for us ends, whatever is raised here.
        with (
            table,
            contextlib.closing(self._results(left, table)) as results,
        ):
            for result in results:
                self._store(result)
                table.finish(result.record)

    def _results(
        self, left: list[Trial], table: LiveTable
    ) -> Iterator[TrialResult]:
        if self._config.trial_runner == "ray":
            from tf_bert.trials import ray_runner

            return ray_runner.run_on_ray(
                left, self._beats, table, config=self._config
            )
        number = self._config.num_parallel_trials
        if number == 1:
            return local_runner.run_here(left, self._beats, table)
        return local_runner.run_in_processes(
            left, self._beats, table, num_processes=number
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

    def _store(self, result: TrialResult) -> None:
        self._folder.write_trial(result.record, result.files)
        self._records[result.record["trial"]] = result.record
        self._folder.write_lines(self._records.values())
        self._remove_models()

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
        number = len(self.planned_records())
        remark = (
            f"## One of several\n\nIt is the best of {number} trials on the "
            f"validation rows ({best['recipe']}, seeds {seeds}), so its score "
            "there is too good. `trials.jsonl` of the sweep has them all."
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


def _exit_status(folder: TrialFolder, records: list[dict[str, Any]]) -> int:
    wrong = [r for r in records if r["status"] != "ok"]
    for record in wrong:
        logging.warning(
            "Trial %s (%s, seeds %s): %s: %s",
            record["trial"],
            record["recipe"],
            "/".join(map(str, record["seeds"].values())),
            record["status"],
            record["error"],
        )
    if not wrong:
        return _ALL_ENDED_WELL
    logging.warning(
        "To run such a trial again, remove its file in %s and give the "
        "command again.",
        folder.join(run_folder.TRIALS),
    )
    return _SOME_DID_NOT
