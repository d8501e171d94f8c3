"""The states that a run resumes from: the last two, and the best weights."""

import dataclasses
import json
import os
import re
from typing import Any

from absl import logging

from tf_bert.runs.state import checkpointing
from tf_bert.runs.state.checkpointing import Arrays, DamagedFile
from tf_bert.system import file_io

_NUM_KEPT = 2
_STATE = re.compile(r"state_(\d+)_step_\d+\.[0-9a-f]{8}\.safetensors")
# What this class writes: also what is left of a write that was killed.
_OURS = re.compile(r"(state|best)_.*\.safetensors|\..*\.tmp")


@dataclasses.dataclass(frozen=True)
class State:
    """What a run resumes from.

    Attributes:
        progress: how far it is, with `step`; what JSON can hold.
        best: the weights to be used if no later ones are better; None: those
            saved with an earlier state, or there are none.
        path: of the file, once there is one.
    """

    arrays: Arrays
    progress: dict[str, Any]
    best: Arrays | None = None
    path: str | None = None


class SavedStates:
    """Two generations of states in a folder.

    A file is called `state_<number>_step_<step>.<checksum>.safetensors`, where
    the newest has the largest number, and names the file of the best weights,
    `best_step_<step>.<checksum>.safetensors`, which is written before it and
    kept for as long as a state names it. What is older is removed once the
    newest state is whole. So at every moment one whole state is there, from
    the first one on.

    Args:
        path: of the folder, local or `gs://`. It need not exist.
    """

    def __init__(self, path: str):
        self._path = path
        self._best = ""
        self._number = 0
        # States that stay, oldest first -> the best weights that each names.
        self._kept: dict[str, str] = {}

    def save(self, state: State) -> None:
        """Writes a state, which is the newest one then."""
        step = state.progress["step"]
        if state.best is not None:
            self._best = checkpointing.write(
                self._path, f"best_step_{step}", state.best, {}
            )
        self._number += 1
        name = checkpointing.write(
            self._path,
            f"state_{self._number}_step_{step}",
            state.arrays,
            {"progress": json.dumps(state.progress), "best": self._best},
        )
        self._kept[name] = self._best
        while len(self._kept) > _NUM_KEPT:
            del self._kept[next(iter(self._kept))]
        self._remove_others()

    def load(self) -> State | None:
        """Returns the newest state that is whole; None if none was saved."""
        names = self._names()
        if names:
            self._number = _number(names[0])
        for name in names:
            try:
                state, best = self._read(name)
            except DamagedFile as error:
                logging.warning(
                    "A state of the run cannot be used: %s. Falling back to "
                    "the one before.",
                    error,
                )
                continue
            self._best, self._kept = best, {name: best}
            return state
        if names:
            raise ValueError(
                "No state is left that the run could continue from. Received: "
                f"{self._path}, where {' and '.join(names)} are damaged, or "
                "the best weights that belong to them. Restore a state with "
                "its best weights, or pass --overwrite_output_dir to start "
                "over."
            )
        return None

    def load_best(self) -> tuple[Arrays, str]:
        """Returns the best weights of the newest state, and their path."""
        path = os.path.join(self._path, self._best)
        return checkpointing.read(path)[0], path

    def _names(self) -> list[str]:
        """The names of the states, newest first."""
        if not file_io.is_dir(self._path):
            return []
        names = file_io.list_dir(self._path)
        states = [name for name in names if _STATE.fullmatch(name)]
        return sorted(states, key=_number, reverse=True)

    def _read(self, name: str) -> tuple[State, str]:
        path = os.path.join(self._path, name)
        arrays, metadata = checkpointing.read(path)
        best = metadata["best"]
        if best:
            checkpointing.read_checked(os.path.join(self._path, best))
        return State(arrays, json.loads(metadata["progress"]), path=path), best

    def _remove_others(self) -> None:
        kept = {*self._kept, *self._kept.values()}
        for name in file_io.list_dir(self._path):
            if name not in kept and _OURS.fullmatch(name):
                file_io.remove_file(os.path.join(self._path, name))


def _number(name: str) -> int:
    return int(name.split("_")[1])
