"""How far a training is, and where that is kept: on disk, or in memory.

`training_run` asks a state of one of the two kinds what to start from, and
gives it every evaluation.
"""

import dataclasses
import errno
import json
import os
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from absl import logging

from tf_bert import build, gfile_io, run_folder
from tf_bert.run_folder import RunFolder
from tf_bert.training import checkpointing
from tf_bert.training.evaluate import Evaluation


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


class TrainingState(Protocol):
    """What a training is continued from, and saved to."""

    def resume(self, run: build.Run) -> Progress:
        """Returns how far the training is; the run is brought there."""
        ...

    def save(
        self, run: build.Run, progress: Progress, result: Evaluation | None
    ) -> None:
        """Saves the run after an evaluation.

        Args:
            run: with the weights after `progress.step`.
            progress: the evaluation is the last entry of its history.
            result: on validation; None without that split.
        """
        ...

    def load_best(self, run: build.Run) -> None:
        """Gives the model the weights that were best on validation."""
        ...


class FolderState:
    """Everything that a training is continued from, in a run's folder.

    Args:
        folder: of the run.
        tensorboard: whether scalars are written for TensorBoard.
    """

    def __init__(self, folder: RunFolder, *, tensorboard: bool = True):
        self._folder = folder
        self._writer = tf.summary.create_noop_writer()
        if tensorboard:
            self._writer = tf.summary.create_file_writer(
                folder.join(run_folder.TENSORBOARD)
            )

    def resume(self, run: build.Run) -> Progress:
        """Loads the state of an interrupted run, or starts at step 0."""
        folder = self._folder
        path = folder.join(run_folder.CHECKPOINTS, checkpointing.STATE_FILE)
        digest = run.data_digest()
        if not gfile_io.exists(path):
            return Progress(data_digest=digest)

        def check(progress: dict[str, Any]) -> None:
            if progress["data_digest"] != digest:
                raise ValueError(
                    "A run must be continued on the data that it began with. "
                    f"Received: output_dir={folder.path}, whose training data "
                    "was another. Restore the files, or pass "
                    "--overwrite_output_dir to start over."
                )

        state = checkpointing.load_arrays(path, run.state(), check=check)
        if run.trained_words is not None:
            run.trained_words.read()
        progress = Progress(**state)
        if run.recorder is not None:
            self._restore_updates(run, progress.step)
        logging.info("Continuing after step %d.", progress.step)
        return progress

    def save(
        self, run: build.Run, progress: Progress, result: Evaluation | None
    ) -> None:
        """Saves the state, and beside it what people look at."""
        del result  # Its metrics stand in the history.
        folder = self._folder
        # The state last: it never speaks of a file that is not there. If a run
        # dies in between, its continuation writes the same files again.
        if run.recorder is not None:
            gfile_io.write_bytes(
                folder.join(run_folder.UPDATES), run.recorder.log.to_bytes()
            )
        if progress.best_step == progress.step:
            checkpointing.save_arrays(
                self._best_path(), run.classifier.model.weights_by_path()
            )
        checkpointing.save_arrays(
            folder.join(run_folder.CHECKPOINTS, checkpointing.STATE_FILE),
            run.state(),
            dataclasses.asdict(progress),
        )
        gfile_io.write_text(
            folder.join(run_folder.HISTORY), history_lines(progress)
        )
        with self._writer.as_default():
            _write_summaries(
                progress.history[-1], folder.join(run_folder.TENSORBOARD)
            )

    def load_best(self, run: build.Run) -> None:
        """Gives the model the weights that were best on validation."""
        checkpointing.load_arrays(
            self._best_path(), run.classifier.model.weights_by_path()
        )

    def _best_path(self) -> str:
        return self._folder.join(
            run_folder.CHECKPOINTS, checkpointing.BEST_FILE
        )

    def _restore_updates(self, run: build.Run, num_steps: int) -> None:
        path = self._folder.join(run_folder.UPDATES)
        if not gfile_io.exists(path):
            raise FileNotFoundError(
                "A run with --record_updates must be continued with what it "
                f"has recorded. Received: output_dir={self._folder.path}, "
                f"without {run_folder.UPDATES}. Restore the file, or pass "
                "--overwrite_output_dir to start over."
            )
        run.recorder.log.restore(
            gfile_io.read_bytes(path), num_steps, path=path
        )


class MemoryState:
    """A training whose best weights are kept in memory alone.

    Args:
        progress: that it goes on from; None starts it.

    Attributes:
        progress: of the training, also if that ended with an error.
        best: the evaluation on validation that was best; None before the
            first, and without that split.
        last: the last one, likewise.
        best_weights: path -> value after `progress.best_step`; empty: they
            are the model's own.
    """

    def __init__(self, progress: Progress | None = None):
        self.progress = progress or Progress()
        self.best: Evaluation | None = None
        self.last: Evaluation | None = None
        self.best_weights: dict[str, np.ndarray] = {}

    def resume(self, run: build.Run) -> Progress:
        """Returns the progress; the run is there already."""
        self.progress.data_digest = run.data_digest()
        return self.progress

    def save(
        self, run: build.Run, progress: Progress, result: Evaluation | None
    ) -> None:
        """Keeps the evaluation, and a copy of the weights if they are best."""
        self.last = result
        if progress.best_step != progress.step:
            return
        self.best = result
        # The last weights are the model's own until something is loaded.
        if progress.step < run.plan.num_steps:
            self.keep_weights(run)
        else:
            self.best_weights = {}

    def keep_weights(self, run: build.Run) -> None:
        """Takes a copy of the run's weights as the best."""
        weights = run.classifier.model.weights_by_path()
        self.best_weights = {n: v.numpy() for n, v in weights.items()}

    def load_best(self, run: build.Run) -> None:
        """Gives the model the weights that were best on validation."""
        weights = run.classifier.model.weights_by_path()
        for name, value in self.best_weights.items():
            weights[name].assign(value)


def history_lines(progress: Progress) -> str:
    """Returns the history as the file holds it, one entry on a line."""
    lines = [json.dumps(entry, sort_keys=True) for entry in progress.history]
    return "".join(f"{line}\n" for line in lines)


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
