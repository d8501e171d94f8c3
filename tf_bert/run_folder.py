"""The folder of one run: what lies where, and whether it may be used."""

import contextlib
import json
import os
from typing import Any

from tf_bert import config as config_lib
from tf_bert import gfile_io
from tf_bert.config import Config
from tf_bert.folder_lock import FolderLock

CONFIG = "config.json"
CHECKPOINTS = "checkpoints"
MODEL = "model"
RESULTS = "all_results.json"
RESULTS_TEXT = "eval_results.txt"
HISTORY = "history.jsonl"
PREDICTIONS = "predictions.tsv"
TENSORBOARD = "tensorboard"
EVALUATION = "evaluation.json"
SAVED_MODEL = "saved_model"
INSPECTION = "inspect.json"
SPLITS = "splits.json"
UPDATES = "updates.npz"
SCORED_ROWS = "scored_rows.tsv"
PLOTS = "plots"
REPORT = "report.html"
REPORT_FILES = "report"
# Of a sweep.
TRIALS = "trials"
TRIALS_LINES = "trials.jsonl"
BASELINES = "baselines.json"
DATA = "data.json"

_FILES = (
    RESULTS,
    CONFIG,
    SPLITS,
    RESULTS_TEXT,
    HISTORY,
    UPDATES,
    SCORED_ROWS,
    PREDICTIONS,
    EVALUATION,
    REPORT,
    TRIALS_LINES,
    BASELINES,
    DATA,
)
_FOLDERS = (
    CHECKPOINTS,
    MODEL,
    TENSORBOARD,
    SAVED_MODEL,
    PLOTS,
    REPORT_FILES,
    TRIALS,
)

# What F1 is of in a run of a version without `positive_label`.
_SECOND = "the second label"


