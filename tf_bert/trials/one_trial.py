"""Running one trial: a training, and its scores on every split."""

import dataclasses
import gc
import pathlib
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

from absl import logging

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.runs import (
    build,
    restart,
    run_folder,
    run_results,
    training_run,
)
from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.state import checkpointing
from tf_bert.runs.state.progress import Progress, history_lines
from tf_bert.runs.state.run_checkpoints import MemoryCheckpoints
from tf_bert.system import log_level
from tf_bert.training.evaluate import TrainingDiverged
from tf_bert.training.progress_bar import ProgressBar
from tf_bert.trials import trial_record as records
from tf_bert.trials.planned_trials import Job
from tf_bert.trials.trial_record import Evaluations


@dataclasses.dataclass(frozen=True)
class TrialResult:
    """What a trial leaves: its record, and files below its folder."""

    record: dict[str, Any]
    files: dict[str, bytes]


class Workbench:
    """Runs one trial after another in one process.

    What trials share is built once: data, tokens, model, optimizer and their
    traces. A trial that differs in more replaces it: see `restart.can_restart`.
    """

    def __init__(self):
        self._run: build.Run | None = None

    # What a training says of itself, all of them would say.
    @log_level.warnings_alone()
    def run_trial(
        self, job: Job, *, make_bar: Callable[[int, int], ProgressBar]
    ) -> TrialResult:
        """Trains and evaluates. What goes wrong becomes part of the result."""
        start, before = time.monotonic(), 0.0
        run: build.Run | None = None
        state = MemoryCheckpoints()
        fields: dict[str, Any] = {}
        files: dict[str, bytes] = {}
        try:
            run = self._prepare(job.config, job.record)
            before = _seconds_in_steps(run)
            fields = records.of_run(run)
            progress = training_run.train(run, state, make_bar=make_bar)
            evaluations = _evaluations(run, state, progress)
            fields |= records.of_scores(run, progress, evaluations)
            used = evaluations[fields["chosen"]]
            files = _files(run, used)
            if job.beats is None or records.score(fields) > job.beats:
                files |= _run_files(run, used, fields)
        except TrainingDiverged as error:
            fields |= records.of_failure(
                error, state.progress, has_diverged=True
            )
        # A trial must not end the others, and anything may go wrong in one:
        # it is written down, and the exit status of the sweep says so.
        except Exception as error:
            logging.debug("%s", traceback.format_exc())
            fields |= records.of_failure(
                error, state.progress, has_diverged=False
            )
            self._run = None  # In what state it was left, nobody knows.
        files["history.jsonl"] = history_lines(state.progress).encode()
        seconds = time.monotonic() - start
        in_steps = 0.0 if run is None else _seconds_in_steps(run) - before
        record = {
            "trial": job.trial.name,
            "recipe": job.trial.recipe,
            "config": job.trial.configuration,
            "seeds": job.trial.seeds,
            "status": "ok",
            "error": None,
            **fields,
            "runtime": {
                "seconds": round(seconds, 3),
                "seconds_outside_steps": round(seconds - in_steps, 3),
                **run_results.machine(),
            },
        }
        return TrialResult(record, files)

    def _prepare(
        self, config: Config, record: dict[str, Any] | None
    ) -> build.Run:
        if self._run is not None and restart.can_restart(self._run, config):
            self._run = restart.restart(self._run, config)
        else:
            # Model, moments and traces refer to each other in circles; two
            # sets of them need not fit into memory.
            self._run = None
            gc.collect()
            self._run = build.build(
                config, build.read_data(config, record=record)
            )
        return self._run


def _seconds_in_steps(run: build.Run) -> float:
    return run.loop.seconds + run.classifier.inference.seconds


def _evaluations(
    run: build.Run, state: MemoryCheckpoints, progress: Progress
) -> dict[str, Evaluations]:
    """Evaluates the last and the best weights on what is not validation.

    The model is left with the weights that are used. On validation they were
    evaluated before.
    """
    known = ("train", "validation")
    run.use_scored_weights()
    tested = {"last": training_run.evaluate_splits(run, without=known)}
    if progress.best_step not in (None, progress.step):
        weights = run.classifier.model.weights_by_path()
        last = checkpointing.snapshot(weights)
        state.load_best(run)
        tested["best"] = training_run.evaluate_splits(run, without=known)
        if run.config.checkpoint_to_use == "last":
            for name, variable in weights.items():
                variable.assign(last[name])
    on_validation = {"last": state.last, "best": state.best}
    return {
        which: ({} if result is None else {"validation": result})
        | tested.get(which, tested["last"])
        for which, result in on_validation.items()
    }


def _files(run: build.Run, evaluations: Evaluations) -> dict[str, bytes]:
    """What is kept beside the record of a trial."""
    text = run_results.scored_rows_text(evaluations)
    files = {run_folder.SCORED_ROWS: text.encode()}
    if run.recorder is not None:
        files[run_folder.UPDATES] = run.recorder.log.to_bytes()
    return files


def _run_files(
    run: build.Run, evaluations: Evaluations, fields: dict[str, Any]
) -> dict[str, bytes]:
    """What makes the trial's folder that of a finished run, for all modes."""
    results = run_results.results_of(
        run,
        evaluations,
        num_steps=fields["step"],
        chosen_step=fields[fields["chosen"]]["step"],
    )
    with tempfile.TemporaryDirectory() as path:
        folder = RunFolder(path)
        folder.begin(run.config)
        folder.write_json(
            run_folder.SPLITS, run_data.record(run.config, run.data)
        )
        run_results.save_model(run, folder, results)
        folder.write_json(run_folder.RESULTS, results)
        return {
            str(file.relative_to(path)): file.read_bytes()
            for file in sorted(pathlib.Path(path).rglob("*"))
            if file.is_file()
        }
