"""From the splits that a task has to those that a run uses."""

import dataclasses
from collections.abc import Collection, Mapping

import numpy as np

from tf_bert.data.tasks.copies import rows_together
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.stratified_split import (
    balanced_sample,
    halves,
    stratified_split,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DivisionRules:
    """How examples are held out, cut in half and left out, as flags say it.

    Test is held out after validation, whose examples do not depend on it, and
    the training examples are sampled last.

    Args:
        copies_together: Keeps copies of a text in one split. False parts
            them, as earlier versions did; no flag asks for it.
    """

    validation_proportion: float = 0.1
    test_proportion: float = 0.0
    split_dev_in_half: bool = False
    max_train_examples: int = 0
    split_seed: int = 0
    copies_together: bool = True


def divide(
    splits: Mapping[str, Examples],
    num_classes: int | None,
    rules: DivisionRules,
) -> dict[str, Examples]:
    """Returns the splits of a run from those that the task has.

    Examples that are copies of each other, or of one group, are never in two of
    the splits that are made here. Splits that the task has are left as they
    are. Examples keep their order and their numbers.

    Args:
        splits: Labelled; "train" is one of them.
        num_classes: None for regression.
    """
    if rules.split_dev_in_half:
        _check_dev_can_be_cut(splits, rules.test_proportion)
    splits = dict(splits)
    held_out = _held_out_proportions(splits, rules)
    if held_out:
        splits |= _hold_out(splits["train"], held_out, rules)
    elif splits["train"].groups is not None:
        raise ValueError(
            "`group_column` has no effect where no examples are held out. "
            f"Received: group_column for {', '.join(splits)}, with "
            f"validation_proportion={rules.validation_proportion}, "
            f"test_proportion={rules.test_proportion}. Leave out "
            "--group_column, or pass --test_proportion=0.2."
        )
    if rules.split_dev_in_half:
        dev = splits["validation"]
        first, second = halves(
            dev.labels, rules.split_seed, _together(dev, rules)
        )
        splits |= {"validation": dev.select(first), "test": dev.select(second)}
    if rules.max_train_examples:
        chosen = balanced_sample(
            splits["train"].labels,
            rules.max_train_examples,
            num_classes=num_classes,
            seed=rules.split_seed,
        )
        splits["train"] = splits["train"].select(chosen)
    return splits


def _together(examples: Examples, rules: DivisionRules) -> np.ndarray | None:
    return rows_together(examples) if rules.copies_together else None


def _check_dev_can_be_cut(
    splits: Collection[str], test_proportion: float
) -> None:
    if "validation" not in splits:
        raise ValueError(
            "There is no validation split to cut in half. "
            f"Received: split_dev_in_half=True for {', '.join(splits)} alone. "
            "Pass --validation_file; or --test_proportion instead of "
            "--split_dev_in_half."
        )
    if "test" in splits or test_proportion:
        raise ValueError(
            "`split_dev_in_half` cannot be combined with another test split. "
            f"Received: split_dev_in_half=True for "
            f"{', '.join(splits)}, test_proportion={test_proportion}. Leave "
            "out --split_dev_in_half, or --test_file and --test_proportion."
        )


def _held_out_proportions(
    splits: Collection[str], rules: DivisionRules
) -> dict[str, float]:
    """Returns split -> share of the training rows, of those to hold out."""
    proportions = {
        "validation": rules.validation_proportion,
        "test": rules.test_proportion,
    }
    proportions = {s: p for s, p in proportions.items() if s not in splits}
    if sum(proportions.values()) >= 1:
        received = ", ".join(
            f"{split}_proportion={proportion}"
            for split, proportion in proportions.items()
        )
        raise ValueError(
            "The held-out parts leave nothing to train on: their sum must be "
            f"below 1. Received: {received}. Lower "
            "--validation_proportion or --test_proportion."
        )
    return {split: p for split, p in proportions.items() if p > 0}


def _hold_out(
    train: Examples, proportions: Mapping[str, float], rules: DivisionRules
) -> dict[str, Examples]:
    """Returns split -> rows; what remains is "train"."""
    splits = {}
    together = _together(train, rules)
    remaining = 1.0  # Share of the rows that `train` still holds.
    for split, proportion in proportions.items():
        kept, held_out = stratified_split(
            train.labels, proportion / remaining, rules.split_seed, together
        )
        splits[split], train = train.select(held_out), train.select(kept)
        together = None if together is None else together[kept]
        remaining -= proportion
    return {**splits, "train": train}
