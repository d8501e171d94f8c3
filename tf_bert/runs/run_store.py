"""What a run finds in its folder, and what it leaves there.

`RunStore` is that of one process. `shared_store.py` has the form that several
workers share, of which one writes.
"""

import contextlib
import time
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from absl import logging

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.data_name import TFDS_PREFIX
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.runs import (
    build,
    model_card,
    predictions,
    recorded_onednn,
    run_folder,
    run_results,
)
from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.state.folder_checkpoints import FolderCheckpoints
from tf_bert.runs.state.run_checkpoints import Checkpoints
from tf_bert.system import file_io, stop_requests
from tf_bert.system.stop_requests import StopRequest
from tf_bert.training.evaluate import Evaluation


class RunStore:
    """The folder of a run, from its first look at it to its results.

    Args:
        config: of the run, with the batch size of all devices.
        strategy: that the training runs under; None takes
            `distribution.get_strategy`'s.

    Attributes:
        config: as given.
        strategy: as given.
    """

    def __init__(
        self, config: Config, *, strategy: tf.distribute.Strategy | None = None
    ):
        self.config = config
        self.strategy = strategy
        self._folder = RunFolder(config.output_dir)
        self._start = time.time()
        # Of the folder; kept to the end, once something is written.
        self._lock = contextlib.ExitStack()

    def __enter__(self) -> "RunStore":
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.close()

    def finished_results(self) -> dict[str, Any] | None:
        """Returns the results of a run that has ended; None if it is to go on.

        Raises:
            ValueError, OSError: if the folder may not be used for it.
        """
        config, folder = self.config, self._folder
        folder.check_usable(config)
        if config.overwrite_output_dir or not folder.is_finished():
            folder.check_writable()
            return None
        # Its own: in the form for several workers the chief alone is here.
        _check_rows(config, RunStore._record(self))
        results = folder.read_json(run_folder.RESULTS)
        logging.info("%s holds this run, finished.", folder.path)
        if config.predict_file:
            logging.info("To predict more files with it: --mode=predict.")
        print(run_results.render(results))
        return results

    def read_data(self) -> TaskData:
        """Reads the data of the run: if it has begun, the rows it began with.

        Raises:
            ChangedDataError: if these are not there any more.
            ValueError, FileNotFoundError: if a file or flag is wrong.
        """
        return build.read_data(
            self.config, record=self._record(), begun=self._begun()
        )

    def begin(self, run: build.Run) -> dict[str, Any] | None:
        """Keeps other processes out, and writes what the run is.

        Returns:
            The results, if another process has ended this run meanwhile.
        """
        self._lock.enter_context(self._folder.locked())
        results = RunStore.finished_results(self)
        if results is not None:
            return results
        recorded_onednn.say_which(run.config)
        self._folder.begin(run.config)
        if not self._folder.read_optional(run_folder.SPLITS):  # Once for all.
            record = run_data.record(run.config, run.data)
            self._folder.write_json(run_folder.SPLITS, record)
        return None

    def checkpoints(self, run: build.Run) -> Checkpoints:
        """Returns what the training is continued from, and saved to."""
        return FolderCheckpoints(
            self._folder,
            tensorboard=run.config.tensorboard,
            save_every_seconds=run.config.save_every_seconds,
        )

    def attended(self) -> contextlib.AbstractContextManager[StopRequest]:
        """The time in which a request to stop is noted."""
        return stop_requests.noted()

    def write_predictions(self, run: build.Run) -> None:
        """Predicts the rows of `predict_file`, if there is one."""
        if not self.config.predict_file:
            return
        path = self._predictions_path()
        rows = predictions.open_rows(self.config, run.data.task)
        num_rows = predictions.write_predictions(run.classifier, rows, path)
        logging.info("Wrote %d predictions to %s.", num_rows, path)

    def keep(
        self,
        run: build.Run,
        checkpoints: Checkpoints,
        evaluations: dict[str, Evaluation],
        results: dict[str, Any],
    ) -> dict[str, Any]:
        """Sets BERT beside the simple baselines, and writes everything.

        The results come last, for they end the run.

        Args:
            run: with the chosen weights.
            checkpoints: of its training.
            evaluations: split -> that with these weights.
            results: of `run_results.results_of`.

        Returns:
            The results, complete.
        """
        folder, config = self._folder, run.config
        cost = {**run_results.cost_of_recording(run), **checkpoints.cost()}
        if config.compare_baselines:
            results = results | run_results.compare_with_baselines(
                run, evaluations
            )
        run_results.save_scored_rows(
            evaluations, folder.join(run_folder.SCORED_ROWS)
        )
        run_results.save_model(run, folder)
        model_card.write_model_card(
            folder.join(run_folder.MODEL), config, run.data, results
        )
        results["runtime"] = {
            "seconds": round(time.time() - self._start, 1),
            **run_results.machine(),
            **cost,
        }
        file_io.write_text(
            folder.join(run_folder.RESULTS_TEXT),
            run_results.flat_lines(results),
        )
        folder.write_json(run_folder.RESULTS, results)
        folder.remove_checkpoints()
        print(run_results.render(results))
        print(f"\nThe model is in {folder.join(run_folder.MODEL)}.")
        return results

    def _record(self) -> dict[str, Any]:
        """Returns what is written of the rows of a run that is to go on."""
        if self.config.overwrite_output_dir:
            return {}
        return self._folder.read_optional(run_folder.SPLITS)

    def _begun(self) -> dict[str, Any] | None:
        """Returns the configuration of a run that is to go on."""
        return self._folder.begun(self.config)

    def _predictions_path(self) -> str | None:
        """Returns where predictions go; None: this process writes none."""
        return self._folder.join(run_folder.PREDICTIONS)


def _check_rows(config: Config, record: Mapping[str, Any]) -> None:
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
