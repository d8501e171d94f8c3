"""The section about mistakes: rows where a model is most sure and wrong.

They say more than a score: a label that is wrong in the data, a kind of text
that the training has not seen. The texts are read from the data once more,
for a run keeps none of them. No TensorFlow.

Letters: T trials, N rows, C classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_bert.config import Config
from tf_bert.data.tasks import run_data, tfds_source
from tf_bert.data.tasks.data_name import source_name
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.data.tasks.stored_rows import ChangedDataError
from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.report.page import Section, Table
from tf_bert.scoring.number_texts import number
from tf_bert.scoring.scored_rows import ScoredRows

_MAX_MISTAKES = 20


def mistakes_section(
    config: Config,
    trials: Sequence[ScoredRows],
    *,
    split: str,
    label_names: Sequence[str],
    record: Mapping[str, Any] | None = None,
) -> Section:
    """The twenty most confident mistakes, the surest first, with their texts.

    Of several trials it is the mean of their probabilities that is wrong: what
    all of them are sure of goes before what one of them got wrong. A
    regression has its largest errors.

    Args:
        config: of the run or of the trials; its data is read. A dataset of
            tensorflow-datasets that was removed is not prepared again.
        trials: all on the same rows; none: only a sentence is shown.
        label_names: C names, in the order of their ids; none for a
            regression.
        record: of the rows that they had, see `run_data.load`.
    """
    title = "Most confident mistakes" if label_names else "Largest errors"
    examples, text = None, "Left out: no scored examples are stored."
    if trials:
        examples, text = _read(config, trials, split, label_names, record)
    if examples is None:
        return Section("mistakes", title, text)
    if label_names:
        found = _wrong_classes(examples, trials, label_names)
        caption = "surest"
        text = (
            "The examples where the model is wrong and most sure, the surest "
            "first. Often the label in the data is wrong, or the training had "
            "no text of this kind."
        )
    else:
        found = _largest_errors(examples, trials)
        caption = "largest errors"
        text = "The examples that are predicted worst, the worst first."
    if not found:
        return Section("mistakes", title, f"Every {split} example is right.")
    table = _table(found[:_MAX_MISTAKES], caption)
    return Section("mistakes", title, text, tables=(table,))


def _table(found: Sequence[Mapping[str, str]], caption: str) -> Table:
    """Those columns of which a cell is not empty."""
    header = [name for name in found[0] if any(row[name] for row in found)]
    return Table(
        "mistakes",
        f"The {len(found)} {caption}",
        header,
        [[row[name] for name in header] for row in found],
        num_text_columns=len(header) - 1,
    )


def _read(
    config: Config,
    trials: Sequence[ScoredRows],
    split: str,
    label_names: Sequence[str],
    record: Mapping[str, Any] | None,
) -> tuple[Examples | None, str]:
    """Returns the rows of a split, or a sentence why there are none."""
    try:
        task = run_data.get_task(config)
        if _must_be_downloaded(config, task):
            return None, (
                "The texts are not shown, since the dataset is not prepared "
                "on this machine (--tfds_data_dir)."
            )
        # Without a record they are of an earlier version.
        data = run_data.load(config, task, record=record, copies_together=False)
    except ChangedDataError as error:
        return None, (
            "The data has changed since the training, so that the texts are "
            f"not shown ({error.difference}). All numbers are those that were "
            "stored."
        )
    except (OSError, ValueError, ImportError) as error:
        return None, (
            "The texts are not shown, since the data cannot be read any more: "
            f"{error}"
        )
    examples = data.splits().get(split)
    if reason := _changed(data, examples, trials, label_names):
        return None, (
            f"The texts are not shown, since the {split} split of the data is "
            f"not what it was: {reason}."
        )
    return examples, ""


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
            row = examples.row_numbers[changed[0]]
            return f"row {row} of {examples.source} has another label"
    return None


def _wrong_classes(
    examples: Examples,
    trials: Sequence[ScoredRows],
    label_names: Sequence[str],
) -> list[dict[str, str]]:
    shares = np.mean([rows.probabilities for rows in trials], axis=0)  # [N, C]
    predicted = shares.argmax(axis=1)
    counts = np.sum([rows.is_wrong() for rows in trials], axis=0)
    return [
        {
            **_texts(examples, row),
            "true": label_names[examples.labels[row]],
            "predicted": label_names[predicted[row]],
            "over the trials": f"wrong in {counts[row]} of {len(trials)} trials"
            if len(trials) > 1
            else "",
            "row": _place(examples, row),
            "probability": number(shares[row].max()),
        }
        for row in _largest_first(shares.max(axis=1))
        if predicted[row] != examples.labels[row]
    ]


def _largest_errors(
    examples: Examples, trials: Sequence[ScoredRows]
) -> list[dict[str, str]]:
    scores = np.array([rows.predictions for rows in trials])  # [T, N]
    mean, low, high = (
        scores.mean(axis=0),
        scores.min(axis=0),
        scores.max(axis=0),
    )
    errors = np.abs(mean - examples.labels)
    return [
        {
            **_texts(examples, row),
            "true": f"{examples.labels[row]:.4g}",
            "predicted": f"{mean[row]:.4g}",
            "over the trials": f"{low[row]:.4g} to {high[row]:.4g} in "
            f"{len(trials)} trials"
            if len(trials) > 1
            else "",
            "row": _place(examples, row),
            "error": number(errors[row]),
        }
        for row in _largest_first(errors)
        if errors[row] > 0
    ]


def _largest_first(values: np.ndarray) -> np.ndarray:
    """Row numbers `[N]`; of equal values the first, whatever the rounding."""
    return np.argsort(-values.round(8), kind="stable")


def _texts(examples: Examples, row: int) -> dict[str, str]:
    pairs = examples.text_pairs
    return {
        "text": examples.texts[row],
        "second text": "" if pairs is None else pairs[row],
    }


def _place(examples: Examples, row: int) -> str:
    return f"{source_name(examples.source)}, {examples.row_numbers[row]}"
