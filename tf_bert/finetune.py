"""The main path: fine-tunes BERT once, from files to a finished folder.

Read from the top: `fine_tune` is the whole run as a sequence of named calls.
"""

import contextlib
import dataclasses
import errno
import json
import math
import os
import platform
import time
from importlib import metadata
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tf_bert import (
    build,
    comparison,
    gfile_io,
    model_card,
    predictions,
    run_data,
    run_folder,
)
from tf_bert.config import Config
from tf_bert.data import tokenizer_files
from tf_bert.data.task_spec import is_split
from tf_bert.run_folder import RunFolder
from tf_bert.training import checkpointing, distribution, evaluate
from tf_bert.training.loop import TrainingLoop
from tf_bert.training.progress import ProgressBar


def fine_tune(config: Config) -> dict[str, Any]:
    """Trains, evaluates, compares with the baselines, saves.

    Given again, a run that was interrupted continues from its last
    evaluation, and one that has ended returns its result.

    Args:
        config: with `mode` train.

    Returns:
        What `all_results.json` holds.

    Raises:
        ValueError, FileNotFoundError, FileExistsError: if a file, flag or
            checkpoint is wrong, or `output_dir` is in use; found before
            anything is trained or written.
    """
    # 1. The folder: new, to be continued, or finished already.
    config = distribution.with_batch_size(config)
    folder = RunFolder(config.output_dir)
    folder.check_usable(config)
    if folder.is_finished() and not config.overwrite_output_dir:
        results = folder.read_json(run_folder.RESULTS)
        logging.info("%s holds this run, finished.", folder.path)
        if config.predict_file:
            logging.info("To predict more files with it: --mode=predict.")
        print(render(results))
        return results

    # 2. Everything that can be wrong with files and flags is found here.
    folder.check_writable()
    start = time.time()
    run = build.build(config)
    folder.begin(config)
    folder.write_json(run_folder.SPLITS, run_data.record(config, run.data))

    # 3. Training, from step 0 or from the last evaluation.
    progress = train(run, folder)

    # 4. The chosen checkpoint, on every split.
    if progress.best_step and config.checkpoint_to_use == "best":
        checkpointing.load_arrays(
            folder.join(run_folder.CHECKPOINTS, checkpointing.BEST_FILE),
            run.classifier.model.weights_by_path(),
        )
        chosen = progress.best_step
    else:
        chosen = progress.step
    logging.info("Using the weights after step %d.", chosen)
    evaluations = evaluate_splits(run)

    # 5. BERT beside the simple baselines, and what follows from it.
    results = {
        split: evaluation.with_intervals()
        for split, evaluation in evaluations.items()
    }
    results["train"] = {
        "num_examples": len(run.data.train),
        "num_steps": progress.step,
        "chosen_step": chosen,
    }
    if config.compare_baselines:
        results |= compare_with_baselines(run, evaluations)

    # 6. Everything that is kept; the results last, for they end the run.
    save_model(run, folder)
    model_card.write_model_card(
        folder.join(run_folder.MODEL), config, run.data, results
    )
    if config.predict_file:
        predictions.write_predictions(
            run.classifier, config, folder.join(run_folder.PREDICTIONS)
        )
    results["runtime"] = {
        "seconds": round(time.time() - start, 1),
        "host": platform.node(),
        "versions": {
            name: metadata.version(name)
            for name in ("tensorflow", "keras", "transformers", "numpy")
        },
    }
    gfile_io.write_text(
        folder.join(run_folder.RESULTS_TEXT), flat_lines(results)
    )
    folder.write_json(run_folder.RESULTS, results)
    folder.remove_checkpoints()
    print(render(results))
    print(f"\nThe model is in {folder.join(run_folder.MODEL)}.")
    return results


@dataclasses.dataclass
class Progress:
    """How far a training is; saved with the state.

    Attributes:
        step: steps done.
        best_step: after which validation was best; None before the first
            evaluation or without a validation split.
        best_value: the task's metric then.
        num_without_gain: evaluations since then.
        history: one entry per evaluation.
        data_digest: of the training data.
    """

    step: int = 0
    best_step: int | None = None
    best_value: float | None = None
    num_without_gain: int = 0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    data_digest: int = 0


def train(run: build.Run, folder: RunFolder) -> Progress:
    """Trains to the end, or until early stopping; evaluates and saves between.

    Args:
        run: of `build.build`.
        folder: whose state, if there is one, is continued.

    Returns:
        The progress at the end. The model holds the last weights.
    """
    config, classifier = run.config, run.classifier
    progress = _resume(run, folder)
    loop = TrainingLoop(
        classifier.model,
        run.optimizer,
        classifier.strategy,
        max_grad_norm=config.max_grad_norm,
        trained_words=run.trained_words,
    )
    dataset = run.training_dataset(progress.step)
    iterator = iter(
        classifier.strategy.distribute_datasets_from_function(lambda _: dataset)
    )
    one = tf.constant(1)
    losses = []
    patience = config.early_stopping_patience
    with (
        contextlib.closing(
            ProgressBar(run.plan.num_steps, progress.step)
        ) as bar,
        _summary_writer(run, folder).as_default(),
    ):
        for step in range(progress.step + 1, run.plan.num_steps + 1):
            if patience and progress.num_without_gain >= patience:
                bar.write(f"Stopped early after step {progress.step}.")
                break
            loss = float(loop.train_steps(iterator, one))
            if not math.isfinite(loss):
                raise ValueError(
                    "The training loss must be finite. Received: "
                    f"loss={loss} at step {step}; the training diverged. "
                    "Lower --learning_rate, with --overwrite_output_dir."
                )
            losses.append(loss)
            bar.update(1, int(run.plan.num_examples[step - 1]), loss)
            if step in run.evaluation_steps:
                _write_back_words(run, progress.step, step)
                progress.step = step
                _evaluate(run, progress, sum(losses) / len(losses), bar)
                _save(run, folder, progress)
                losses = []
    return progress


