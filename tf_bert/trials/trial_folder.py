"""The folder of a sweep: what lies where, and who may write there.

Of a finished trial, `trials/<name>.json` is written last: where it is, the
trial is whole. Everything else is derived from these files. Only that of a
trial that ended in an error is replaced, when the trial is run again.
No TensorFlow, unless the folder lies on `gs://`.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from absl import logging

from tf_bert import config as config_lib
from tf_bert.config import Config
from tf_bert.config.all_settings import FOLLOWING
from tf_bert.runs import model_card, run_folder
from tf_bert.runs.run_folder import TRIALS, TRIALS_LINES, RunFolder
from tf_bert.system import file_io, written_files

# A status of earlier versions, with `--early_stop_trials`.
_STOPPED_EARLY = "stopped"
# What every record has, however its trial went.
_KEYS = (
    "recipe",
    "status",
    "error",
    "chosen",
    "last",
    "best",
    "is_failed",
    "is_degenerate",
    "is_constant",
)


class TrialFolder:
    """The folder of a sweep, `--output_dir`.

    Args:
        path: local or `gs://`; need not exist.
    """

    def __init__(self, path: str):
        self.path = path
        self._folder = RunFolder(path)

    def join(self, *names: str) -> str:
        """Path of something in the folder."""
        return self._folder.join(*names)

    def check_usable(self, config: Config) -> None:
        """Refuses a folder that holds something else; touches nothing.

        Raises:
            FileExistsError, FileNotFoundError, ValueError, NotADirectoryError,
                PermissionError: as `RunFolder` does.
        """
        self._folder.check_usable(config)
        self._folder.check_writable()

    def begun(self, config: Config) -> dict[str, Any] | None:
        """Returns the stored configuration, as `RunFolder.begun` does."""
        return self._folder.begun(config)

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """The time in which no other process gets in.

        Raises:
            FileExistsError: if another process is at work here.
        """
        return self._folder.locked()

    def begin(self, config: Config) -> None:
        """Writes the configuration; removes old trials if told to."""
        self._folder.begin(config)
        file_io.make_dirs(self.join(TRIALS))

    def read_records(self) -> list[dict[str, Any]]:
        """Returns the record of each finished trial, in a definite order.

        Those that an earlier version stopped early are left out: they have
        not finished.

        Raises:
            ValueError: if a file is damaged.
        """
        records = [_read_record(path) for path in self._record_paths()]
        finished = [r for r in records if r["status"] != _STOPPED_EARLY]
        if len(finished) < len(records):
            logging.warning(
                "%d of %d trials in %s were stopped early by an earlier "
                "version, for their scores on validation. They are left out, "
                "and the others are a selection of the best. Give the command "
                "of --mode=trials again to train all to their end.",
                len(records) - len(finished),
                len(records),
                self.path,
            )
        return sorted(finished, key=_order)

    def _record_paths(self) -> list[str]:
        folder = self.join(TRIALS)
        if not file_io.is_dir(folder):
            return []
        return [
            os.path.join(folder, name)
            for name in file_io.list_dir(folder)
            if name.endswith(".json") and not name.startswith(".")
        ]

    def write_trial(
        self, record: Mapping[str, Any], files: Mapping[str, bytes]
    ) -> None:
        """Stores a finished trial.

        Args:
            record: of the trial.
            files: path below the trial's folder -> content.
        """
        path = self.run_path(record["trial"])
        # Of a trial that was killed here, or ended in an error.
        if file_io.is_dir(path):
            file_io.remove_tree(path)
        for file, content in files.items():
            file_path = os.path.join(path, file)
            file_io.make_dirs(os.path.dirname(file_path))
            file_io.write_bytes(file_path, content)
        text = json.dumps(record, indent=1, sort_keys=True) + "\n"
        file_io.write_text(f"{path}.json", text)

    def write_lines(self, records: Iterable[dict[str, Any]]) -> None:
        """Writes `trials.jsonl`.

        Args:
            records: of all trials that are there, in any order.
        """
        lines = [
            json.dumps(x, sort_keys=True) for x in sorted(records, key=_order)
        ]
        file_io.write_text(
            self.join(TRIALS_LINES), "".join(f"{line}\n" for line in lines)
        )

    def read_optional(self, name: str) -> dict[str, Any]:
        """Reads one of the JSON files; an empty one if it is not there."""
        return self._folder.read_optional(name)

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Writes one of the JSON files."""
        self._folder.write_json(name, content)

    def run_path(self, name: str) -> str:
        """The folder of a trial; with its model, that of a finished run."""
        return self.join(TRIALS, name)

    def model_path(self, name: str) -> str:
        """Where the model of a trial lies, if it is kept."""
        return os.path.join(self.run_path(name), run_folder.MODEL)

    def remove_model(self, name: str) -> None:
        """Removes the model of a trial, if it is there.

        The trial's folder is no finished run any more.
        """
        if not file_io.is_dir(self.model_path(name)):
            return
        for file in (
            run_folder.RESULTS,
            run_folder.CONFIG,
            run_folder.SPLITS,
            written_files.FILE,
        ):
            if file_io.exists(os.path.join(self.run_path(name), file)):
                file_io.remove_file(os.path.join(self.run_path(name), file))
        file_io.remove_tree(self.model_path(name))

    def publish_model(self, name: str, remark: str) -> bool:
        """Copies the model of a trial to `model/`.

        Args:
            name: of the trial.
            remark: Markdown, put at the end of its card.

        Returns:
            Whether it was there.
        """
        source = self.model_path(name)
        if not file_io.is_dir(source):
            return False
        # No checkpoint is read without its configuration.
        with self._folder.written.open_folder_writer(
            run_folder.MODEL, last="config.json"
        ) as folder:
            for file in file_io.list_dir(source):
                content = file_io.read_bytes(os.path.join(source, file))
                if file == model_card.FILE_NAME:
                    content += f"\n{remark}\n".encode()
                file_io.write_bytes(os.path.join(folder, file), content)
        return True


def _order(record: Mapping[str, Any]) -> tuple:
    configuration = json.dumps(record["config"], sort_keys=True)
    return (configuration, *(record["seeds"][name] for name in FOLLOWING))


def _read_record(path: str) -> dict[str, Any]:
    try:
        record = json.loads(file_io.read_text(path))
        _order(record)
        for key in _KEYS:
            record[key]
        if record["trial"] != os.path.basename(path).removesuffix(".json"):
            raise ValueError("another trial's")
        config_lib.Config.from_dict({"output_dir": ".", **record["config"]})
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"A trial's record must be as it was written. Received: {path} "
            f"({error!r}). It was changed by hand: restore it, or remove it "
            "to run that trial again."
        ) from error
    return record
