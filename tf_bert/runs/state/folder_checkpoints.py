"""The state of a training in the folder of its run."""

import contextlib
import dataclasses
import errno
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from absl import logging

from tf_bert.runs import run_folder
from tf_bert.runs.build import Run
from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.state import checkpointing
from tf_bert.runs.state.background import Background
from tf_bert.runs.state.progress import Progress, history_lines
from tf_bert.runs.state.run_checkpoints import Checkpoints, scored_weights
from tf_bert.runs.state.saved_states import SavedStates, State
from tf_bert.system import file_io, remote_files, stop_requests
from tf_bert.system.stop_requests import StopRequest
from tf_bert.training.evaluate import Evaluation


class FolderCheckpoints(Checkpoints):
    """Everything that a training is continued from, in a run's folder.

    A save copies the variables, which the training waits for, and writes the
    copies in a thread beside it. What goes wrong there is raised by the next
    call of a method here.

    Args:
        folder: of the run.
        tensorboard: whether scalars are written for TensorBoard.
        save_every_seconds: >= 0. After which a state is saved between two
            evaluations; 0 saves at evaluations alone.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        tensorboard: bool = True,
        save_every_seconds: float = 60.0,
    ):
        self._folder = folder
        self._states = SavedStates(folder.join(run_folder.CHECKPOINTS))
        self._background = Background()
        self._save_every_seconds = save_every_seconds
        self._last_save = time.monotonic()
        self._saved: tuple[int, ...] | None = None
        self._seconds = 0.0
        self._seconds_of_steps = 0.0
        self._writer = tf.summary.create_noop_writer()
        if tensorboard:
            path = folder.join(run_folder.TENSORBOARD)
            with _explained(path):
                self._writer = tf.summary.create_file_writer(path)

    def attended(self) -> contextlib.AbstractContextManager[StopRequest]:
        """The time in which a request to stop is noted."""
        return stop_requests.noted()

    def resume(self, run: Run) -> Progress:
        """Loads the newest whole state, or starts at step 0."""
        digest = run.data_digest()
        num_replicas = run.classifier.strategy.num_replicas_in_sync
        state = self._states.load()
        if state is None:
            return Progress(data_digest=digest, num_replicas=num_replicas)
        progress = Progress(**state.progress)
        if progress.data_digest != digest:
            raise ValueError(
                "The training data has changed since the run began. Received: "
                f"output_dir={self._folder.path}. Restore the files, or pass "
                "--overwrite_output_dir to start over."
            )
        if progress.num_replicas != num_replicas:
            logging.warning(
                "The run was on %d devices and goes on with %d: it ends in "
                "weights that differ in their last digits.",
                progress.num_replicas,
                num_replicas,
            )
            progress.num_replicas = num_replicas
        checkpointing.assign(run.state(), state.arrays, path=state.path)
        if run.recorder is not None:
            self._restore_updates(run, progress.step)
        self._saved = _place(progress)
        # A run that was killed may have saved its state and not this file.
        self._write_history(history_lines(progress))
        logging.info("Continuing after step %d.", progress.step)
        return progress

    @contextlib.contextmanager
    def session(self, run: Run) -> Iterator[None]:
        """The time in which steps are taken; at its end all is written."""
        self._last_save = time.monotonic()
        before = run.loop.seconds
        try:
            yield
            with self._in_the_way():
                self._background.wait()
        finally:
            self._seconds_of_steps += run.loop.seconds - before
            # What ended the training is raised, not what follows from it.
            with contextlib.suppress(OSError):
                self._background.wait()

    def save_if_due(self, run: Run, progress: Progress) -> None:
        """Saves between evaluations, if the last save is long enough ago."""
        every = self._save_every_seconds
        is_busy = self._background.is_busy()  # Raises what went wrong there.
        if not every or time.monotonic() - self._last_save < every or is_busy:
            return
        self._save(run, progress)

    def save_now(self, run: Run, progress: Progress) -> None:
        """Saves, and waits until everything is written."""
        self._background.wait()
        if self._saved != _place(progress):
            self._save(run, progress)
            self._background.wait()

    def save(
        self, run: Run, progress: Progress, result: Evaluation | None
    ) -> None:
        """Saves the state, and beside it what people look at."""
        del result  # Its metrics stand in the history.
        self._save(run, progress, is_best=progress.best_step == progress.step)
        self.write_summaries(progress.history[-1])

    def write_summaries(self, entry: dict[str, Any]) -> None:
        """Writes an entry of the history for TensorBoard."""
        path, step = self._folder.join(run_folder.TENSORBOARD), entry["step"]
        scalars = {
            "train/loss": entry["train_loss"],
            "train/learning_rate": entry["learning_rate"],
            **{
                f"validation/{name}": value
                for name, value in entry.get("validation", {}).items()
                if value is not None
            },
        }
        with _explained(path), self._writer.as_default():
            for name, value in scalars.items():
                tf.summary.scalar(name, value, step)
            tf.summary.flush()

    def load_best(self, run: Run) -> None:
        """Gives the model the weights that were best on validation."""
        values, path = self._states.load_best()
        checkpointing.assign(
            run.classifier.model.weights_by_path(), values, path=path
        )

    def cost(self) -> dict[str, float]:
        """Says and returns what saving took in this process.

        `saving_seconds`, that the training has waited for it;
        `saving_seconds_beside`, of writing, meanwhile;
        `saving_share_of_step_time`, the former as a share of the seconds in
        training steps (left out where there were none).
        """
        cost = {
            "saving_seconds": round(self._seconds, 3),
            "saving_seconds_beside": round(self._background.seconds, 3),
        }
        if self._seconds_of_steps:
            share = self._seconds / self._seconds_of_steps
            cost["saving_share_of_step_time"] = round(share, 4)
            logging.info(
                "Saving took %.1f %% of the steps' time: they waited for it "
                "%.2f s, and for %.2f s it went on beside them.",
                100 * cost["saving_share_of_step_time"],
                cost["saving_seconds"],
                cost["saving_seconds_beside"],
            )
        return cost

    def _save(
        self, run: Run, progress: Progress, *, is_best: bool = False
    ) -> None:
        """Copies everything, and starts to write it."""
        with self._in_the_way():
            # Before the copies are made: one set of them is enough.
            self._background.wait()
            self._background.start(self._writing(run, progress, is_best))
        self._last_save = time.monotonic()

    def _writing(
        self, run: Run, progress: Progress, is_best: bool
    ) -> Callable[[], None]:
        """Copies what is to be saved; returns the job that writes it."""
        state = State(
            checkpointing.snapshot(run.state()),
            dataclasses.asdict(progress),
            scored_weights(run) if is_best else None,
        )
        updates = None if run.recorder is None else run.recorder.log.to_bytes()
        history, place = history_lines(progress), _place(progress)

        def write() -> None:
            # The state behind what belongs to it: it never speaks of a file
            # that is not there.
            if updates is not None:
                path = self._folder.join(run_folder.UPDATES)
                file_io.write_bytes(path, updates)
            self._states.save(state)
            self._write_history(history)
            self._saved = place

        return write

    def _write_history(self, lines: str) -> None:
        if lines:
            file_io.write_text(self._folder.join(run_folder.HISTORY), lines)

    @contextlib.contextmanager
    def _in_the_way(self) -> Iterator[None]:
        """Counts the time inside as one that the training waits for."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds += time.perf_counter() - start

    def _restore_updates(self, run: Run, num_steps: int) -> None:
        path = self._folder.join(run_folder.UPDATES)
        if not file_io.exists(path):
            raise FileNotFoundError(
                "What the run has recorded by --record_updates is missing. "
                f"Received: output_dir={self._folder.path}, without "
                f"{run_folder.UPDATES}. Restore the file, or pass "
                "--overwrite_output_dir to start over."
            )
        run.recorder.log.restore(file_io.read_bytes(path), num_steps, path=path)


def _place(progress: Progress) -> tuple[int, ...]:
    """What tells one state of a training from another."""
    return progress.step, progress.words_step, len(progress.history)


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turns TensorFlow's errors of files for TensorBoard into Python's.

    Inside, nothing else is done: they cannot be of the memory of a device.
    """
    if file_io.is_remote(path):
        with remote_files.explained(path):
            yield
        return
    try:
        yield
    except tf.errors.OpError as error:
        # The system's own words stand in the message, and not its number.
        for number in errno.errorcode:
            if os.strerror(number) in error.message:
                raise OSError(number, os.strerror(number), path) from error
        raise OSError(
            "A file for TensorBoard cannot be written. Received: "
            f"path={path!r} ({' '.join(error.message.split())}). Correct what "
            "is in its way, or pass --notensorboard."
        ) from error
