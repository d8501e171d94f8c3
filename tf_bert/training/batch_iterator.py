"""Where the training loop takes its steps from."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tf_bert.data.batches.batch_plan import Plan


class Feed:
    """The steps of a training, from any one on, each once and in order.

    Args:
        plan: of the training.
        open_iterator: from the numbers of some steps, ascending, to an
            iterator over their distributed batches.
        first_step: in [0, K]. Earlier steps are left out.
        static_shapes: whether an iterator's batches must have one shape: then
            each shape has an iterator of its own. Else one has them all.
    """

    def __init__(
        self,
        plan: Plan,
        open_iterator: Callable[[np.ndarray], Any],
        *,
        first_step: int = 0,
        static_shapes: bool = False,
    ):
        self._first_step = first_step
        self._open_iterator = open_iterator
        self._iterators: dict[int, Any] = {}
        self._shapes = np.zeros(plan.num_steps, np.int64)  # [K], numbered.
        if static_shapes:
            shapes = np.stack([plan.num_rows, plan.widths], axis=1)
            _, numbers = np.unique(shapes, axis=0, return_inverse=True)
            self._shapes = numbers.reshape(-1)

    def at(self, step: int, most: int) -> tuple[Any, int]:
        """Returns what the next steps are taken from.

        Args:
            step: that were taken so far, those before the feed's first too;
                less than K.
            most: >= 1. Steps that are wanted in one call of the loop.

        Returns:
            An iterator, and how many steps to take from it, in [1, `most`].
        """
        shape = self._shapes[step]
        if shape not in self._iterators:
            steps = np.flatnonzero(self._shapes == shape)
            self._iterators[shape] = self._open_iterator(
                steps[steps >= self._first_step]
            )
        others = np.flatnonzero(self._shapes[step : step + most] != shape)
        return self._iterators[shape], int(others[0]) if len(others) else most
