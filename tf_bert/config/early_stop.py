"""What `--early_stop_trials` says: how many trials go on, and from where on.

No TensorFlow.
"""

import dataclasses
import math
import re
from collections.abc import Sequence

_VALUE = re.compile(r"keep:(?P<keep>\d+),at:(?P<at>\d*\.?\d+)", re.ASCII)


@dataclasses.dataclass(frozen=True)
class EarlyStop:
    """Start many trainings of a recipe, stop most of them early.

    All trials of a recipe train to their first evaluation at or after a part
    of their steps; those that are best on validation there go on. With T
    trials, ``keep`` of which go on, the cost is that of
    ``T at + keep (1 - at)`` trainings, if there is an evaluation at ``at``
    itself.

    The paper evaluates ten times an epoch, and finds good settings where
    about half of the trials go on, after 20 to 30 % of the training.

    Args:
        keep: >= 1. Trials of a recipe that go on. As many as there are, or
            more, stop nothing.
        at: in (0, 1). Part of the steps after which they are compared.

    Example:
        >>> stop = EarlyStop.parse("keep:10,at:0.3")
        >>> stop.keep, stop.at, str(stop)
        (10, 0.3, 'keep:10,at:0.3')

    References:
        Dodge et al., 2020, "Fine-tuning pretrained language models: weight
        initializations, data orders, and early stopping", Section 5.
        https://arxiv.org/abs/2002.06305
    """

    keep: int
    at: float

    @classmethod
    def parse(cls, text: str) -> "EarlyStop":
        """Returns what a value of the flag says.

        Args:
            text: such as ``keep:10,at:0.3``.

        Raises:
            ValueError: if it is not of this form, or a number out of range.
        """
        found = _VALUE.fullmatch(text)
        stop = cls(int(found["keep"]), float(found["at"])) if found else None
        if stop is None or stop.keep < 1 or not 0 < stop.at < 1:
            raise ValueError(
                "`early_stop_trials` must be keep:K,at:F: how many trials of "
                "a recipe go on (K at least 1), and after which part of the "
                "training the others are stopped (F above 0 and below 1). "
                f"Received: early_stop_trials={text!r}. Pass "
                "--early_stop_trials=keep:10,at:0.3, or leave it out."
            )
        return stop

    def __str__(self) -> str:
        return f"keep:{self.keep},at:{self.at}"

    def pause_step(self, evaluation_steps: Sequence[int]) -> int:
        """Returns the step at which trials are compared.

        Args:
            evaluation_steps: of a training, ascending; the last is its end.

        Returns:
            The first of them at or after the part `at` of the training, in
            whole steps, rounded down as evaluations are: of ten evaluations
            the third is at 0.3, however many steps there are.

        Example:
            >>> EarlyStop(10, 0.3).pause_step((9, 19, 28, 38, 48))
            19
        """
        *_, end = evaluation_steps
        # 0.29 * 100 is a little below 29 for a computer.
        first = math.floor(self.at * end + 1e-9)
        return next(step for step in evaluation_steps if step >= first)
