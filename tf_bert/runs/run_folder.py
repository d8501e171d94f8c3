"""The folder of one run: what lies where, and whether it may be used."""

import json
import os
from typing import Any

from tf_bert import config as config_lib
from tf_bert.config import Config
from tf_bert.system import file_io, onednn, written_files
from tf_bert.system.folder_lock import FolderLock
from tf_bert.system.written_files import WrittenFiles

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
INIT_CHECKPOINT = "init_checkpoint.json"
UPDATES = "updates.npz"
SCORED_ROWS = "scored_rows.tsv"
REPORT = "report.html"
REPORT_FILES = "report"
# Of a sweep.
TRIALS = "trials"
TRIALS_LINES = "trials.jsonl"
BASELINES = "baselines.json"
DATA = "data.json"

_ONEDNN = "onednn"  # In `runtime`.

_MODEL_FILES = tuple(
    f"{MODEL}/{name}"
    for name in (
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    )
)
_STATES = tuple(f"{CHECKPOINTS}/{x}_*.safetensors" for x in ("state", "best"))
# What a training writes, as `WrittenFiles` has it.
_OF_TRAINING = (
    RESULTS,
    CONFIG,
    INIT_CHECKPOINT,
    SPLITS,
    RESULTS_TEXT,
    HISTORY,
    UPDATES,
    SCORED_ROWS,
    PREDICTIONS,
    *_STATES,
    f"{TENSORBOARD}/events.out.tfevents.*",
    *_MODEL_FILES,
)
# What later modes write, where they have left no record.
_OF_LATER_MODES = (
    EVALUATION,
    PREDICTIONS,
    REPORT,
    *(f"{REPORT_FILES}/figures/*.{ending}" for ending in ("svg", "png")),
    f"{REPORT_FILES}/tables/*.tsv",
    # Of a mode that earlier versions had.
    *(f"plots/*.{ending}" for ending in ("svg", "png")),
    f"{SAVED_MODEL}/saved_model.pb",
    f"{SAVED_MODEL}/fingerprint.pb",
    f"{SAVED_MODEL}/variables/variables.*",
    f"{SAVED_MODEL}/assets/*",
)
_A_TRIAL = f"{TRIALS}/{'[0-9a-f]' * 16}"
# What a sweep writes.
_OF_SWEEP = (
    CONFIG,
    INIT_CHECKPOINT,
    TRIALS_LINES,
    BASELINES,
    DATA,
    *_MODEL_FILES,
    f"{_A_TRIAL}.json",
    f"{_A_TRIAL}/{CHECKPOINTS}/paused.*",
    # A trial that has kept its model is a run, to all modes.
    f"{_A_TRIAL}/{written_files.FILE}",
    *(f"{_A_TRIAL}/{x}" for x in (*_OF_TRAINING, *_OF_LATER_MODES)),
)
_OF_MODE = {"train": _OF_TRAINING, "trials": _OF_SWEEP}
# What may have been written by versions that left no record.
_ALL = tuple(dict.fromkeys((*_OF_TRAINING, *_OF_SWEEP, *_OF_LATER_MODES)))

# What F1 is of in a run of a version without `positive_label`.
_SECOND = "the second label"