class RunFolder:
    """The folder of a run, `--output_dir`.

    Args:
        path: local or `gs://`; need not exist.
    """

    def __init__(self, path: str):
        self.path = path
        self._lock = FolderLock(path)

    def join(self, *names: str) -> str:
        """Path of something in the folder."""
        return os.path.join(self.path, *names)

    def is_finished(self) -> bool:
        """Whether a run has ended here."""
        return gfile_io.exists(self.join(RESULTS))

    def check_free(self) -> None:
        """Refuses a folder in which another process trains; touches nothing.

        Raises:
            FileExistsError: if one does.
        """
        self._lock.check_free()

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """The time in which no other process trains here.

        Raises:
            FileExistsError: if another one does.
        """
        return self._lock.held()

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads one of the JSON files.

        Raises:
            FileNotFoundError: if there is no such run here.
            ValueError: if the file is damaged.
        """
        path = self.join(name)
        if name == CONFIG and not gfile_io.exists(path):
            raise FileNotFoundError(
                "`output_dir` must hold a run. Received: output_dir="
                f"{self.path}, without {name}. Pass the --output_dir of a "
                "--mode=train."
            )
        if not gfile_io.exists(path):
            raise FileNotFoundError(
                f"`output_dir` must hold a finished run. Received: output_dir="
                f"{self.path}, without {name}. Pass the --output_dir of a "
                "--mode=train that has ended."
            )
        try:
            content = json.loads(gfile_io.read_text(path))
        except ValueError as error:
            raise self._damaged(path, str(error)) from error
        if not isinstance(content, dict):
            raise self._damaged(path, f"a {type(content).__name__}")
        return content

    def _damaged(self, path: str, reason: str) -> ValueError:
        return ValueError(
            f"A file of a run must be a JSON object. Received: {path} "
            f"({reason}). It was changed by hand: restore it, or train again "
            "with --overwrite_output_dir."
        )

    def write_json(
        self, name: str, content: dict[str, Any], *, sort_keys: bool = True
    ) -> None:
        """Writes one of the JSON files."""
        text = json.dumps(content, indent=2, sort_keys=sort_keys) + "\n"
        gfile_io.write_text(self.join(name), text)

    def begun(self, config: Config) -> dict[str, Any] | None:
        """Returns the stored configuration of the run that is continued.

        Args:
            config: that is usable here.

        Returns:
            As the version that began it wrote it; None: the run is new.
        """
        if config.overwrite_output_dir or not gfile_io.exists(
            self.join(CONFIG)
        ):
            return None
        return self.read_json(CONFIG)

    def check_usable(self, config: Config) -> None:
        """Refuses a folder that holds something else; touches nothing.

        Raises:
            FileExistsError: if the folder holds another run, or other files,
                or a run where `resume` is never, or if another process is at
                work in it.
            FileNotFoundError: if `resume` is must and nothing is there.
            ValueError: if the run to be replaced is what training starts from.
        """
        if config.overwrite_output_dir or not self.is_finished():
            self.check_free()
        if config.overwrite_output_dir:
            self._check_keeps(config.init_checkpoint)
            return
        names = []
        if gfile_io.is_dir(self.path):
            # A hidden file may be left of a write that was killed. To inspect
            # a run before it is trained is as intended.
            names = [
                name
                for name in gfile_io.list_dir(self.path)
                if not name.startswith(".") and name != INSPECTION
            ]
        elif gfile_io.exists(self.path):
            names = [os.path.basename(self.path)]
        if CONFIG in names:
            if config.resume == "never":
                raise FileExistsError(
                    "`output_dir` must be new with --resume=never. Received: "
                    f"output_dir={self.path}, which holds a run. Pass another "
                    "--output_dir, or --overwrite_output_dir."
                )
            self._check_same(config)
        elif names:
            raise FileExistsError(
                "`output_dir` must be new, empty or hold a run. Received: "
                f"output_dir={self.path} with {', '.join(sorted(names)[:5])}. "
                "Pass another --output_dir; or --overwrite_output_dir, which "
                "replaces the files of a run and leaves others alone."
            )
        elif config.resume == "must":
            raise FileNotFoundError(
                "`output_dir` must hold a run with --resume=must. Received: "
                f"output_dir={self.path}. Leave out --resume to start one."
            )

    def check_writable(self) -> None:
        """Finds at the start what would fail at the end; touches nothing.

        Raises:
            NotADirectoryError: if a file or a broken link is in the way.
            PermissionError: if the folder may not be made or written.
        """
        if gfile_io.is_remote(self.path):
            return
        nearest = os.path.abspath(self.path)
        while not os.path.lexists(nearest):
            nearest = os.path.dirname(nearest)
        is_folder = os.path.isdir(nearest)
        # Not the rights of who started the program, if it changed its user.
        effective = os.access in os.supports_effective_ids
        if is_folder and os.access(
            nearest, os.W_OK | os.X_OK, effective_ids=effective
        ):
            return
        reason = "may not be written" if is_folder else "is no folder"
        error = PermissionError if is_folder else NotADirectoryError
        raise error(
            "`output_dir` must be a folder that can be made or written. "
            f"Received: output_dir={self.path}, but {nearest} {reason}. Pass "
            "another --output_dir, or change that."
        )

    def _check_keeps(self, checkpoint: str) -> None:
        """Refuses to remove a checkpoint, which could not be read again."""
        place = os.path.relpath(
            os.path.realpath(checkpoint), os.path.realpath(self.path)
        )
        if place.split(os.sep)[0] in _FOLDERS:
            raise ValueError(
                "`init_checkpoint` must not lie in a run that is replaced. "
                f"Received: init_checkpoint={checkpoint}, output_dir="
                f"{self.path}, overwrite_output_dir=True. Pass another "
                "--output_dir."
            )

    def _check_same(self, config: Config) -> None:
        stored = {"positive_label": _SECOND, **self.read_json(CONFIG)}
        given = config.as_dict()
        if config.positive_label is None:  # The run's, taken from its data.
            given["positive_label"] = stored["positive_label"]
        found = config_lib.differences(stored, given)
        if stored.get("mode") != config.mode:
            found = [f"mode: {stored.get('mode')} -> {config.mode}", *found]
        if found:
            raise FileExistsError(
                "`output_dir` must be new or hold a run of the same "
                f"configuration. Received: output_dir={self.path}, which "
                f"differs in {'; '.join(found)}. Pass another --output_dir, or "
                "--overwrite_output_dir to replace that run."
            )

    def begin(self, config: Config) -> None:
        """Writes the configuration; removes an old run that is overwritten.

        Also what is left of a write that was killed.
        """
        if config.overwrite_output_dir:
            self._remove_run()
        gfile_io.remove_unfinished(self.path)
        gfile_io.make_dirs(self.path)
        # The recipes of a sweep stay in the order in which they were given.
        self.write_json(CONFIG, config.as_dict(), sort_keys=False)

    def remove_checkpoints(self) -> None:
        """Removes the state for resuming, which a finished run needs not."""
        if gfile_io.is_dir(self.join(CHECKPOINTS)):
            gfile_io.remove_tree(self.join(CHECKPOINTS))

    def _remove_run(self) -> None:
        # Results first: a run without its results is never taken as finished;
        # and trials without their configuration are not continued.
        for name in _FILES:
            if gfile_io.exists(self.join(name)):
                gfile_io.remove_file(self.join(name))
        for name in _FOLDERS:
            if gfile_io.is_dir(self.join(name)):
                gfile_io.remove_tree(self.join(name))
