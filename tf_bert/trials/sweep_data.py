"""What the trials of a sweep share beside their training: data and baselines.

No TensorFlow, unless the data comes by it.
"""

import dataclasses
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from tf_bert.baselines import baseline_scores
from tf_bert.config import Config
from tf_bert.config.all_settings import SETTINGS
from tf_bert.config.setting import Rows
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.data.tasks.stored_rows import ChangedDataError, StoredRows


def data_key(configuration: dict[str, Any]) -> str:
    """Returns 12 hexadecimal digits that recipes on the same data share.

    Args:
        configuration: `Config.as_dict`, or the `config` of a trial's record.
    """
    return _hash(configuration, Rows)


def task_key(configuration: dict[str, Any]) -> str:
    """Returns as many that recipes scored on the same rows share.

    They may train on different numbers of examples.
    """
    return _hash(configuration, [Rows.ALL])


def _hash(configuration: dict[str, Any], rows: Iterable[Rows]) -> str:
    """Returns 12 digits of what identifies these rows and has no default."""
    rows = set(rows)
    chosen = {
        name: configuration.get(name)
        for name, setting in SETTINGS.items()
        if setting.identifies in rows
        and configuration.get(name) != setting.default
    }
    text = json.dumps(chosen, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def record_of_rows(
    known: Mapping[str, Any], config: Config
) -> dict[str, Any] | None:
    """Returns what a sweep's `data.json` says of the rows of a training.

    As of `run_data.record`; None of an earlier version, which stored one
    number that says only whether the rows are the same.
    """
    record = known.get(data_key(config.as_dict()))
    return record if isinstance(record, dict) else None


class SweepData:
    """Reads the data of each recipe; data that recipes share, once."""

    def __init__(self):
        self._read: dict[str, TaskData] = {}
        self._records: dict[str, dict[str, Any]] = {}
        self._configs: dict[str, Config] = {}
        self._parted: set[str] = set()

    def of(self, config: Config) -> TaskData:
        """Returns the data of a training."""
        key = data_key(config.as_dict())
        if key not in self._read:
            self._keep(key, config)
        return self._read[key]

    def use_positive_label(self, config: Config, label: str | None) -> None:
        """Gives the data of a training, once read, its positive label."""
        key = data_key(config.as_dict())
        data = self._read[key]
        task = dataclasses.replace(data.task, positive_label=label)
        self._read[key] = dataclasses.replace(data, task=task)

    def _keep(
        self, key: str, config: Config, *, copies_together: bool = True
    ) -> None:
        data = run_data.load(
            config, run_data.get_task(config), copies_together=copies_together
        )
        self._read[key], self._configs[key] = data, config
        self._records[key] = run_data.record(config, data)

    def records(self) -> dict[str, dict[str, Any]]:
        """Returns key -> which rows there are, see `run_data.record`."""
        return dict(self._records)

    def check(self, known: Mapping[str, Any]) -> None:
        """Compares the data with what a sweep began with.

        A sweep of an earlier version, which let copies of a text be in
        several splits, goes on with the rows of then.

        Args:
            known: the content of its `data.json`.

        Raises:
            ChangedDataError: if it is not the same.
        """
        for key, data in list(self._read.items()):
            stored = known.get(key)
            if isinstance(stored, dict):
                StoredRows.parse(stored).check(data.digests)
                continue
            if stored in (None, _digest(data)):
                continue
            config, settled = self._configs[key], data.task.positive_label
            self._keep(key, config, copies_together=False)
            self.use_positive_label(config, settled)
            self._parted.add(key)
            if stored != _digest(self._read[key]):
                raise ChangedDataError(
                    f"{data.train.source}, or another file of the data, with "
                    "other texts or labels"
                )

    def record_if_parted(self, config: Config) -> dict[str, Any] | None:
        """Returns which rows a training has, if it would not draw them so."""
        key = data_key(config.as_dict())
        return self._records[key] if key in self._parted else None

    def baselines(self, known: dict[str, Any]) -> dict[str, Any]:
        """Returns key -> scores of the simple baselines, known or new."""
        return {
            key: known.get(key) or baseline_scores.baselines_of(data)
            for key, data in self._read.items()
        }


def _digest(data: TaskData) -> int:
    """The single number that earlier versions stored."""
    digest = 0
    for split, examples in data.splits().items():
        pairs = examples.text_pairs or ()
        content = json.dumps([split, list(examples.texts), list(pairs)])
        digest = zlib.crc32(content.encode(), digest)
        digest = zlib.crc32(examples.labels, digest)
    return digest
