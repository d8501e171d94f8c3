"""The folder of a sweep: what lies where, and who may write there.

Of a finished trial, `trials/<name>.json` is written last: where it is, the
trial is whole. Everything else is derived from these files. Only that of a
trial that ended in an error is replaced, when the trial is run again.
No TensorFlow, unless the folder lies on `gs://`.
"""

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


class TrialFolder(RunFolder):
    """The folder of a sweep, `--output_dir`."""

    def check_usable(self, config: Config) -> None:
        """Refuses what `RunFolder` does, and what cannot be written."""
        super().check_usable(config)
        self.check_writable()

    def begin(self, config: Config) -> None:
        """Writes the configuration; removes old trials if told to."""
        super().begin(config)
        file_io.make_dirs(self.join(TRIALS))

    def read_records(self) -> list[dict[str, Any]]:
        """Returns the record of each finished trial, in a definite order.

        Those that an earlier version stopped early have not finished.
        """
        folder = self.join(TRIALS)
        names = file_io.list_dir(folder) if file_io.is_dir(folder) else []
        records = [
            _read_record(os.path.join(folder, name))
            for name in names
            if name.endswith(".json") and not name.startswith(".")
        ]
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

    def write_trial(
        self, record: Mapping[str, Any], files: Mapping[str, bytes]
    ) -> None:
        """Stores a finished trial.

        The paths of `files` are below the trial's folder.
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
        """Writes `trials.jsonl`, of all trials that are there."""
        lines = [
            json.dumps(x, sort_keys=True) for x in sorted(records, key=_order)
        ]
        file_io.write_text(
            self.join(TRIALS_LINES), "".join(f"{line}\n" for line in lines)
        )

    def run_path(self, name: str) -> str:
        """The folder of a trial; with its model, that of a finished run."""
        return self.join(TRIALS, name)

    def remove_model(self, name: str) -> None:
        """Removes the model of a trial, if it is there.

        The trial's folder is not a finished run any more.
        """
        path = self.run_path(name)
        model = os.path.join(path, run_folder.MODEL)
        if not file_io.is_dir(model):
            return
        for file in (
            run_folder.RESULTS,
            run_folder.CONFIG,
            run_folder.SPLITS,
            written_files.FILE,
        ):
            if file_io.exists(os.path.join(path, file)):
                file_io.remove_file(os.path.join(path, file))
        file_io.remove_tree(model)

    def publish_model(self, name: str, remark: str) -> bool:
        """Copies the model of a trial to `model/`, if it is there.

        The remark is Markdown, and put at the end of its card.
        """
        source = self.join(TRIALS, name, run_folder.MODEL)
        if not file_io.is_dir(source):
            return False
        # No checkpoint is read without its configuration.
        with self.written.open_folder_writer(
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
            f"A trial's record is damaged. Received: {path} ({error!r}). It "
            "was changed by hand: restore it, or remove it to run that trial "
            "again."
        ) from error
    return record
