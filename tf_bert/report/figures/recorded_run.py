"""What a run has written down of its training, for its pictures."""

import dataclasses
import json
from typing import Any

import numpy as np

from tf_bert.config import Config
from tf_bert.data.tasks import positive_class, run_data
from tf_bert.runs import run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.scoring.metrics import METRICS, Metric, title_of
from tf_bert.system import file_io
from tf_bert.training import update_log

# From the input to the output; the layers come between.
_FIRST, _LAST = "embeddings", ("pooler", "classifier")


@dataclasses.dataclass(frozen=True)
class RecordedRun:
    """A training as far as it has got.

    Attributes:
        config: of the run.
        history: one entry per evaluation, at least one.
        metric: that chooses the checkpoint, and is drawn.
        metric_name: its key in an entry's ``validation``.
        label_names: as the model knows them; none for a regression, and until
            there is a model.
        positive_label: the class that F1 is of; None unless there are two, or
            while an earlier version's run is not finished.
        is_regression: whether the loss is a squared error.
        updates: arrays of `update_log.UpdateLog.arrays`; None if the run did
            not record them.
    """

    config: Config
    history: list[dict[str, Any]]
    metric: Metric
    metric_name: str
    label_names: tuple[str, ...]
    positive_label: str | None
    is_regression: bool
    updates: dict[str, np.ndarray] | None

    def column(self, *keys: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns the steps of the evaluations that have a value, and these.

        Args:
            *keys: of an entry, outermost first.
        """
        points = []
        for entry in self.history:
            value: Any = entry
            for key in keys:
                value = value.get(key) if value is not None else None
            if value is not None:
                points.append((entry["step"], value))
        steps, values = np.array(points, np.float64).reshape(-1, 2).T
        return steps, values

    def blocks(self) -> list[str]:
        """Names of the blocks whose distance is recorded, lowest first."""
        return sorted(self.history[0].get("distance", {}), key=block_height)


def read(config: Config) -> RecordedRun:
    """Reads a run, finished or not.

    Args:
        config: of `stored_config.stored_config`.

    Raises:
        FileNotFoundError: if the run has not been evaluated yet.
        ValueError: if a file is damaged.
    """
    folder = RunFolder(config.output_dir)
    task = run_data.get_trained_task(config)
    names = () if task.is_regression else _label_names(folder)
    positive = positive_class.recorded(task.positive_label, names)
    label = task.positive_label if positive is None else positive.label
    run = RecordedRun(
        config=config,
        history=_read_history(folder),
        metric=dataclasses.replace(
            METRICS[task.metric], title=title_of(task.metric, label)
        ),
        metric_name=task.metric,
        label_names=names,
        positive_label=label,
        is_regression=task.is_regression,
        updates=None,
    )
    path = folder.join(run_folder.UPDATES)
    if not (config.record_updates and file_io.exists(path)):
        return run
    return dataclasses.replace(run, updates=_read_updates(path, run.blocks()))


def _label_names(folder: RunFolder) -> tuple[str, ...]:
    """The classes as the run's model knows them; none before there is one."""
    path = folder.join(run_folder.MODEL, "config.json")
    if not file_io.exists(path):
        return ()
    names = json.loads(file_io.read_text(path))["id2label"]
    return tuple(names[key] for key in sorted(names, key=int))


def _read_updates(path: str, blocks: list[str]) -> dict[str, np.ndarray]:
    updates = update_log.read_arrays(file_io.read_bytes(path), path=path)
    missing = update_log.array_names(blocks) - updates.keys()
    if missing:
        raise ValueError(
            "The recorded updates must be of the blocks whose distances the "
            f"run's history holds. Received: {path}, without {min(missing)}. "
            "Restore it, or train again with --overwrite_output_dir."
        )
    return updates


def _read_history(folder: RunFolder) -> list[dict[str, Any]]:
    path = folder.join(run_folder.HISTORY)
    if not file_io.exists(path):
        raise FileNotFoundError(
            "A run must have been evaluated once before it is drawn. "
            f"Received: output_dir={folder.path}, without "
            f"{run_folder.HISTORY}. Give the command of the training again, "
            "and wait for its first evaluation; or pass another --output_dir."
        )
    try:
        entries = [json.loads(x) for x in file_io.read_text(path).splitlines()]
        steps = [entry["step"] for entry in entries]
        for entry in entries:
            dict(entry.get("validation", {}), **entry.get("distance", {}))
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, repr(error)) from error
    if not steps:
        raise _damaged(path, "no entries")
    return entries


def _damaged(path: str, reason: str) -> ValueError:
    return ValueError(
        "A run's history must hold one JSON object for each evaluation. "
        f"Received: {path} ({reason}). It was changed by hand: restore it, or "
        "train again with --overwrite_output_dir."
    )


def block_height(block: str) -> int:
    """Where a block stands in the model."""
    if block == _FIRST:
        return -1
    if block in _LAST:
        return 10**6 + _LAST.index(block)
    return int(block.removeprefix("layer_"))
