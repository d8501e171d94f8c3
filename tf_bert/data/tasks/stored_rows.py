"""The rows that a run began with, as its `splits.json` tells them.

A run is continued, evaluated and reported on these rows, whatever a later
version of the program would draw; and on these texts and labels alone.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging

from tf_bert.data.tasks import row_digests
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.row_digests import RowDigests, parse_rows


class ChangedDataError(ValueError):
    """The data of a run is not what it was; `difference` says where."""

    def __init__(self, difference: str):
        super().__init__(
            "The data is not that with which the run began. Received: "
            f"{difference}. Restore the data; or pass --test_file with other "
            "examples to --mode=evaluate, or --overwrite_output_dir to --mode="
            "train, to start over."
        )
        self.difference = difference


@dataclasses.dataclass(frozen=True)
class StoredRows:
    """Which rows a run began with.

    Args:
        splits: Split of the run -> numbers of its rows, in their order.
        digests: Split of the task, before any was divided -> its rows; empty
            for a run of an earlier version, which stored none.
        is_halved: Whether the validation rows were cut in half.
        is_sampled: Whether rows of the training data were left out.
    """

    splits: Mapping[str, np.ndarray]
    digests: Mapping[str, RowDigests]
    is_halved: bool
    is_sampled: bool

    @classmethod
    def parse(cls, record: Mapping[str, Any]) -> "StoredRows":
        """Reads the content of `splits.json`."""
        try:
            return cls(
                splits={
                    split: parse_rows(entry["rows"])
                    for split, entry in record["splits"].items()
                },
                digests={
                    split: RowDigests.from_json(entry)
                    for split, entry in record.get("data", {}).items()
                },
                is_halved=bool(record["split_dev_in_half"]),
                is_sampled=bool(record["max_train_examples"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                "Could not read the run's splits.json. Received: "
                f"{error!r}. It was changed by hand: restore it, or train "
                "again with --overwrite_output_dir."
            ) from error

    def check(self, found: Mapping[str, RowDigests]) -> None:
        """Raises `ChangedDataError` if a row is known not to be what it was.

        Args:
            found: Split of the task -> its rows, as they are now.
        """
        if not self.digests:
            logging.warning(
                "Whether the data is what it was cannot be checked, but for "
                "the number of its rows: the run is of an earlier version, "
                "which stored no digests of them."
            )
            self._check_numbers(found)
            return
        said = [
            row_digests.difference(digests, found[split])
            if split in found
            else f"no {split} examples any more"
            for split, digests in self.digests.items()
        ]
        if any(said):
            raise ChangedDataError("; ".join(filter(None, said)))

    def select(self, data: Mapping[str, Examples]) -> dict[str, Examples]:
        """Returns the splits of the run from those of the task."""
        selected = {}
        for split, numbers in self.splits.items():
            examples = data[self._origin(split, data)]
            order = np.argsort(examples.row_numbers, kind="stable")
            places = np.searchsorted(
                examples.row_numbers, numbers, sorter=order
            )
            selected[split] = examples.select(order[places])
        return selected

    def copies_in(self, split: str, rows: RowDigests) -> np.ndarray:
        """Returns the numbers of the rows of which the split has a copy."""
        if split not in self.splits:
            return np.zeros(0, np.int64)
        digests = self.digests[self._origin(split, self.digests)]
        is_there = np.isin(digests.numbers, self.splits[split])
        known = {digests.keys[i] for i in np.flatnonzero(is_there)}
        is_known = np.array([key in known for key in rows.keys], bool)
        return rows.numbers[is_known]

    def _origin(self, split: str, data: Mapping[str, Any]) -> str:
        """The split of the task that a split of the run was drawn from."""
        if split in data:
            return split
        is_half = split == "test" and self.is_halved
        return "validation" if is_half else "train"

    def _check_numbers(self, found: Mapping[str, RowDigests]) -> None:
        """Finds that rows have come or gone, without their digests."""
        drawn: dict[str, list[np.ndarray]] = {}
        for split, numbers in self.splits.items():
            drawn.setdefault(self._origin(split, found), []).append(numbers)
        for origin, parts in drawn.items():
            numbers, rows = np.concatenate(parts), found[origin]
            is_whole = len(numbers) == len(rows.numbers)
            if origin == "train" and self.is_sampled:
                is_whole = len(numbers) <= len(rows.numbers)
            if not is_whole or not np.isin(numbers, rows.numbers).all():
                raise ChangedDataError(
                    f"{rows.source}: {len(rows.numbers)} rows, of which the "
                    f"run had {len(numbers)} in its splits"
                )
