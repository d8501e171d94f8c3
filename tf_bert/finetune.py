"""The main path: fine-tunes BERT once, from files to a finished folder.

Read from the top: `fine_tune` is the whole run as a sequence of named calls.
"""

import contextlib
import platform
import time
from importlib import metadata
from typing import Any

from absl import logging

from tf_bert import (
    agreed_stop,
    build,
    comparison,
    gfile_io,
    model_card,
    onednn,
    parameter_table,
    predictions,
    recorded_onednn,
    run_data,
    run_folder,
    scored_rows,
    training_run,
)
from tf_bert.config import Config
from tf_bert.data import tokenizer_files
from tf_bert.data.task_spec import is_split
from tf_bert.folder_state import FolderState
from tf_bert.metrics import title_of
from tf_bert.run_folder import RunFolder
from tf_bert.same_data import check_same
from tf_bert.shared_state import SharedState
from tf_bert.training import distribution, evaluate, workers
from tf_bert.training.workers import Workers


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
    run = build.build(
        config,
        begun=team.by_chief(lambda: folder.begun(config)),
        strategy=team.strategy,
        check_data=lambda data: check_same(team, config, data),
    )
    results = team.by_chief(lambda: _begin(run, folder, lock))
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
        num_rows = predictions.write_predictions(run.classifier, config, path)
        logging.info("Wrote %d predictions to %s.", num_rows, path)

    # 5. What follows from it, and everything that is kept.
    results = results_of(
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
    results = folder.read_json(run_folder.RESULTS)
    logging.info("%s holds this run, finished.", folder.path)
    if config.predict_file:
        logging.info("To predict more files with it: --mode=predict.")
    print(render(results))
    return results


def _begin(
    run: build.Run, folder: RunFolder, lock: contextlib.ExitStack
) -> dict[str, Any] | None:
    """Keeps other processes out, and writes what the run is.

    Returns:
        The results, if another process has ended this run meanwhile.
    """
    lock.enter_context(folder.locked())
    results = _finished_results(run.config, folder)
    if results is not None:
        return results
    recorded_onednn.say_which(run.config)
    folder.begin(run.config)
    folder.write_json(run_folder.SPLITS, run_data.record(run.config, run.data))
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
        results = results | compare_with_baselines(run, evaluations)
    save_scored_rows(evaluations, folder.join(run_folder.SCORED_ROWS))
    save_model(run, folder)
    model_card.write_model_card(
        folder.join(run_folder.MODEL), config, run.data, results
    )
    results["runtime"] = {
        "seconds": round(time.time() - start, 1),
        **machine(),
        **runtime,
    }
    gfile_io.write_text(
        folder.join(run_folder.RESULTS_TEXT), flat_lines(results)
    )
    folder.write_json(run_folder.RESULTS, results)
    folder.remove_checkpoints()
    print(render(results))
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


def results_of(
    run: build.Run,
    evaluations: dict[str, evaluate.Evaluation],
    *,
    num_steps: int,
    chosen_step: int,
) -> dict[str, Any]:
    """Returns the scores on every split, and what the training was."""
    results: dict[str, Any] = {
        split: evaluation.with_intervals()
        for split, evaluation in evaluations.items()
    }
    if run.data.task.positive_label is not None:
        results["positive_label"] = run.data.task.positive_label
    results["train"] = {
        "num_examples": len(run.data.train),
        "num_steps": num_steps,
        "chosen_step": chosen_step,
        **parameter_table.count(run.classifier.model),
    }
    return results


def machine() -> dict[str, Any]:
    """Returns what of the machine a result may depend on."""
    names = ("tensorflow", "keras", "transformers", "numpy")
    return {
        "host": platform.node(),
        "onednn": onednn.is_on(),
        "versions": {name: metadata.version(name) for name in names},
    }


def evaluate_splits(run: build.Run) -> dict[str, evaluate.Evaluation]:
    """Evaluates the model on every split but the training data."""
    inference = run.classifier.inference
    positive = run.data.task.positive
    return {
        split: evaluate.evaluate(inference, tokens, positive=positive)
        for split, tokens in run.tokenized.items()
        if split != "train"
    }


def compare_with_baselines(
    run: build.Run, evaluations: dict[str, evaluate.Evaluation]
) -> dict[str, Any]:
    """Compares BERT with the simple baselines, on test if there is one.

    Returns:
        `baselines` (model -> split -> metric), `difference`, `verdict` and
        the rendered `comparison`; empty where there is nothing to compare on.
    """
    split = "test" if "test" in evaluations else "validation"
    if split not in evaluations:
        logging.warning(
            "No comparison with baselines: there is neither a test nor a "
            "validation split. Pass --test_file or --test_proportion=0.2."
        )
        return {}
    has_chosen = split == "validation" and _has_chosen(run.config)
    if has_chosen:
        logging.warning(
            "No test split: BERT is compared on validation, which chose its "
            "checkpoint, so its score is a little too good. Pass --test_file "
            "or --test_proportion=0.2."
        )
    result = comparison.compare(
        run.data.train,
        getattr(run.data, split),
        evaluations[split].predictions,
        split=split,
        task=run.data.task,
        has_chosen=has_chosen,
    )
    content = comparison.as_json(result)
    content.pop("bert")  # Stands under the split already.
    return {
        "difference": content.pop("difference"),
        "verdict": content.pop("verdict"),
        "baselines": {model: {split: m} for model, m in content.items()},
        "comparison": comparison.render(result),
    }


def _has_chosen(config: Config) -> bool:
    """Whether validation had a say in which weights are used."""
    is_best = config.checkpoint_to_use == "best"
    return is_best or config.early_stopping_patience > 0


def save_scored_rows(
    evaluations: dict[str, evaluate.Evaluation], path: str
) -> None:
    """Writes what the model says of every row that it was scored on."""
    rows = {split: e.scored_rows() for split, e in evaluations.items()}
    gfile_io.write_text(path, scored_rows.write(rows))


def save_model(run: build.Run, folder: RunFolder) -> None:
    """Writes the model and its tokenizer as a Hugging Face folder."""
    path = folder.join(run_folder.MODEL)
    model = run.classifier.model
    model.save_pretrained(path)
    tokenizer_files.write_tokenizer_files(
        path,
        run.classifier.tokenizer.settings,
        model_max_length=model.config.max_position_embeddings,
    )


def render(results: dict[str, Any]) -> str:
    """Returns the end of a run as text: the comparison, or the metrics."""
    if "comparison" in results:
        lines = ["", results["comparison"], *_further_splits(results)]
        return "\n".join(lines)
    lines = flat_lines({k: v for k, v in results.items() if k != "train"})
    return "\n" + (lines or "Trained; there was no split to evaluate on.")


def _further_splits(results: dict[str, Any]) -> list[str]:
    """One line for each split of a task beside its validation and test.

    They are told from these by an underscore, as `validation_mismatched`.
    """
    lines = []
    for split, scores in results.items():
        if is_split(split) and "_" in split:
            name = results["difference"]["metric"]
            low, high = scores[f"{name}_ci"]
            title = title_of(name, results.get("positive_label"))
            lines.append(
                f"\nOn the {scores['num_examples']} {split} rows BERT's "
                f"{title} is {scores[name]:.3f} "
                f"[{low:.3f}, {high:.3f}]."
            )
    return lines


def flat_lines(results: dict[str, Any]) -> str:
    """Returns sorted `split_metric = value` lines, numbers alone.

    And `positive_label = name` among them, where F1 is that of one class.
    """
    names = ["positive_label"] if "positive_label" in results else []
    lines = [f"{name} = {results[name]}" for name in names]
    lines += [
        f"{split}_{name} = {value}"
        for split in filter(is_split, results)
        for name, value in results[split].items()
        if isinstance(value, int | float)
    ]
    return "".join(line + "\n" for line in sorted(lines))
