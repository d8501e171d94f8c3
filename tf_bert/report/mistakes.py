"""The rows on which a model is most sure and wrong, with their texts.

They say more than a score: a label that is wrong in the data, a kind of text
that the training has not seen. The texts are read from the data once more,
for a run keeps none of them. No TensorFlow.

Letters: T trials, N rows, C classes.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_bert.config import Config
from tf_bert.data.tasks import run_data, tfds_source
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.data.tasks.stored_rows import ChangedDataError
from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.scoring.scored_rows import ScoredRows


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One row that is predicted wrongly, as people read it.

    Args:
        source: Path of the file that the row stands in.
        row_number: Data row of `source`, counted from 1; a header is not
            counted.
        text: As it stands in the file; not escaped.
        text_pair: None for a task of single texts.
        label: Name of the true class, or the true score.
        prediction: Likewise; for several trials that of the mean over them.
        confidence: Mean probability of the predicted class; for a regression
            the error of the mean score.
        spread: Over several trials: "wrong in 9 of 10 trials"; for a
            regression the lowest and the highest score. Empty for one.
    """

    source: str
    row_number: int
    text: str
    text_pair: str | None
    label: str
    prediction: str
    confidence: float
    spread: str


def confident_mistakes(
    config: Config,
    trials: Sequence[ScoredRows],
    *,
    split: str,
    label_names: Sequence[str],
    record: Mapping[str, Any] | None = None,
    num_mistakes: int = 20,
) -> list[Mistake] | str:
    """Returns the most confident mistakes, the surest first.

    Of several trials it is the mean of their probabilities that is wrong: what
    all of them are sure of goes before what one of them got wrong.

    Args:
        config: Of the run or of the trials; its data is read. A dataset of
            tensorflow-datasets that was removed is not prepared again.
        trials: At least one; all on the same rows.
        split: Whose rows they are.
        label_names: C names, in the order of their ids; none for a
            regression.
        record: Of the rows that they had, see `run_data.load`.
        num_mistakes: At most so many.

    Returns:
        The mistakes, none if all rows are right (a regression: its largest
        errors); or a sentence, if the data is not there any more or is not
        what it was.
    """
    try:
        task = run_data.get_task(config)
        if _must_be_downloaded(config, task):
            return (
                "The texts are not shown, since the dataset is not prepared "
                "on this machine (--tfds_data_dir)."
            )
        # Without a record they are of an earlier version.
        data = run_data.load(config, task, record=record, copies_together=False)
    except ChangedDataError as error:
        return (
            "The data has changed since the training, so that the texts are "
            f"not shown ({error.difference}). All numbers are those that were "
            "stored."
        )
    except (OSError, ValueError, ImportError) as error:
        return (
            "The texts are not shown, since the data cannot be read any more: "
            f"{error}"
        )
    examples = data.splits().get(split)
    reason = _changed(data, examples, trials, label_names)
    if reason:
        return (
            f"The texts are not shown, since the {split} split of the data is "
            f"not what it was: {reason}."
        )
    if label_names:
        found = _wrong_classes(examples, trials, label_names)
    else:
        found = _largest_errors(examples, trials)
    return found[:num_mistakes]


def _must_be_downloaded(config: Config, task: TaskSpec) -> bool:
    """Whether to read the data would need a network, and minutes."""
    files = (config.train_file, config.validation_file, config.test_file)
    if task.tfds is None or task.is_bundled or config.data_dir or any(files):
        return False
    name, data_dir = task.tfds.name, config.tfds_data_dir
    return not tfds_source.open_builder(name, data_dir).is_prepared()


def _changed(
    data: TaskData,
    examples: Examples | None,
    trials: Sequence[ScoredRows],
    label_names: Sequence[str],
) -> str | None:
    """Says in which way the data is another one than the trials had."""
    if examples is None:
        return "there is none"
    if tuple(data.task.label_names or ()) != tuple(label_names):
        return "its classes have other names"
    for rows in trials:
        if len(rows.labels) != len(examples):
            return f"it has {len(examples)} rows, not {len(rows.labels)}"
        # Scores were float32 when they were written down.
        stored = rows.labels.astype(examples.labels.dtype)
        changed = np.flatnonzero(stored != examples.labels)
        if changed.size:
            number = examples.row_numbers[changed[0]]
            return f"row {number} of {examples.source} has another label"
    return None


def _wrong_classes(
    examples: Examples,
    trials: Sequence[ScoredRows],
    label_names: Sequence[str],
) -> list[Mistake]:
    shares = np.mean([rows.probabilities for rows in trials], axis=0)  # [N, C]
    predicted = shares.argmax(axis=1)
    counts = np.sum([rows.is_wrong() for rows in trials], axis=0)
    return [
        _mistake(
            examples,
            row,
            label=label_names[examples.labels[row]],
            prediction=label_names[predicted[row]],
            confidence=shares[row].max(),
            spread=f"wrong in {counts[row]} of {len(trials)} trials"
            if len(trials) > 1
            else "",
        )
        for row in _largest_first(shares.max(axis=1))
        if predicted[row] != examples.labels[row]
    ]


def _largest_errors(
    examples: Examples, trials: Sequence[ScoredRows]
) -> list[Mistake]:
    scores = np.array([rows.predictions for rows in trials])  # [T, N]
    mean = scores.mean(axis=0)
    errors = np.abs(mean - examples.labels)
    low, high = scores.min(axis=0), scores.max(axis=0)
    return [
        _mistake(
            examples,
            row,
            label=f"{examples.labels[row]:.4g}",
            prediction=f"{mean[row]:.4g}",
            confidence=errors[row],
            spread=f"{low[row]:.4g} to {high[row]:.4g} in {len(trials)} trials"
            if len(trials) > 1
            else "",
        )
        for row in _largest_first(errors)
        if errors[row] > 0
    ]


def _largest_first(values: np.ndarray) -> np.ndarray:
    """Row numbers `[N]`; of equal values the first, whatever the rounding."""
    return np.argsort(-values.round(8), kind="stable")


def _mistake(examples: Examples, row: int, **fields: Any) -> Mistake:
    pairs = examples.text_pairs
    return Mistake(
        source=examples.source,
        row_number=int(examples.row_numbers[row]),
        text=examples.texts[row],
        text_pair=None if pairs is None else pairs[row],
        **fields,
    )