def evaluate_splits(run: build.Run) -> dict[str, evaluate.Evaluation]:
    """Evaluates the model on every split but the training data."""
    inference = run.classifier.inference
    return {
        split: evaluate.evaluate(inference, tokens)
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
    if split == "validation" and _has_chosen(run.config):
        logging.warning(
            "No test split: BERT is compared on validation, which chose its "
            "checkpoint, so its score is a little too good. Pass --test_file "
            "or --test_proportion=0.2."
        )
    task = run.data.task
    result = comparison.compare(
        run.data.train,
        getattr(run.data, split),
        evaluations[split].predictions,
        split=split,
        label_names=task.label_names,
        metric=task.metric,
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
        return "\n" + results["comparison"]
    lines = flat_lines({k: v for k, v in results.items() if k != "train"})
    return "\n" + (lines or "Trained; there was no split to evaluate on.")


def flat_lines(results: dict[str, Any]) -> str:
    """Returns sorted `split_metric = value` lines, numbers alone."""
    lines = [
        f"{split}_{name} = {value}"
        for split in filter(is_split, results)
        for name, value in results[split].items()
        if isinstance(value, int | float)
    ]
    return "".join(line + "\n" for line in sorted(lines))


def _resume(run: build.Run, folder: RunFolder) -> Progress:
    """Loads the state of an interrupted run, or starts at step 0."""
    path = folder.join(run_folder.CHECKPOINTS, checkpointing.STATE_FILE)
    digest = run.data_digest()
    if not gfile_io.exists(path):
        return Progress(data_digest=digest)

    def check(progress: dict[str, Any]) -> None:
        if progress["data_digest"] != digest:
            raise ValueError(
                "A run must be continued on the data that it began with. "
                f"Received: output_dir={folder.path}, whose training data was "
                "another. Restore the files, or pass --overwrite_output_dir "
                "to start over."
            )

    state = checkpointing.load_arrays(path, run.state(), check=check)
    run.trained_words.read()
    progress = Progress(**state)
    logging.info("Continuing after step %d.", progress.step)
    return progress


def _write_back_words(run: build.Run, first_step: int, step: int) -> None:
    """Brings the model's word embeddings up to date after some steps."""
    decay = run.optimizer.decay_rate(run.trained_words.rows)
    rates = run.learning_rates[first_step:step].astype(np.float64)
    run.trained_words.write_back(np.prod(1 - rates * decay))


def _evaluate(
    run: build.Run, progress: Progress, train_loss: float, bar: ProgressBar
) -> None:
    """Evaluates on validation, if there is one, and updates the progress."""
    step = progress.step
    entry: dict[str, Any] = {
        "step": step,
        "epoch": step / run.plan.steps_per_epoch,
        "learning_rate": float(run.learning_rates[step - 1]),
        "train_loss": train_loss,
    }
    line = f"step {step}: train loss {train_loss:.4f}"
    if "validation" in run.tokenized:
        result = evaluate.evaluate(
            run.classifier.inference, run.tokenized["validation"]
        ).metrics
        name = run.data.task.metric
        entry["validation"] = result
        line += (
            f", validation loss {result['loss']:.4f}, {name} {result[name]:.4f}"
        )
        progress.num_without_gain += 1
        # The first of equally good ones, so that the choice is definite.
        if progress.best_step is None or result[name] > progress.best_value:
            progress.best_step = step
            progress.best_value = result[name]
            progress.num_without_gain = 0
    progress.history.append(entry)
    bar.write(line)


def _save(run: build.Run, folder: RunFolder, progress: Progress) -> None:
    """Saves the state, and beside it what people look at."""
    checkpoints = folder.join(run_folder.CHECKPOINTS)
    # Best before state: a state never speaks of a file that is not there. If
    # a run dies in between, its continuation writes the same best again.
    if progress.best_step == progress.step:
        checkpointing.save_arrays(
            f"{checkpoints}/{checkpointing.BEST_FILE}",
            run.classifier.model.weights_by_path(),
        )
    checkpointing.save_arrays(
        f"{checkpoints}/{checkpointing.STATE_FILE}",
        run.state(),
        dataclasses.asdict(progress),
    )
    lines = [json.dumps(entry, sort_keys=True) for entry in progress.history]
    gfile_io.write_text(
        folder.join(run_folder.HISTORY), "".join(f"{x}\n" for x in lines)
    )
    _write_summaries(progress.history[-1], folder.join(run_folder.TENSORBOARD))


def _summary_writer(run: build.Run, folder: RunFolder):
    if not run.config.tensorboard:
        return tf.summary.create_noop_writer()
    return tf.summary.create_file_writer(folder.join(run_folder.TENSORBOARD))


def _write_summaries(entry: dict[str, Any], path: str) -> None:
    """Writes an entry of the history to the summary writer in force.

    Args:
        entry: of the history.
        path: folder of the writer.

    Raises:
        OSError: if the disk is full.
    """
    step = entry["step"]
    try:
        tf.summary.scalar("train/loss", entry["train_loss"], step)
        tf.summary.scalar("train/learning_rate", entry["learning_rate"], step)
        for name, value in entry.get("validation", {}).items():
            if value is not None:
                tf.summary.scalar(f"validation/{name}", value, step)
        tf.summary.flush()
    except tf.errors.ResourceExhaustedError as error:
        # Caught here, where it cannot be the memory of a device.
        number = errno.ENOSPC
        raise OSError(number, os.strerror(number), path) from error
