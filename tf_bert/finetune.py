"""The main path: fine-tunes BERT once, from files to a finished folder.

Read from the top: `fine_tune` is the whole run as a sequence of named calls.
"""

import contextlib
import time
from typing import Any

from absl import logging

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.data_name import TFDS_PREFIX
from tf_bert.runs import (
    build,
    model_card,
    predictions,
    recorded_onednn,
    run_folder,
    run_results,
    training_run,
)
from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.same_data import check_same
from tf_bert.runs.state.folder_state import FolderState
from tf_bert.runs.state.shared_state import SharedState
from tf_bert.system import file_io
from tf_bert.training import evaluate
from tf_bert.training.devices import agreed_stop, distribution, workers
from tf_bert.training.devices.workers import Workers


def fine_tune(config: Config) -> dict[str, Any]:
    """Trains, evaluates, compares with the baselines, saves.

    Given again, a run that was interrupted continues from its last saved
    state, and one that has ended returns its result.

    Args:
        config: with `mode` train.

    Returns:
        What `all_results.json` holds.

    Raises:
        ValueError, FileNotFoundError, FileExistsError: if a file, flag or
            checkpoint is wrong, or `output_dir` is in use; found before
            anything is trained or written.
    """
    with workers.joined(config) as team, contextlib.ExitStack() as lock:
        return _fine_tune(distribution.with_batch_size(config), team, lock)


def _fine_tune(
    config: Config, team: Workers, lock: contextlib.ExitStack
) -> dict[str, Any]:
    """The main path, which all workers take together.

    Args:
        config: with the batch size of all devices.
        team: of the workers.
        lock: keeps that of the folder to the end, once something is written.
    """
    # 1. The folder: new, to be continued, or finished already.
    start = time.time()
    folder = RunFolder(config.output_dir)
    results = team.by_chief(lambda: _finished_results(config, folder))
    if results is not None:
        return results

    # 2. Everything that can be wrong with files and flags is found here.
    record = team.by_chief(lambda: _record_of_rows(config, folder))
    run = build.build(
        config,
        begun=team.by_chief(lambda: folder.begun(config)),
        strategy=team.strategy,
        check_data=lambda data: check_same(team, config, data),
        record=record,
    )
    results = team.by_chief(lambda: _begin(config, run, folder, lock))
    if results is not None:
        return results

    # 3. Training, from step 0 or from the last saved state.
    state = SharedState(team, _folder_state(run, folder, team))
    progress = training_run.train(
        run, state, attended=lambda: agreed_stop.noted(team)
    )

    # 4. The chosen checkpoint, on every split.
    if progress.best_step and config.checkpoint_to_use == "best":
        state.load_best(run)
        chosen = progress.best_step
    else:
        run.use_scored_weights()
        chosen = progress.step
    logging.info("Using the weights after step %d.", chosen)
    evaluations = evaluate_splits(run)
    if config.predict_file:
        path = folder.join(run_folder.PREDICTIONS) if team.is_chief else None
        rows = predictions.open_rows(config, run.data.task)
        num_rows = predictions.write_predictions(run.classifier, rows, path)
        logging.info("Wrote %d predictions to %s.", num_rows, path)

    # 5. What follows from it, and everything that is kept.
    results = run_results.results_of(
        run, evaluations, num_steps=progress.step, chosen_step=chosen
    )
    runtime = {**_cost_of_recording(run), **_cost_of_saving(state)}
    return team.by_chief(
        lambda: _keep(
            run, folder, evaluations, results, runtime=runtime, start=start
        )
    )


def _finished_results(
    config: Config, folder: RunFolder
) -> dict[str, Any] | None:
    """Returns the results of a run that has ended; None if it is to go on.

    Raises:
        ValueError, OSError: if the folder may not be used for it.
    """
    folder.check_usable(config)
    if config.overwrite_output_dir or not folder.is_finished():
        folder.check_writable()
        return None
    _check_rows(config, _record_of_rows(config, folder))
    results = folder.read_json(run_folder.RESULTS)
    logging.info("%s holds this run, finished.", folder.path)
    if config.predict_file:
        logging.info("To predict more files with it: --mode=predict.")
    print(run_results.render(results))
    return results


