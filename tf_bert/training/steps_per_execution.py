"""How many training steps to run in one call."""

# A call costs about a millisecond beside its steps; Ctrl-C, the progress bar
# and the check for a loss that is not finite wait for its end.
_SECONDS = 0.1


class StepsPerExecution:
    """Finds the number of steps that take about a tenth of a second.

    What a training computes does not depend on it, see
    `tf_bert.training.training_loop.TrainingLoop.train_steps`.

    Args:
        largest: >= 1. Most steps of a call; 1 keeps them apart.
        smallest: in [1, `largest`]. Fewest steps of a call.

    Attributes:
        num_steps: to run in the next call, in [smallest, largest].

    Example:
        >>> per_call = StepsPerExecution()
        >>> for _ in range(9):
        ...     count = per_call.num_steps
        ...     per_call.adapt(count, seconds=0.004 * count)
        >>> per_call.num_steps
        16
    """

    def __init__(self, largest: int = 256, *, smallest: int = 1):
        self.smallest = smallest
        self.largest = largest
        self.num_steps = smallest

    def adapt(self, num_steps: int, seconds: float) -> None:
        """Learns from a call."""
        expected = seconds / num_steps * self.num_steps
        if expected < _SECONDS / 2:
            self.num_steps = min(2 * self.num_steps, self.largest)
        elif expected > _SECONDS:
            self.num_steps = max(self.num_steps // 2, self.smallest)
