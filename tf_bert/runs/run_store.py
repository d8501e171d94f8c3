"""What a run finds in its folder, and what it leaves there.

Several workers share no folder: the chief has it, on its disk. What it finds
there, the others hear of. All call the same methods in the same order.
"""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

from absl import logging

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.data_name import TFDS_PREFIX
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.runs import (
    build,
    memory,
    predictions,
    recorded_onednn,
    run_folder,
    run_results,
    same_data,
)
from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.starting_points import StartingPoints
from tf_bert.runs.state.folder_checkpoints import FolderCheckpoints
from tf_bert.runs.state.run_checkpoints import Checkpoints
from tf_bert.runs.state.shared_checkpoints import SharedCheckpoints
from tf_bert.system import file_io
from tf_bert.training.devices import distribution, workers
from tf_bert.training.devices.workers import Workers
from tf_bert.training.evaluate import Evaluation


@contextlib.contextmanager
def open_store(config: Config) -> Iterator["RunStore"]:
    """The time of a run, with what it finds and leaves.

    With `--distribution=auto` or `multi_worker` it has the workers of
    TF_CONFIG, which are waited for; else it is of this process alone.
    """
    with workers.joined(config) as team, contextlib.ExitStack() as lock:
        yield RunStore(distribution.with_batch_size(config), team, lock)


def _by_chief(method: Callable) -> Callable:
    """Lets the chief alone run a method; all get what it returns, JSON."""

    @functools.wraps(method)
    def called(self: "RunStore", *args: Any) -> Any:
        return self._workers.by_chief(method, self, *args)

    return called


class RunStore:
    """The folder of a run, from the first look at it to the results.

    Args:
        config: of the run, with the batch size of all devices.
        team: of the workers; its strategy is None for one alone.
        lock: gets what is to be released at the end.
    """

    def __init__(
        self, config: Config, team: Workers, lock: contextlib.ExitStack
    ):
        self.config = config
        self.strategy = team.strategy
        self._given = config.init_checkpoint
        self._workers = team
        self._lock = lock
        self._folder = RunFolder(config.output_dir)
        self._start = time.time()

    @_by_chief
    def finished_results(self) -> dict[str, Any] | None:
        """Returns the results of a run that has ended, None of another."""
        return self._finished_results()

    def _finished_results(self) -> dict[str, Any] | None:
        config, folder = self.config, self._folder
        folder.check_usable(config)
        if config.overwrite_output_dir or not folder.is_finished():
            folder.check_writable()
            return None
        self._check_data()
        StartingPoints(folder, config).check_known(config)
        results = folder.read_json(run_folder.RESULTS)
        logging.info("%s holds this run, finished.", folder.path)
        if config.predict_file:
            logging.info("To predict more files with it: --mode=predict.")
        print(run_results.render(results))
        return results

    def _check_data(self) -> None:
        """Refuses a finished run whose data is another one now."""
        record = self._record()
        # That of an earlier version has no digests to compare with.
        digests = record.get("data")
        # The datasets of tensorflow-datasets have versions: nobody edits them.
        if not digests or digests["train"]["source"].startswith(TFDS_PREFIX):
            return
        task = run_data.get_task(self.config)
        try:
            run_data.load(self.config, task, record=record)
        except FileNotFoundError as error:
            logging.info("The data of the run is not there any more: %s", error)

    def read_data(self) -> TaskData:
        """Reads the data; of a run that has begun, the examples of then.

        Afterwards `config` has the checkpoint with its revision, of then too.
        """
        record, begun = self._begun()
        data = build.read_data(self.config, record=record, begun=begun)
        if not record and begun is None:
            run_data.check_is_used(self.config, data)
        self.config = dataclasses.replace(
            self.config, init_checkpoint=self._settled_checkpoint()
        )
        if self._workers.num_workers > 1:
            same_data.check_same(self._workers, self.config, data)
        return data

    @_by_chief
    def _begun(self) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Returns the examples and settings of a run that is to go on."""
        return self._record(), self._folder.begun(self.config)

    @_by_chief
    def _settled_checkpoint(self) -> str:
        self._starting_points = StartingPoints(self._folder, self.config)
        return self._starting_points.settle(self.config).init_checkpoint

    def _record(self) -> dict[str, Any]:
        if self.config.overwrite_output_dir:
            return {}
        return self._folder.read_optional(run_folder.SPLITS)

    @_by_chief
    def begin(self, run: build.Run) -> dict[str, Any] | None:
        """Keeps other processes out, and writes what the run is.

        Returns its results, if another process has ended it meanwhile.
        """
        self._lock.enter_context(self._folder.lock.held())
        results = self._finished_results()
        if results is not None:
            return results
        recorded_onednn.say_which(run.config)
        self._folder.begin(
            dataclasses.replace(run.config, init_checkpoint=self._given)
        )
        self._starting_points.write()
        if not self._folder.read_optional(run_folder.SPLITS):  # Once for all.
            record = run_data.record(run.config, run.data)
            self._folder.write_json(run_folder.SPLITS, record)
        return None

    def checkpoints(self) -> Checkpoints:
        """Returns what the training is continued from, and saved to."""
        own = Checkpoints()
        if self._workers.is_chief:
            own = FolderCheckpoints(
                self._folder,
                tensorboard=self.config.tensorboard,
                save_every_seconds=self.config.save_every_seconds,
            )
        if self._workers.num_workers == 1:
            return own
        return SharedCheckpoints(self._workers, own)

    def write_predictions(self, run: build.Run) -> None:
        """Predicts the rows of `predict_file`, if there is one.

        All workers predict, for each takes its part of a batch; the chief
        writes.
        """
        if not self.config.predict_file:
            return
        path = None
        if self._workers.is_chief:
            path = self._folder.join(run_folder.PREDICTIONS)
        rows = predictions.open_rows(self.config, run.data.task)
        with memory.explained_outputs(run.classifier, run.config):
            num_rows = predictions.write_predictions(run.classifier, rows, path)
        logging.info("Wrote %d predictions to %s.", num_rows, path)

    @_by_chief
    def keep(
        self,
        run: build.Run,
        checkpoints: Checkpoints,
        evaluations: dict[str, Evaluation],
        results: dict[str, Any],
    ) -> dict[str, Any]:
        """Sets BERT beside the simple baselines, and writes everything.

        Args:
            run: with the chosen weights.
            checkpoints: of its training.
            evaluations: split -> that with these weights.
            results: of `run_results.results_of`; returned complete.
        """
        folder = self._folder
        cost = {**run_results.cost_of_recording(run), **checkpoints.cost()}
        if run.config.compare_baselines:
            results |= run_results.compare_with_baselines(run, evaluations)
        run_results.save_scored_rows(
            evaluations, folder.join(run_folder.SCORED_ROWS)
        )
        run_results.save_model(run, folder, results)
        results["runtime"] = {
            "seconds": round(time.time() - self._start, 1),
            **run_results.machine(),
            **cost,
        }
        file_io.write_text(
            folder.join(run_folder.RESULTS_TEXT),
            run_results.flat_lines(results),
        )
        # Last, for it ends the run.
        folder.write_json(run_folder.RESULTS, results)
        folder.remove_checkpoints()
        print(run_results.render(results))
        print(f"\nThe model is in {folder.join(run_folder.MODEL)}.")
        return results
