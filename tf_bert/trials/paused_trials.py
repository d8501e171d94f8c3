"""The trials of a sweep that have paused, on disk: to go on, or to be stopped.

No TensorFlow, unless the folder lies on `gs://`.
"""

import json
import os
import zlib
from collections.abc import Iterable
from typing import Any

from absl import logging

from tf_bert.runs import run_folder
from tf_bert.system import file_io
from tf_bert.trials.trial_folder import TrialFolder

_RECORD = "paused.json"
_STATE = "paused.safetensors"


class PausedTrials:
    """The states of paused trials, below the folder of each.

    `trials/<name>/checkpoints/` has the state and, written last, `paused.json`
    with its checksum: where that is, the state is whole.

    Args:
        folder: of the sweep.
        names: of trials that may have paused.
    """

    def __init__(self, folder: TrialFolder, names: Iterable[str]):
        self._folder = folder
        self._found = {name: x for name in names if (x := self._read(name))}

    def names(self) -> list[str]:
        """Returns the names of the paused trials."""
        return list(self._found)

    def record(self, name: str) -> dict[str, Any] | None:
        """Returns the record of a paused trial; None if it has not paused."""
        found = self._found.get(name)
        return None if found is None else found["record"]

    def write(
        self, record: dict[str, Any], files: dict[str, bytes], state: bytes
    ) -> None:
        """Stores a paused trial.

        Args:
            record: of the trial, with status paused.
            files: path below the trial's folder -> content.
            state: of `paused_state.pack`.
        """
        name = record["trial"]
        self._folder.write_files(name, files)
        found = {"record": record, "crc32": zlib.crc32(state)}
        text = json.dumps(found, indent=1, sort_keys=True) + "\n"
        self._folder.write_files(
            name,
            {
                os.path.join(run_folder.CHECKPOINTS, _STATE): state,
                os.path.join(run_folder.CHECKPOINTS, _RECORD): text.encode(),
            },
        )
        self._found[name] = found

    def read_state(self, name: str) -> bytes | None:
        """Returns what a trial goes on from; None: it is to start over.

        Args:
            name: of a trial, paused or not.
        """
        if name not in self._found:
            return None
        path = self._path(name, _STATE)
        if file_io.exists(path):
            state = file_io.read_bytes(path)
            if zlib.crc32(state) == self._found[name]["crc32"]:
                return state
        logging.warning(
            "The state of a paused trial is missing or damaged: %s. The trial "
            "starts over.",
            path,
        )
        return None

    def forget(self, name: str) -> None:
        """Removes the state of a trial, if it is there."""
        self._found.pop(name, None)
        path = self._path(name)
        if file_io.is_dir(path):
            file_io.remove_tree(path)

    def _path(self, name: str, *names: str) -> str:
        return os.path.join(
            self._folder.run_path(name), run_folder.CHECKPOINTS, *names
        )

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self._path(name, _RECORD)
        if not file_io.exists(path):
            return None
        try:
            found = json.loads(file_io.read_text(path))
            if found["record"]["trial"] != name:
                raise ValueError("another trial's")
            int(found["crc32"])
            int(found["record"]["step"])
        except (ValueError, KeyError, TypeError) as error:
            logging.warning(
                "The record of a paused trial is damaged: %s (%r). The trial "
                "starts over.",
                path,
                error,
            )
            return None
        return found
