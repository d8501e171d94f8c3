"""The training of one run: steps, evaluations, saved states, in that order."""

import contextlib
import dataclasses
import errno
import json
import math
import os
import time
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from absl import logging

from tf_bert import build, gfile_io, run_folder
from tf_bert.run_folder import RunFolder
from tf_bert.training import checkpointing, evaluate, frozen_features
from tf_bert.training.loop import TrainingLoop
from tf_bert.training.pace import Pace
from tf_bert.training.progress import ProgressBar
from tf_bert.training.trained_words import decay_factors


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
    progress = _resume(run, folder)
    with _with_features(run, progress) as run:
        _train(run, folder, progress)
    return progress


@contextlib.contextmanager
def _with_features(run: build.Run, progress: Progress) -> Iterator[build.Run]:
    """Runs the frozen layers beforehand, if asked to and if steps are left."""
    has_steps = progress.step < run.plan.num_steps
    if not (run.config.cache_frozen_features and has_steps):
        yield run
        return
    # Not of a test split: it is evaluated once.
    splits = {
        name: run.tokenized[name]
        for name in ("train", "validation")
        if name in run.tokenized
    }
    with frozen_features.cached(run.classifier.inference, splits) as features:
        yield dataclasses.replace(run, tokenized={**run.tokenized, **features})


def _train(run: build.Run, folder: RunFolder, progress: Progress) -> None:
    """Goes from evaluation to evaluation."""
    config, classifier = run.config, run.classifier
    loop = run.training_loop()
    dataset = run.training_dataset(progress.step)
    iterator = iter(
        classifier.strategy.distribute_datasets_from_function(lambda _: dataset)
    )
    # A recorder looks at each step.
    pace = Pace() if run.recorder is None else Pace(largest=1)
    num_examples = run.plan.num_examples
    patience = config.early_stopping_patience
    with (
        contextlib.closing(
            ProgressBar(run.plan.num_steps, progress.step)
        ) as bar,
        _summary_writer(run, folder).as_default(),
    ):
        for last in run.evaluation_steps:
            if last <= progress.step:
                continue
            if patience and progress.num_without_gain >= patience:
                bar.write(f"Stopped early after step {progress.step}.")
                break
            step, losses = progress.step, []
            while step < last:
                count = min(pace.num_steps, last - step)
                with _recording(run, step):
                    losses += _take_steps(loop, iterator, step, count, pace)
                bar.update(
                    count,
                    int(num_examples[step : step + count].sum()),
                    sum(losses[-count:]) / count,
                )
                step += count
            _write_back_words(run, progress.step, step)
            progress.step = step
            _evaluate(run, progress, sum(losses) / len(losses), bar)
            _save(run, folder, progress)


def _take_steps(
    loop: TrainingLoop, iterator: Any, step: int, count: int, pace: Pace
) -> list[float]:
    """Takes `count` steps behind step `step` in one call; returns the losses.

    Raises:
        ValueError: if a loss is not finite.
    """
    start = time.monotonic()
    losses = loop.train_steps(iterator, tf.constant(count)).numpy().tolist()
    pace.adapt(count, time.monotonic() - start)
    for number, loss in enumerate(losses, step + 1):
        if not math.isfinite(loss):
            raise ValueError(
                "The training loss must be finite. Received: "
                f"loss={loss} at step {number}; the training diverged. "
                "Lower --learning_rate, with --overwrite_output_dir."
            )
    return losses


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
    if run.trained_words is not None:
        run.trained_words.read()
    progress = Progress(**state)
    if run.recorder is not None:
        _restore_updates(run, folder, progress.step)
    logging.info("Continuing after step %d.", progress.step)
    return progress


def _recording(run: build.Run, step: int) -> contextlib.AbstractContextManager:
    """Records the step behind step `step`, if the run does."""
    if run.recorder is None:
        return contextlib.nullcontext()
    return run.recorder.around_step(run.learning_rates[step])


def _restore_updates(run: build.Run, folder: RunFolder, num_steps: int) -> None:
    path = folder.join(run_folder.UPDATES)
    if not gfile_io.exists(path):
        raise FileNotFoundError(
            "A run with --record_updates must be continued with what it has "
            f"recorded. Received: output_dir={folder.path}, without "
            f"{run_folder.UPDATES}. Restore the file, or pass "
            "--overwrite_output_dir to start over."
        )
    run.recorder.log.restore(gfile_io.read_bytes(path), num_steps, path=path)


def _write_back_words(run: build.Run, first_step: int, step: int) -> None:
    """Brings the model's word embeddings up to date after some steps."""
    words = run.trained_words
    if words is None:
        return
    to_zero, to_prior = run.optimizer.decay_rates(words.rows)
    factors = decay_factors(
        run.learning_rates[:step],
        weight_decay=to_zero,
        pretrained_weight_decay=to_prior,
    )
    words.write_back(factors[step] / factors[first_step])


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
    if run.recorder is not None:
        entry["distance"] = run.recorder.distances()
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
    # The state last: it never speaks of a file that is not there. If a run
    # dies in between, its continuation writes the same files again.
    if run.recorder is not None:
        gfile_io.write_bytes(
            folder.join(run_folder.UPDATES), run.recorder.log.to_bytes()
        )
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