def _check_rows(config: Config, record: dict[str, Any]) -> None:
    """Refuses a finished run whose data is another one now.

    Args:
        config: of the run.
        record: the content of its `splits.json`; that of an earlier version
            has no digests, with which nothing is compared.

    Raises:
        ChangedDataError: if it is.
    """
    digests = record.get("data")
    # The datasets of tensorflow-datasets have versions: nobody edits them.
    if not digests or digests["train"]["source"].startswith(TFDS_PREFIX):
        return
    try:
        run_data.load(config, run_data.get_task(config), record=record)
    except FileNotFoundError as error:
        logging.info("The data of the run is not there any more: %s", error)


def _record_of_rows(config: Config, folder: RunFolder) -> dict[str, Any]:
    """Returns what is written of the rows of a run that is to go on."""
    if config.overwrite_output_dir:
        return {}
    return folder.read_optional(run_folder.SPLITS)


def _begin(
    config: Config,
    run: build.Run,
    folder: RunFolder,
    lock: contextlib.ExitStack,
) -> dict[str, Any] | None:
    """Keeps other processes out, and writes what the run is.

    Returns:
        The results, if another process has ended this run meanwhile.
    """
    lock.enter_context(folder.locked())
    results = _finished_results(config, folder)
    if results is not None:
        return results
    recorded_onednn.say_which(run.config)
    folder.begin(run.config)
    if not folder.read_optional(run_folder.SPLITS):  # Once for all.
        record = run_data.record(run.config, run.data)
        folder.write_json(run_folder.SPLITS, record)
    return None


def _folder_state(
    run: build.Run, folder: RunFolder, team: Workers
) -> FolderState | None:
    """The state of the run; only the chief has one, for it makes files."""
    if not team.is_chief:
        return None
    return FolderState(
        folder,
        tensorboard=run.config.tensorboard,
        save_every_seconds=run.config.save_every_seconds,
    )


def _keep(
    run: build.Run,
    folder: RunFolder,
    evaluations: dict[str, evaluate.Evaluation],
    results: dict[str, Any],
    *,
    runtime: dict[str, Any],
    start: float,
) -> dict[str, Any]:
    """Sets BERT beside the simple baselines, and writes everything.

    The results come last, for they end the run.

    Args:
        run: with the chosen weights.
        folder: of the run.
        evaluations: split -> that with these weights.
        results: of `results_of`.
        runtime: what a clock decides.
        start: of the run, in seconds.

    Returns:
        The results, complete.
    """
    config = run.config
    if config.compare_baselines:
        results = results | run_results.compare_with_baselines(run, evaluations)
    run_results.save_scored_rows(
        evaluations, folder.join(run_folder.SCORED_ROWS)
    )
    run_results.save_model(run, folder)
    model_card.write_model_card(
        folder.join(run_folder.MODEL), config, run.data, results
    )
    results["runtime"] = {
        "seconds": round(time.time() - start, 1),
        **run_results.machine(),
        **runtime,
    }
    file_io.write_text(
        folder.join(run_folder.RESULTS_TEXT), run_results.flat_lines(results)
    )
    folder.write_json(run_folder.RESULTS, results)
    folder.remove_checkpoints()
    print(run_results.render(results))
    print(f"\nThe model is in {folder.join(run_folder.MODEL)}.")
    return results


def _cost_of_recording(run: build.Run) -> dict[str, float]:
    """Says how much of the training's time the recorder took."""
    share = None
    if run.recorder is not None:
        share = run.recorder.share_of_step_time()
    if share is None:
        return {}
    logging.info(
        "Recording the updates took %.1f %% of a step's time.", 100 * share
    )
    return {"recording_share_of_step_time": round(share, 4)}


def _cost_of_saving(state: SharedState) -> dict[str, float]:
    """Says how long the training waited for its states to be saved."""
    cost = state.cost()
    if "saving_share_of_step_time" in cost:
        logging.info(
            "Saving took %.1f %% of the steps' time: %.2f s in their way, and "
            "%.2f s beside them.",
            100 * cost["saving_share_of_step_time"],
            cost["saving_seconds"],
            cost["saving_seconds_beside"],
        )
    return cost


def evaluate_splits(run: build.Run) -> dict[str, evaluate.Evaluation]:
    """Evaluates the model on every split but the training data."""
    inference = run.classifier.inference
    positive = run.data.task.positive
    return {
        split: evaluate.evaluate(inference, tokens, positive=positive)
        for split, tokens in run.tokenized.items()
        if split != "train"
    }
