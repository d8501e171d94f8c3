"""`TaskSpec`: which columns of which data, which labels, which metric."""

import dataclasses
from collections.abc import Container, Mapping

from tf_bert.data.tasks.positive_class import PositiveClass, find

CLASSIFICATION_METRICS = ("accuracy", "f1", "macro_f1", "matthews")
REGRESSION_METRICS = ("spearman", "pearson")


def metric_advice(metric: str) -> str:
    """Returns what to use instead of a metric that was removed, else ""."""
    return "Accuracy is the same number. " if metric == "micro_f1" else ""


# A further split is called after the one that it resembles, with a word more:
# "validation_mismatched".
SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TfdsSpec:
    """Where a task stands in tensorflow-datasets.

    Args:
        name: Of the dataset: `name/config`, with `:version` or without.
        label_names: What the dataset calls the labels, in the order of
            `TaskSpec.label_names`: labels are mapped by name, since the ids
            of a dataset may be others. None: it calls them the same.
        splits: Our split to the dataset's. GLUE's test splits are left out:
            their labels are hidden (-1).
    """

    name: str
    text_feature: str
    text_pair_feature: str | None = None
    label_feature: str = "label"
    label_names: tuple[str, ...] | None = None
    splits: Mapping[str, str] = dataclasses.field(
        default_factory=lambda: {"train": "train", "validation": "validation"}
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """Where the texts and labels of a task stand, and how it is scored.

    Args:
        name: Key in `TASKS`, or "custom".
        text_column: Name in the header row, or digits: the number of the
            column, counted from 1, in files without a header. So are the
            other columns; a task of single texts has no `text_pair_column`.
        label_names: Labels as the files spell them, in the order of their
            ids. None: taken from the training data, or regression.
        metric: Selects the best checkpoint. One of `CLASSIFICATION_METRICS`
            or `REGRESSION_METRICS`.
        positive_label: Of two classes, the one that F1 is about. None: to be
            chosen when the training data is read, or not two classes.
        file_names: Split to file name inside the data folder. Beside `SPLITS`
            there may be more, which are evaluated at the end of a run.
        folder_name: What the folder is called inside its parent (`RTE`).
        has_malformed_rows: Whether the published files are known to hold
            rows with too few fields, or with an empty one. They are left out
            and counted; in any other task such a row is an error.
        group_column: Examples with the same value in it stay
            in one split where some are held out or cut in half.
    """

    name: str
    text_column: str
    text_pair_column: str | None = None
    label_column: str
    label_names: tuple[str, ...] | None = None
    is_regression: bool = False
    metric: str
    positive_label: str | None = None
    file_names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    folder_name: str | None = None
    is_bundled: bool = False
    has_malformed_rows: bool = False
    tfds: TfdsSpec | None = None
    group_column: str | None = None

    @property
    def positive(self) -> PositiveClass | None:
        """The class that F1 is about, once the labels are known."""
        if self.positive_label is None or self.label_names is None:
            return None
        return find(self.positive_label, self.label_names)


def is_split(name: str) -> bool:
    """Says whether a name is a split's: "validation_mismatched" is one."""
    return name.partition("_")[0] in SPLITS


def scored_split(splits: Container[str]) -> str:
    """Returns the split that a model is judged by: test, if there is one."""
    return "test" if "test" in splits else "validation"