class RunFolder:
    """The folder of a run, `--output_dir`.

    Args:
        path: local or `gs://`; need not exist.

    Attributes:
        lock: keeps other processes from training there meanwhile.
        written: the record of what this program has written there. What a
            mode is about to write is recorded before.
    """

    def __init__(self, path: str):
        self.path = path
        self.lock = FolderLock(path)
        self.written = WrittenFiles(
            path,
            unrecorded=_ALL,
            # It is of the training to come.
            neither=[INSPECTION],
            had_files=self.holds_run,
        )

    def join(self, *names: str) -> str:
        """Path of something in the folder."""
        return os.path.join(self.path, *names)

    def is_finished(self) -> bool:
        """Whether a run has ended here."""
        return file_io.exists(self.join(RESULTS))

    def holds_run(self) -> bool:
        """Whether a run or a sweep of this program is here, or its rest.

        The `config.json` of another program, such as that of a model of
        Hugging Face, is none of a run.
        """
        recorded = self.written.recorded() or ()
        is_recorded = CONFIG in recorded
        path = self.join(CONFIG)
        if not file_io.exists(path):
            return is_recorded and any(self.written.matching(recorded))
        if file_io.is_dir(path):
            return False
        try:
            return config_lib.is_stored(self.read_json(CONFIG))
        except ValueError:  # Changed by hand.
            return is_recorded

    def onednn(self) -> bool | None:
        """Returns whether the run that is here began with oneDNN.

        None: it does not say so, for earlier versions did not record it.
        """
        runtime = self.read_json(CONFIG).get(config_lib.RUNTIME, {})
        is_on = runtime.get(_ONEDNN) if isinstance(runtime, dict) else runtime
        if not isinstance(is_on, bool | None):
            found = f"{config_lib.RUNTIME}={runtime!r}"
            raise self.damaged(CONFIG, found)
        return is_on

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads one of the JSON files; `FileNotFoundError` without the run."""
        path = self.join(name)
        if not file_io.exists(path):
            what, which = "a finished run", " that has ended"
            if name == CONFIG:
                what, which = "a run", ""
            raise FileNotFoundError(
                f"`output_dir` must hold {what}. Received: output_dir="
                f"{self.path}, without {name}. Pass the --output_dir of a "
                f"--mode=train{which}."
            )
        try:
            content = json.loads(file_io.read_text(path))
        except ValueError as error:
            raise self.damaged(name, str(error)) from error
        if not isinstance(content, dict):
            raise self.damaged(name, f"it is a {type(content).__name__}")
        return content

    def read_optional(self, name: str) -> dict[str, Any]:
        """Reads one of the JSON files; an empty one if it is not there."""
        if not file_io.exists(self.join(name)):
            return {}
        return self.read_json(name)

    def damaged(self, name: str, reason: str) -> ValueError:
        """Returns the error that one of the JSON files is not what it was."""
        return ValueError(
            "A file of the run is damaged. Received: "
            f"{self.join(name)} ({reason}). It was changed by hand: restore "
            "it, or train again with --overwrite_output_dir."
        )

    def write_json(
        self, name: str, content: dict[str, Any], *, sort_keys: bool = True
    ) -> None:
        """Writes one of the JSON files."""
        text = json.dumps(content, indent=2, sort_keys=sort_keys) + "\n"
        file_io.write_text(self.join(name), text)

    def begun(self, config: Config) -> dict[str, Any] | None:
        """Returns the stored configuration of the run that is continued.

        As the version that began it wrote it. None: the run is new.
        """
        if config.overwrite_output_dir or not file_io.exists(self.join(CONFIG)):
            return None
        return self.read_json(CONFIG)

    def check_usable(self, config: Config) -> None:
        """Refuses a folder that holds something else; touches nothing.

        Also one in which another process is at work, one that `resume` does
        not allow, and one to be replaced from which the training would read.
        """
        if config.overwrite_output_dir or not self.is_finished():
            self.lock.check_free()
        names = self._names()
        holds_run = bool(names) and self.holds_run()
        if names and not holds_run:
            raise FileExistsError(
                "`output_dir` must be new, empty or hold a run. Received: "
                f"output_dir={self.path} with {', '.join(sorted(names)[:5])}. "
                "Pass another --output_dir."
            )
        if config.overwrite_output_dir:
            self._check_keeps_inputs(config)
        elif holds_run:
            self._check_continues(config, names)
        elif config.resume == "must":
            raise FileNotFoundError(
                "`output_dir` must hold a run with --resume=must. Received: "
                f"output_dir={self.path}. Leave out --resume to start one."
            )
        self.written.check_replaces_own(_OF_MODE[config.mode])

    def _names(self) -> list[str]:
        """What is in the folder, as far as it is in the way of a run."""
        if file_io.is_dir(self.path):
            # A hidden file may be left of a write that was killed. To inspect
            # a run before it is trained is as intended.
            return [
                name
                for name in file_io.list_dir(self.path)
                if not name.startswith(".") and name != INSPECTION
            ]
        is_file = file_io.exists(self.path)
        return [os.path.basename(self.path)] if is_file else []

    def _check_continues(self, config: Config, names: list[str]) -> None:
        """Refuses to go on with the run that is here, if it is another."""
        if CONFIG not in names:
            raise FileExistsError(
                "`output_dir` must be new, empty or hold a run. Received: "
                f"output_dir={self.path} with {', '.join(sorted(names)[:5])}, "
                "left of a run that was being replaced. Pass another "
                "--output_dir, or --overwrite_output_dir to remove the rest."
            )
        if config.resume == "never":
            raise FileExistsError(
                "`output_dir` must be new with --resume=never. Received: "
                f"output_dir={self.path}, which holds a run. Pass another "
                "--output_dir, or --overwrite_output_dir."
            )
        self._check_same(config)

    def check_writable(self) -> None:
        """Finds at the start what would fail at the end; touches nothing."""
        if file_io.is_remote(self.path):
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
        reason = "may not be written" if is_folder else "is not a folder"
        error = PermissionError if is_folder else NotADirectoryError
        raise error(
            "`output_dir` cannot be made or written. Received: output_dir="
            f"{self.path}, but {nearest} {reason}. Pass another "
            "--output_dir, or change that."
        )

    def _check_keeps_inputs(self, config: Config) -> None:
        """Refuses to remove what is read, and could not be read again."""
        for name, value in config.inputs.items():
            if value is not None and self.written.holds(value):
                raise ValueError(
                    f"`{name}` must not lie in a run that is replaced. "
                    f"Received: {name}={value}, output_dir={self.path}, "
                    "overwrite_output_dir=True. Pass another --output_dir."
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
                "`output_dir` holds a run of another configuration. Received: "
                f"output_dir={self.path}, which differs in "
                f"{'; '.join(found)}. Pass another --output_dir, or "
                "--overwrite_output_dir to replace that run."
            )

    def begin(self, config: Config) -> None:
        """Writes the configuration; removes an old run that is overwritten.

        Also what is left of a write that was killed. Whether TensorFlow has
        oneDNN stands beside the configuration; of a run that goes on, what it
        began with.
        """
        file_io.remove_unfinished(self.path)
        if config.overwrite_output_dir:
            # A run without its results is never taken as finished; and trials
            # without their configuration are not continued.
            self.written.remove_all(first=[RESULTS, CONFIG])
        file_io.make_dirs(self.path)
        self.written.record(*_OF_MODE[config.mode])
        is_on = self.onednn() if self.holds_run() else None
        runtime = {_ONEDNN: onednn.is_on() if is_on is None else is_on}
        content = {**config.as_dict(), config_lib.RUNTIME: runtime}
        # The recipes of a sweep stay in the order in which they were given.
        self.write_json(CONFIG, content, sort_keys=False)

    def remove_checkpoints(self) -> None:
        """Removes the state for resuming, which a finished run needs not."""
        self.written.remove(_STATES)
