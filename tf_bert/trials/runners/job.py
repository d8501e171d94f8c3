"""What is asked of a process that runs trials."""

import dataclasses
from typing import Any

from tf_bert.trials.planned_trials import Trial


@dataclasses.dataclass(frozen=True)
class Job:
    """A training, or a part of it.

    Attributes:
        trial: to be run.
        beats: the model is kept if its score (see `trial_record.score`) is
            above this; None keeps every model, infinity none.
        pause_at: number of the step, one of an evaluation, after which the
            training pauses. None: it goes on to its end.
        state: of `paused_state.pack`, that it goes on from. None: it starts.
        record: of the rows that it has, see `run_data.load`. None: they are
            drawn.
    """

    trial: Trial
    beats: float | None = None
    pause_at: int | None = None
    state: bytes | None = None
    record: dict[str, Any] | None = None
