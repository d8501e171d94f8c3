"""All that an inspection found, as one object."""

import dataclasses
from typing import Any

from tf_bert.config import Config
from tf_bert.data.tasks.known_tasks import TaskSpec
from tf_bert.inspection.duplicates import Contradiction, Overlap
from tf_bert.inspection.text_statistics import TextStatistics
from tf_bert.inspection.timing import Measurement
from tf_bert.runs.cost import MemoryEstimate, TrainingCost


@dataclasses.dataclass(frozen=True)
class SplitContents:
    """What is known of one split.

    Attributes:
        labels: class -> rows, or the summary of the scores; None for rows to
            predict.
    """

    file: str
    labels: dict[str, Any] | None
    texts: TextStatistics


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a training would meet.

    Attributes:
        splits: "train", "validation", "test" and "predict", those there are.
        max_positions: tokens that the model can read.
        num_updated: parameters that Adam updates: word embeddings that
            no training text holds get no gradient.
        physical_memory: bytes for a step, of the machine or its container;
            None if not known, or on a GPU.
        measurement: of some steps; None if there is not enough memory
            for one.
    """

    config: Config
    task: TaskSpec
    splits: dict[str, SplitContents]
    overlaps: list[Overlap]
    contradictions: list[Contradiction]
    max_positions: int
    num_parameters: int
    num_trainable: int
    num_updated: int
    hidden_size: int
    training: TrainingCost
    memory: MemoryEstimate
    physical_memory: int | None
    measurement: Measurement | None
