"""The checkpoints that trainings in a folder start from, for who goes on.

`init_checkpoint.json` of a run or a sweep says of each `init_checkpoint` what
it was then: by the commit where it is one of the hub, else by a digest of the
weights.
"""

import dataclasses
from collections.abc import Collection
from typing import Any

from absl import logging

from tf_bert.checkpoints.digest import weights_digest
from tf_bert.checkpoints.fetch import resolve
from tf_bert.checkpoints.fetch.named_models import NAMED_MODELS
from tf_bert.config import Config
from tf_bert.runs.run_folder import INIT_CHECKPOINT, RunFolder
from tf_bert.system import file_io


@dataclasses.dataclass(frozen=True)
class _Start:
    """What a checkpoint was: one of the two is None."""

    revision: str | None
    digest: str | None

    def __post_init__(self):
        if {type(self.revision), type(self.digest)} != {str, type(None)}:
            raise TypeError("it lacks a revision or a digest")


class StartingPoints:
    """What a run or a sweep began with, and what a new one begins with.

    Args:
        folder: of the run or the sweep; need not exist.
        config: as it is given now.
        used: the checkpoints that something has come of; the others may be
            mended. None: all.
    """

    def __init__(
        self,
        folder: RunFolder,
        config: Config,
        *,
        used: Collection[str] | None = None,
    ):
        self._folder = folder
        has_begun = folder.begun(config) is not None
        known = _read(folder) if has_begun else {}
        self._is_of_earlier_version = has_begun and not known
        self._known = {
            name: start
            for name, start in known.items()
            if used is None or name in used
        }
        self._found: dict[str, _Start] = {}

    def settle(self, config: Config) -> Config:
        """Returns the same, with the revision of a checkpoint of the hub.

        So all that follows reads the same files, whatever happens there
        meanwhile: those that were begun with, else the newest.

        Raises:
            ValueError: if the weights are not those that were begun with.
            FileNotFoundError: if the checkpoint is not there.
        """
        name = config.init_checkpoint
        if self._is_of_earlier_version:
            return config
        if name not in self._found:
            self._found[name] = self._find(name)
        revision = self._found[name].revision
        if revision is not None:
            name = resolve.with_revision(name, revision)
        return dataclasses.replace(config, init_checkpoint=name)

    def check_known(self, config: Config) -> None:
        """Raises a ValueError if the weights are known to differ.

        Those that are elsewhere, or not there any more, are not.
        """
        name = config.init_checkpoint
        if name not in self._known or file_io.is_remote(name):
            return
        try:
            self._find(name)
        except FileNotFoundError as error:
            logging.info("The checkpoint is not there any more: %s", error)

    def write(self) -> None:
        """Adds what was found to the record."""
        if self._is_of_earlier_version:
            logging.warning(
                "Whether the checkpoint is what it was cannot be checked: %s "
                "is of an earlier version, which stored no digest of its "
                "weights.",
                self._folder.path,
            )
            return
        content = {
            name: dataclasses.asdict(start)
            for name, start in {**self._known, **self._found}.items()
        }
        self._folder.write_json(INIT_CHECKPOINT, content)

    def _find(self, name: str) -> _Start:
        known = self._known.get(name)
        if known is not None and known.revision is not None:
            return known  # What a commit holds does not change.
        found = _start_of(name)
        if known is not None and known != found:
            raise ValueError(
                "The weights of the checkpoint are not those that this began "
                f"with. Received: init_checkpoint={name!r}, output_dir="
                f"{self._folder.path}. Restore the checkpoint, or pass another "
                "--output_dir, or --overwrite_output_dir to start over."
            )
        return found


def _start_of(name: str) -> _Start:
    if name in NAMED_MODELS:  # Its files are checked whenever it is used.
        return _Start(None, NAMED_MODELS[name].weights_sha256)
    folder = resolve.resolve(name)
    revision = resolve.find_revision(name, folder)
    return _Start(revision, None if revision else weights_digest(folder))


def _read(folder: RunFolder) -> dict[str, _Start]:
    content: dict[str, Any] = folder.read_optional(INIT_CHECKPOINT)
    try:
        return {name: _Start(**entry) for name, entry in content.items()}
    except TypeError as error:
        raise folder.damaged(INIT_CHECKPOINT, str(error)) from error
